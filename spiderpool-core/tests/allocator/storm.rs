//! N addresses for exactly N pods, under a storm.

use std::{collections::BTreeSet, sync::Arc};

use parking_lot::Mutex;
use spiderpool_core::{
    addr::Address,
    alloc::{AddError, Allocator, AllocatorConfig, MemoryLog, Sharing},
    env::Env,
    name::NodeName,
    protocol::Refusal,
    store::{MemoryStore, Store},
};

use super::world;

/// Runs `work` for 0..count on `workers` threads.
fn in_parallel(workers: usize, count: usize, work: impl Fn(usize) + Sync) {
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let work = &work;
            scope.spawn(move || (worker..count).step_by(workers).for_each(work));
        }
    });
}

fn shared(store: &Arc<dyn Store>, node: usize) -> Allocator {
    let mut config = AllocatorConfig::new(NodeName::new(format!("node-{node}")).unwrap());
    config.sharing = Sharing::Shared;
    config.log = Some(Arc::new(MemoryLog::default()));
    pollster::block_on(Allocator::open(store.clone(), Env::system(), config)).unwrap()
}

/// `agents` allocators with `workers` requesters each serve 1,000 pods from 1,000 addresses; one more is refused;
/// then, on the full pool, `rounds` times a tenth of the pods is deleted and created again.
fn storm(agents: usize, workers: usize, rounds: usize) {
    const PODS: usize = 1_000;
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let allocators: Vec<Allocator> = match agents {
        1 => vec![pollster::block_on(world::open(store, "node-0"))],
        _ => (0..agents).map(|node| shared(&store, node)).collect(),
    };
    // Not aligned to blocks on purpose.
    let pool = world::pool("full", "10.0.0.0/16", &["10.0.0.7-10.0.3.238"]);
    let pool = pollster::block_on(world::apply(&allocators[0], &pool));
    assert_eq!(pool.usable.len_saturating(), PODS as u128);
    let pools = [pool];
    let agent_of = |pod: usize| &allocators[pod % agents];

    let granted = Mutex::new(vec![None; PODS]);
    let add = |pod: usize, round: usize| {
        let request = world::add_request(pod, &format!("c{pod}-{round}"), &pools);
        let answer = pollster::block_on(agent_of(pod).add(&request)).unwrap();
        granted.lock()[pod] = Some(answer[0].address);
    };
    let check = || {
        let granted = granted.lock();
        let distinct: BTreeSet<Address> = granted.iter().flatten().copied().collect();
        assert_eq!(distinct.len(), PODS, "every pod has an address of its own");
        assert!(distinct.iter().all(|address| pools[0].usable.contains(*address)));
    };
    in_parallel(agents * workers, PODS, |pod| add(pod, 0));
    check();
    for allocator in &allocators {
        let refused = pollster::block_on(world::add(allocator, PODS, &pools)).unwrap_err();
        let AddError::Refused { candidates, .. } = refused else { panic!("{refused}") };
        assert_eq!(candidates, [(pools[0].name.clone(), Refusal::Exhausted)]);
    }
    for round in 1..=rounds {
        let chosen: Vec<usize> = (0..PODS).filter(|pod| (pod * 7 + round * 13) % 10 == 0).collect();
        in_parallel(workers, chosen.len(), |at| {
            let (pod, last) = (
                chosen[at],
                (0..round).rev().find(|r| *r == 0 || (chosen[at] * 7 + r * 13).is_multiple_of(10)),
            );
            let freed =
                pollster::block_on(world::del(agent_of(pod), pod, &format!("c{pod}-{}", last.unwrap())));
            assert_eq!(freed.unwrap().released.len(), 1);
            granted.lock()[pod] = None;
            add(pod, round);
        });
        check();
    }
}

#[test]
fn one_agent_of_64_requesters() {
    storm(1, 64, 200);
}

#[test]
fn eight_agents_of_8_requesters() {
    storm(8, 8, 20);
}
