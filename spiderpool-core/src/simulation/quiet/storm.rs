//! I10: a free address is found if one exists. N free addresses serve exactly N pods that all come at once.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

use crate::{
    addr::Family,
    alloc::{AddError, AddPart, AddRequest, DelRequest},
    model::{Binding, Owner, Slot},
    name::{ContainerId, ScopeName},
    protocol::{Fence, PoolRef, Refusal, ReleaseMode},
    simulation::{
        executor::ProcessId,
        keeper::NOBODY,
        ledger::PoolTruth,
        names::parse,
        process::{Role, of_role},
        world::Shared,
    },
};

/// How many more come than there are addresses.
const TOO_MANY: u128 = 2;

/// A storm on every pool, one after the other.
pub(super) async fn check(world: &Shared, inspector: ProcessId) {
    let pools: Vec<PoolTruth> =
        world.ledger().pools.values().filter(|pool| !pool.terminating).cloned().collect();
    let mut agents = of_role(world, |role| matches!(role, Role::Agent(_)));
    agents.push(inspector);
    for pool in pools {
        // What the last one released rests.
        world
            .sleep(world.profile.cooldown + Duration::from_millis(3 * world.profile.skew.unsigned_abs()))
            .await;
        storm(world, &agents, &pool).await;
        // Proofs of this storm are believed for a second.
        world.sleep(Duration::from_secs(2)).await;
    }
}

/// What became of one pod of the storm.
enum Fate {
    Granted,
    Exhausted,
    Other(String),
}

async fn storm(world: &Shared, agents: &[ProcessId], pool: &PoolTruth) {
    let free = world.ledger().free_of(pool).len_saturating();
    let reference = Arc::new(PoolRef {
        name: pool.name.clone(),
        uid: pool.parsed.uid.clone(),
        scope: ScopeName::default_scope(),
        family: pool.family,
        usable: Arc::new(pool.parsed.usable()),
        cooldown: pool.parsed.cooldown,
    });
    let fates: Rc<RefCell<Vec<Fate>>> = Rc::default();
    let mut pods = Vec::new();
    for _ in 0..free + TOO_MANY {
        let agent = agents[world.draw(|dice| dice.index(agents.len()))];
        let request = request(world, &reference, pool.family);
        pods.push((agent, request.clone()));
        let (own, fates) = (world.clone(), fates.clone());
        world.spawn(NOBODY, async move {
            let answer = own.call(agent, |allocator| async move { allocator.add(&request).await }).await;
            fates.borrow_mut().push(match answer {
                Some(Ok(_)) => Fate::Granted,
                Some(Err(AddError::Refused { candidates, .. }))
                    if candidates.iter().all(|(_, why)| *why == Refusal::Exhausted) =>
                {
                    Fate::Exhausted
                }
                Some(Err(error)) => Fate::Other(error.to_string()),
                None => Fate::Other("no agent".into()),
            });
        });
    }
    for _ in 0..120 {
        if fates.borrow().len() == pods.len() {
            break;
        }
        world.sleep(Duration::from_secs(1)).await;
    }
    judge(world, pool, free, pods.len(), &fates.borrow());
    for (agent, request) in pods {
        clear(world, agent, &request).await;
    }
}

fn judge(world: &Shared, pool: &PoolTruth, free: u128, pods: usize, fates: &[Fate]) {
    let mut ledger = world.ledger();
    let granted = fates.iter().filter(|fate| matches!(fate, Fate::Granted)).count() as u128;
    let exhausted = fates.iter().filter(|fate| matches!(fate, Fate::Exhausted)).count() as u128;
    if granted == free && exhausted == TOO_MANY {
        return;
    }
    let other = fates.iter().find_map(|fate| match fate {
        Fate::Other(why) => Some(why.as_str()),
        _ => None,
    });
    let what = format!(
        "pool {} has {free} free addresses; of {pods} pods {granted} were served and {exhausted} refused as exhausted{}",
        pool.name,
        other.map(|why| format!("; another was told: {why}")).unwrap_or_default()
    );
    ledger.violated("I10", what);
}

pub(super) fn request(world: &Shared, pool: &Arc<PoolRef>, family: Family) -> AddRequest {
    let number = world.number();
    let slot: crate::name::InterfaceName = parse("eth0");
    AddRequest {
        owner: Owner { uid: parse(format!("storm-{number}")), pod: None },
        container: parse::<ContainerId>(format!("storm-{number}")),
        network: None,
        controller: None,
        binding: Binding::Stateless,
        parts: vec![AddPart {
            slot: Slot::Named(slot.clone()),
            interface: Some(slot),
            family,
            candidates: vec![pool.clone()],
            address: None,
        }],
        timeout: Duration::from_secs(60),
    }
}

pub(super) async fn clear(world: &Shared, agent: ProcessId, request: &AddRequest) {
    let del = DelRequest {
        owner: request.owner.uid.clone(),
        fence: Fence::Container(request.container.clone()),
        interface: None,
        mode: ReleaseMode::Del,
        timeout: Duration::from_secs(20),
    };
    let done = world.call(agent, |allocator| async move { allocator.del(&del).await }).await;
    if !matches!(done, Some(Ok(_))) {
        world.ledger().violated("I5", format!("without faults, a DEL fails: {done:?}"));
    }
}
