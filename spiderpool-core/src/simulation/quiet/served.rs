//! Rule 2: allocation needs no controller. Whatever edits and crashes left half-done, an agent finds what is free.

use std::{sync::Arc, time::Duration};

use super::storm;
use crate::{
    addr::IpSet,
    model::PlanId,
    name::ScopeName,
    protocol::PoolRef,
    simulation::{
        invariants::each,
        ledger::PoolTruth,
        process::{Role, of_role},
        world::Shared,
    },
    store::Key,
};

/// Every pool with an address that no edit in flight takes away serves a pod.
pub(super) async fn check(world: &Shared) {
    let agents = of_role(world, |role| matches!(role, Role::Agent(_)));
    // What was released last rests, and a proof is believed for a second.
    let rest = world.profile.cooldown
        + Duration::from_millis(3 * world.profile.skew.unsigned_abs())
        + Duration::from_secs(2);
    let pools: Vec<PoolTruth> =
        world.ledger().pools.values().filter(|pool| !pool.terminating).cloned().collect();
    for pool in pools {
        world.sleep(rest).await;
        let free = free_of(world, &pool);
        if each(&free).next().is_none() {
            continue;
        }
        let reference = Arc::new(PoolRef {
            name: pool.name.clone(),
            uid: pool.parsed.uid.clone(),
            scope: ScopeName::default_scope(),
            family: pool.family,
            usable: Arc::new(pool.parsed.usable()),
            cooldown: pool.parsed.cooldown,
        });
        let agent = agents[world.draw(|dice| dice.index(agents.len()))];
        let request = storm::request(world, &reference, pool.family);
        let asked = request.clone();
        let answer = world.call(agent, |allocator| async move { allocator.add(&asked).await }).await;
        if !matches!(answer, Some(Ok(_))) {
            let why = answer.map_or("no agent".to_owned(), |answer| match answer {
                Err(error) => error.to_string(),
                Ok(_) => String::new(),
            });
            let what = format!(
                "without a controller, of pool {} {free} is free, and nobody gets it: {why}",
                pool.name
            );
            world.ledger().violated("I10", what);
        }
        storm::clear(world, agent, &request).await;
    }
}

/// What is free and not being taken away by an edit that may still be persisted.
fn free_of(world: &Shared, pool: &PoolTruth) -> IpSet {
    let ledger = world.ledger();
    let mut free = ledger.free_of(pool);
    let plans = [
        PlanId::Pool(pool.parsed.uid.clone()),
        PlanId::Reservations(ScopeName::default_scope(), pool.family),
    ];
    for plan in plans {
        let found = ledger.documents.get(&Key::Plan(plan));
        for entry in found.and_then(|found| found.document.as_plan()).iter().flat_map(|plan| &plan.pending) {
            free = free.difference(&entry.removed);
        }
    }
    free
}
