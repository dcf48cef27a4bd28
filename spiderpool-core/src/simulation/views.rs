//! Endpoints as agents write them beside their answers, for people.

use super::{executor::ProcessId, world::Shared};
use crate::{
    alloc::{AddRequest, Allocation, Allocator},
    endpoint::{ShownAddress, ShownInterface, View},
    name::OwnerUid,
};

/// After an ADD.
pub(super) fn show(
    world: &Shared,
    agent: ProcessId,
    allocator: &Allocator,
    request: &AddRequest,
    granted: &[Allocation],
) {
    let ledger = world.ledger();
    let mut interfaces: Vec<ShownInterface> = Vec::new();
    for (granted, part) in granted.iter().zip(&request.parts) {
        let Some(pool) = ledger.pools.get(&granted.record.pool) else { continue };
        let shown = ShownAddress::of(granted.address, &pool.parsed);
        match interfaces.iter_mut().find(|interface| interface.slot == part.slot) {
            Some(interface) => interface.addresses.push(shown),
            None => interfaces.push(ShownInterface {
                slot: part.slot.clone(),
                interface: part.interface.clone(),
                addresses: vec![shown],
                routes: Vec::new(),
                clean_gateway: false,
                mac: None,
            }),
        }
    }
    let Some(node) = granted.first().map(|granted| granted.record.node.clone()) else { return };
    let view = View {
        owner: request.owner.clone(),
        node,
        controller: request.controller.clone(),
        binding: request.binding,
        interfaces,
    };
    drop(ledger);
    let (allocator, busy) = (allocator.clone(), world.busy());
    world.spawn(agent, async move {
        let _busy = busy;
        // The address is granted all the same.
        let _ = allocator.record_view(&view).await;
    });
}

/// After a DEL.
pub(super) fn clear(world: &Shared, agent: ProcessId, allocator: &Allocator, owner: &OwnerUid) {
    let pod = world.ledger().cluster.pods.get(owner).and_then(|pod| pod.owner.pod.clone());
    let Some(pod) = pod else { return };
    let (allocator, owner, busy) = (allocator.clone(), owner.clone(), world.busy());
    world.spawn(agent, async move {
        let _busy = busy;
        let _ = allocator.clear_view(&pod, &owner).await;
    });
}
