//! Creations that race for the same addresses of a Subnet (rule 5e).

use std::{
    collections::BTreeMap,
    sync::{Arc, Barrier},
};

use futures_util::future::join_all;
use pollster::block_on;
use rstest::rstest;
use spiderpool_core::{
    admin::{AdminError, Applied, Mode},
    alloc::{Allocator, MemoryLog, Sharing},
    api::SpiderIPPool,
    env::Env,
    store::{FaultPlan, FaultStore, Kind, MemoryStore, Selector, Store},
};

use super::world::{config, pool, record, slow_store, subnet};

const RACERS: usize = 100;

/// Allocators of several nodes over one store.
fn allocators(store: &Arc<dyn Store>) -> Vec<Allocator> {
    let open = |_| {
        let mut config = config(4);
        config.sharing = Sharing::Shared;
        config.log = Some(Arc::new(MemoryLog::default()));
        block_on(Allocator::open(store.clone(), Env::system(), config)).unwrap()
    };
    (0..4).map(open).collect()
}

/// Applies all pools at the same time, each by its own thread.
fn race(allocators: &[Allocator], pools: &[SpiderIPPool]) -> Vec<Result<Applied, AdminError>> {
    let start = Barrier::new(pools.len());
    std::thread::scope(|scope| {
        let threads: Vec<_> = pools
            .iter()
            .enumerate()
            .map(|(at, pool)| {
                let (allocator, start) = (&allocators[at % allocators.len()], &start);
                scope.spawn(move || {
                    start.wait();
                    block_on(allocator.apply_pool(pool, Mode::Real))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// A range as it is written in answers and records: of one address by that address alone.
fn written(first: usize, last: usize) -> String {
    if first == last { format!("10.0.0.{first}") } else { format!("10.0.0.{first}-10.0.0.{last}") }
}

#[rstest]
#[case::identical(|_| (10, 19))]
#[case::all_contain_one_address(|at| (100 - at % 50, 100 + at / 2))]
fn of_racing_creations_exactly_one_wins(#[case] range: fn(usize) -> (usize, usize)) {
    let store = slow_store();
    let allocators = allocators(&store);
    let home = subnet("home", "10.0.0.0/24", &["10.0.0.1-10.0.0.200"]);
    block_on(allocators[0].apply_subnet(&home, Mode::Real)).unwrap();
    let pools: Vec<SpiderIPPool> = (0..RACERS)
        .map(|at| {
            let (first, last) = range(at);
            pool(&format!("racer-{at}"), "10.0.0.0/24", &[&format!("10.0.0.{first}-10.0.0.{last}")])
        })
        .collect();
    let results = race(&allocators, &pools);
    let winners: Vec<usize> = (0..RACERS).filter(|at| results[*at].is_ok()).collect();
    let [winner] = winners[..] else { panic!("{winners:?} won") };
    let (first, last) = range(winner);
    for (at, result) in results.iter().enumerate().filter(|(at, _)| *at != winner) {
        let error = result.as_ref().unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, AdminError::Taken { .. } | AdminError::Invalid { .. }), "{at}: {text}");
        assert!(text.contains(&format!("racer-{winner}")), "names the winner: {text}");
        let (from, to) = range(at);
        let common = written(from.max(first), to.min(last));
        assert!(text.contains(&common), "names {common}: {text}");
    }
    let pools = block_on(store.list(&Selector::Kind(Kind::Pool))).unwrap().items.len();
    assert_eq!(pools, 1);
    let expected = BTreeMap::from([(format!("racer-{winner}"), written(first, last))]);
    assert_eq!(block_on(record(&allocators[0], "home")), expected);
}

#[test]
fn racing_creations_of_different_addresses_all_win() {
    let store = slow_store();
    let allocators = allocators(&store);
    let home = subnet("home", "10.0.0.0/16", &["10.0.0.0-10.0.255.254"]);
    block_on(allocators[0].apply_subnet(&home, Mode::Real)).unwrap();
    let name = |at: usize| format!("p{at:02}");
    let range = |at: usize| format!("10.0.{at}.1-10.0.{at}.9");
    let pools: Vec<SpiderIPPool> =
        (0..RACERS).map(|at| pool(&name(at), "10.0.0.0/16", &[&range(at)])).collect();
    for result in race(&allocators, &pools) {
        assert!(matches!(result.unwrap(), Applied::Created { .. }));
    }
    let expected: BTreeMap<_, _> = (0..RACERS).map(|at| (name(at), range(at))).collect();
    assert_eq!(block_on(record(&allocators[0], "home")), expected);
}

/// The Subnet is made while its pools are: whichever comes first, it knows them all in the end.
#[test]
fn a_subnet_made_among_racing_pools_knows_them() {
    for _ in 0..8 {
        let store = slow_store();
        let allocators = allocators(&store);
        let name = |at: usize| format!("p{at:02}");
        let range = |at: usize| format!("10.0.{at}.1-10.0.{at}.9");
        let pools: Vec<SpiderIPPool> =
            (0..12).map(|at| pool(&name(at), "10.0.0.0/16", &[&range(at)])).collect();
        let home = subnet("home", "10.0.0.0/16", &["10.0.0.0-10.0.255.254"]);
        std::thread::scope(|scope| {
            let made = scope.spawn(|| block_on(allocators[1].apply_subnet(&home, Mode::Real)).unwrap());
            for result in race(&allocators, &pools) {
                result.unwrap();
            }
            made.join().unwrap();
        });
        let expected: BTreeMap<_, _> = (0..12).map(|at| (name(at), range(at))).collect();
        assert_eq!(block_on(record(&allocators[0], "home")), expected);
    }
}

/// What waits for a Subnet's record goes into its next write: it costs a few writes, not two for each pool.
#[test]
fn claims_that_are_made_together_are_written_together() {
    block_on(async {
        let store = Arc::new(FaultStore::new(MemoryStore::new(), FaultPlan::default()));
        let mut shared = config(4);
        shared.sharing = Sharing::Shared;
        let allocator = Allocator::open(store.clone(), Env::system(), shared).await.unwrap();
        let home = subnet("home", "10.0.0.0/16", &["10.0.0.0-10.0.255.254"]);
        allocator.apply_subnet(&home, Mode::Real).await.unwrap();
        let made =
            |at: usize| pool(&format!("p{at:02}"), "10.0.0.0/16", &[&format!("10.0.{at}.1-10.0.{at}.9")]);
        let pools: Vec<_> = (0..RACERS).map(made).collect();
        let before = store.counts().writes;
        for result in join_all(pools.iter().map(|pool| allocator.apply_pool(pool, Mode::Real))).await {
            assert!(matches!(result.unwrap(), Applied::Created { .. }));
        }
        // Each writes its object once and its plan twice, whoever else is there.
        let records = store.counts().writes - before - 3 * RACERS as u64;
        assert!(records <= 8, "{records} writes of the record and of the plan of reservations");
        assert_eq!(record(&allocator, "home").await.len(), RACERS);
    });
}
