//! What must hold when nothing is under way: no leak (I5), counters that are right (I8), N addresses for N pods (I10),
//! an export that says everything (I12).

mod counts;
mod export;
mod leaks;
mod served;
mod storm;

use std::time::Duration;

use super::{administrator, controller, executor::ProcessId, world::Shared};
use crate::{
    alloc::Allocator,
    inspect::{Finding, FindingKind},
};

/// Longer than any grace, whatever the clocks say.
const GRACE: Duration = Duration::from_secs(420);

/// All of it, after one sweep.
pub(super) async fn check(world: &Shared, inspector: ProcessId, allocator: &Allocator) {
    served::check(world).await;
    tidy(world, inspector, allocator).await;
    leaks::check(world);
    well(world, allocator).await;
    counts::check(world, allocator).await;
    export::check(world, allocator).await;
    storm::check(world, inspector).await;
    counts::check(world, allocator).await;
}

/// Everybody left: nobody holds anything, and no claim is left.
pub(super) async fn empty(world: &Shared, inspector: ProcessId, allocator: &Allocator) {
    // Idle blocks go, too.
    world.sleep(Duration::from_secs(4_000)).await;
    tidy(world, inspector, allocator).await;
    leaks::check_empty(world);
    well(world, allocator).await;
    if let Err(error) = administrator::restore(world, allocator).await {
        world.ledger().violated("setup", format!("the pools cannot be restored: {error}"));
    }
    storm::check(world, inspector).await;
}

/// What a controller does about what was left half-done.
async fn tidy(world: &Shared, inspector: ProcessId, allocator: &Allocator) {
    world.ledger().sweepers.push(inspector);
    world.sleep(GRACE).await;
    for _ in 0..3 {
        if let Err(error) = controller::round(world, inspector, allocator).await {
            world.ledger().violated("I5", format!("without faults, a sweep fails: {error}"));
        }
    }
    world.ledger().sweepers.retain(|sweeper| *sweeper != inspector);
}

/// Nothing that would have to be put right.
async fn well(world: &Shared, allocator: &Allocator) {
    match allocator.inspect().fsck().await {
        Ok(findings) => {
            let overlap = findings.iter().any(|finding| finding.kind == FindingKind::OverlappingPools);
            if let Some(finding) = findings.iter().find(|finding| matters(overlap, finding)) {
                world.ledger().violated("I8", format!("fsck finds {finding}"));
            }
        }
        Err(error) => world.ledger().violated("I8", format!("fsck cannot read the store: {error}")),
    }
}

/// Whether a finding is somebody's mistake here.
fn matters(overlap: bool, finding: &Finding) -> bool {
    match finding.kind {
        // A stateful owner whose container never came up may have lost to somebody else.
        FindingKind::ClaimWithoutRecord | FindingKind::ClaimLeaving => false,
        // Reservations are admitted over held addresses.
        FindingKind::HeldReserved => false,
        // The agent that would have written it died.
        FindingKind::ViewDiffers => false,
        // Pools made past validation, or at the same time outside of a Subnet; nothing is granted twice all the same.
        FindingKind::OverlappingPools => false,
        FindingKind::ControlledDiffers => !overlap,
        _ => true,
    }
}
