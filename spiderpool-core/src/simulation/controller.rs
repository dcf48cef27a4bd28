//! The controller: settles what edits and crashes left half-done, and sweeps.

use std::{sync::Arc, time::Duration};

use super::{
    coverage::{Branch, hit},
    executor::ProcessId,
    process::Role,
    sources::SimSources,
    world::Shared,
};
use crate::{
    admin::{AdminError, Mode},
    alloc::Allocator,
    store::{Kind, Selector, StoreError},
    sweep::{Done, First, How, Judged, KeepWhy, Second, Sources, SweepPolicy, Verdict},
};

/// Tends and sweeps from time to time.
pub(super) async fn control(world: Shared, process: ProcessId, allocator: Allocator) {
    loop {
        world.calm.open().await;
        if world.closing.get() {
            return;
        }
        world.rest(Duration::from_millis(2_500)).await;
        if world.calm.is_closed() {
            continue;
        }
        let _busy = world.busy();
        world.ledger().begins(process);
        let round = round(&world, process, &allocator).await;
        let mut ledger = world.ledger();
        ledger.requests += 1;
        ledger.note(|| format!("process {process}: round: {round:?}"));
    }
}

/// One round of everything.
pub(super) async fn round(
    world: &Shared,
    process: ProcessId,
    allocator: &Allocator,
) -> Result<(), AdminError> {
    allocator.tend().await?;
    sweep(world, process, allocator).await?;
    drop_idle_blocks(world, allocator).await
}

/// Frees what belongs to nobody who lives.
async fn sweep(world: &Shared, process: ProcessId, allocator: &Allocator) -> Result<(), AdminError> {
    let strict = world.processes.borrow()[process].role == Role::Inspector;
    let faulty = world.profile.faults.before > 0.0 && !strict;
    let seed = world.draw(|dice| dice.next());
    let sources: Arc<dyn Sources> =
        SimSources::new(world.ledger.clone(), world.time.clone(), if faulty { 8 } else { 0 }, seed);
    let mode = if world.chance(10) && !strict { Mode::DryRun } else { Mode::Real };
    let writes = world.ledger().writes_of(process);
    let swept = allocator.sweep(&sources, &SweepPolicy::default(), mode).await?;
    let mut ledger = world.ledger();
    if mode == Mode::DryRun {
        hit(Branch::SweepDry);
        // A write of before may arrive meanwhile, where writes may be late.
        if ledger.writes_of(process) != writes && world.profile.faults.late == 0.0 {
            ledger.violated("I6", format!("a dry run of process {process} wrote something"));
        }
    }
    for judged in &swept.judged {
        count(judged);
        if !matches!(judged.done, Done::Nothing) {
            ledger.note(|| {
                format!(
                    "process {process}: sweep of {}: {}: {:?}",
                    judged.address,
                    judged.reason(),
                    judged.done
                )
            });
        }
    }
    Ok(())
}

fn count(judged: &Judged) {
    match (&judged.verdict, &judged.done) {
        (Verdict::Free { first: First::Superseded { .. }, .. }, Done::Freed) => hit(Branch::SweepDuplicate),
        (Verdict::Free { how: How::Unbind, .. }, Done::Freed) => hit(Branch::SweepUnbound),
        (Verdict::Free { second, .. }, Done::Freed) => {
            hit(Branch::SweepFreed);
            if matches!(second, Second::NodeSilent { .. }) {
                hit(Branch::SweepNodeSilent);
            }
        }
        (_, Done::Changed) => hit(Branch::SweepChanged),
        (_, Done::Kept(_)) => hit(Branch::SweepKept),
        (_, Done::Later(_)) => hit(Branch::SweepLater),
        _ => {}
    }
    match &judged.verdict {
        Verdict::Keep { why: KeepWhy::PodAlive { .. } } => hit(Branch::SweepKeptPod),
        Verdict::Keep { why: KeepWhy::NameInUse } => hit(Branch::SweepKeptName),
        Verdict::Keep { why: KeepWhy::Wanted } => hit(Branch::SweepKeptWanted),
        Verdict::Keep { why: KeepWhy::SandboxAlive { .. } } => hit(Branch::SweepKeptAttached),
        Verdict::Keep { why: KeepWhy::Used | KeepWhy::Ambiguous { .. } } => hit(Branch::SweepKeptTwin),
        Verdict::Wait { .. } => hit(Branch::SweepWaits),
        _ => {}
    }
}

/// Blocks without records that nobody has used for long go, by their tokens.
async fn drop_idle_blocks(world: &Shared, allocator: &Allocator) -> Result<(), AdminError> {
    let skew = Duration::from_millis(2 * world.profile.skew.unsigned_abs());
    let idle = world.profile.idle.max(world.profile.cooldown + skew);
    let now = allocator.env().clock.now();
    for item in allocator.store().list(&Selector::Kind(Kind::Block)).await?.items {
        let Some(block) = item.document.as_block() else { continue };
        let mut released = (0..block.bits().size()).filter_map(|offset| block.released_at(offset));
        if block.held() != 0 || released.any(|at| at.after(idle) > now) {
            continue;
        }
        match allocator.store().delete(&item.key, &item.token).await {
            Ok(()) | Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
