//! The controller: settles what edits and crashes left half-done, and sweeps.

use std::{collections::BTreeMap, time::Duration};

use super::{
    coverage::{Branch, hit},
    executor::ProcessId,
    keeper::resource_of,
    world::Shared,
};
use crate::{
    admin::{AdminError, Freeing},
    alloc::Allocator,
    inspect::RecordFilter,
    model::{Attachment, Binding},
    name::NamespacedName,
    protocol::{BindingHolder, Kept, SandboxState, Unbound},
    store::{Key, Kind, Selector, StoreError},
};

/// How long a block must have been idle before it goes.
const IDLE: Duration = Duration::from_secs(3_600);

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
        let round = round(&world, &allocator).await;
        let mut ledger = world.ledger();
        ledger.requests += 1;
        ledger.note(|| format!("process {process}: round: {round:?}"));
    }
}

/// One round of everything.
pub(super) async fn round(world: &Shared, allocator: &Allocator) -> Result<(), AdminError> {
    allocator.tend().await?;
    sweep(world, allocator).await?;
    drop_idle_blocks(allocator).await
}

/// Frees what belongs to nobody who lives. The one place for the sweep: both sources are asked for every record after
/// it was read, and the release is fenced by what was read.
async fn sweep(world: &Shared, allocator: &Allocator) -> Result<(), AdminError> {
    let records = allocator.inspect().records(&RecordFilter::default()).await?;
    let mut keys: BTreeMap<_, usize> = BTreeMap::new();
    for (address, record) in &records {
        *keys.entry(record.key(address.family())).or_default() += 1;
    }
    for (address, record) in &records {
        let (exists, sandbox) = {
            let ledger = world.ledger();
            let sandbox = match &record.attachment {
                Attachment::Container(container) => ledger.cluster.sandbox(container),
                _ => SandboxState::Gone,
            };
            (ledger.cluster.exists(&record.owner), sandbox)
        };
        let twice = keys.get(&record.key(address.family())).is_some_and(|count| *count > 1);
        let dead = sandbox == SandboxState::Gone && (!exists || twice);
        if !dead && record.binding == Binding::Stateless {
            continue;
        }
        if dead && exists {
            hit(Branch::SweepDuplicate);
            *keys.entry(record.key(address.family())).or_default() -= 1;
        }
        match allocator.release(*address, record).await {
            Ok(Freeing::Freed) => hit(Branch::SweepFreed),
            Ok(Freeing::Changed) => hit(Branch::SweepChanged),
            Ok(Freeing::Kept(why)) => kept(&why),
            Err(error) => return Err(error),
        }
    }
    claims(world, allocator).await
}

fn kept(why: &Kept) {
    hit(match why {
        Kept::PodExists => Branch::SweepKeptPod,
        Kept::Wanted => Branch::SweepKeptWanted,
        Kept::Attached(_) => Branch::SweepKeptAttached,
    });
}

/// Claims without a record are judged too.
async fn claims(world: &Shared, allocator: &Allocator) -> Result<(), AdminError> {
    let endpoints = allocator.store().list(&Selector::Kind(Kind::Endpoint)).await?;
    for item in &endpoints.items {
        let (Key::Endpoint(name), Some(endpoint)) = (&item.key, item.document.as_endpoint()) else {
            continue;
        };
        let holder = holder_of(world, name);
        for claim in &endpoint.status.claims {
            let (slot, family) = (&claim.interface, claim.ip_version);
            match allocator.unbind(name, slot, family, holder.clone()).await {
                Unbound::Released => hit(Branch::SweepUnbound),
                Unbound::Kept(why) => kept(&why),
                Unbound::Nothing => {}
                Unbound::Later(why) => {
                    let why = StoreError::unavailable(why.as_ref());
                    return Err(AdminError::Store(why));
                }
            }
        }
    }
    Ok(())
}

/// The controller of the last pod of this name.
fn holder_of(world: &Shared, name: &NamespacedName) -> Option<BindingHolder> {
    let ledger = world.ledger();
    let (set, _) = name.name.as_str().rsplit_once('-')?;
    let (controller, _) = ledger.cluster.controllers.values().find(|(own, _)| own.name.as_str() == set)?;
    Some(BindingHolder { controller: resource_of(&controller.name), uid: controller.uid.clone() })
}

/// Blocks without records that nobody has used for long go, by their tokens.
async fn drop_idle_blocks(allocator: &Allocator) -> Result<(), AdminError> {
    let now = allocator.env().clock.now();
    for item in allocator.store().list(&Selector::Kind(Kind::Block)).await?.items {
        let Some(block) = item.document.as_block() else { continue };
        let mut released = (0..block.bits().size()).filter_map(|offset| block.released_at(offset));
        if block.held() != 0 || released.any(|at| at.after(IDLE) > now) {
            continue;
        }
        match allocator.store().delete(&item.key, &item.token).await {
            Ok(()) | Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
