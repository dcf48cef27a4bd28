//! Watches over compactions and restarts.

use std::time::Duration;

use spiderpool_core::store::{
    Change, Key, Kind, Position, Selector, Store, StoreError, Watch, conformance::Sample,
};
use tokio::time::timeout;

use crate::world::{config, connect, etcd, members, put, raw, runtime, sample, version};

const POOLS: Selector = Selector::Kind(Kind::Pool);

/// The next change is that of `key`. The limit is for a watch that is deaf.
async fn next_is(watch: &mut dyn Watch, key: &Key) -> Position {
    let next = timeout(Duration::from_secs(60), watch.next()).await.expect("the watch shows nothing");
    match next.unwrap() {
        (Change::Put(put), position) if put.key == *key => position,
        other => panic!("{other:?} instead of {key}"),
    }
}

async fn compact(etcd: &spiderpool_testbed::Etcd, position: &Position) {
    raw(&members(etcd)).await.compact(position.0.parse().unwrap(), None).await.unwrap();
}

#[test]
fn a_watch_goes_on_over_a_compaction_and_an_old_position_is_expired() {
    let Some(etcd) = etcd("compaction", 1) else { return };
    let config = config(&etcd);
    runtime().block_on(async {
        let store = connect(&config).await;
        let old = store.list(&POOLS).await.unwrap().position;
        let mut watch = store.watch(&POOLS, &old).await.unwrap();
        put(&store, "a").await.unwrap();
        next_is(&mut *watch, &sample("a", 1).key).await;
        put(&store, "b").await.unwrap();
        let now = store.list(&POOLS).await.unwrap().position;
        compact(&etcd, &now).await;
        // One that has seen everything goes on.
        next_is(&mut *watch, &sample("b", 1).key).await;
        put(&store, "c").await.unwrap();
        next_is(&mut *watch, &sample("c", 1).key).await;
        // One from before says so, at once or at its first change.
        let expired = match store.watch(&POOLS, &old).await {
            Ok(mut watch) => watch.next().await.map(drop),
            Err(error) => Err(error),
        };
        assert!(matches!(expired, Err(StoreError::Expired)), "{expired:?}");
        // Who lists again goes on.
        let listing = store.list(&POOLS).await.unwrap();
        assert_eq!(listing.items.len(), 3);
        let mut watch = store.watch(&POOLS, &listing.position).await.unwrap();
        put(&store, "d").await.unwrap();
        next_is(&mut *watch, &sample("d", 1).key).await;
    });
}

#[test]
fn a_watch_whose_history_is_compacted_while_it_is_cut_off_is_expired() {
    let Some(mut etcd) = etcd("compaction while away", 1) else { return };
    let config = config(&etcd);
    let runtime = runtime();
    let (store, mut watch) = runtime.block_on(async {
        let store = connect(&config).await;
        let from = store.list(&POOLS).await.unwrap().position;
        let watch = store.watch(&POOLS, &from).await.unwrap();
        (store, watch)
    });
    etcd.restart(0).unwrap();
    runtime.block_on(async {
        put(&store, "missed").await.unwrap();
        put(&store, "missed-too").await.unwrap();
        compact(&etcd, &store.list(&POOLS).await.unwrap().position).await;
        let next = timeout(Duration::from_secs(60), watch.next()).await.expect("the watch shows nothing");
        assert!(matches!(next, Err(StoreError::Expired)), "{next:?}");
    });
}

#[test]
fn a_watch_moves_to_another_member_and_misses_nothing() {
    let Some(mut etcd) = etcd("watch and fail-over", 3) else { return };
    let config = config(&etcd);
    let runtime = runtime();
    let store = runtime.block_on(connect(&config));
    let from = runtime.block_on(store.list(&POOLS)).unwrap().position;
    let mut watch = runtime.block_on(store.watch(&POOLS, &from)).unwrap();
    let Sample { key, document } = sample("moving", 0);
    let mut token = runtime.block_on(store.create(&key, document)).unwrap();
    let mut tokens = vec![token.clone()];
    let mut round = 0;
    let mut write = |store: &dyn Store| {
        for _ in 0..20 {
            round += 1;
            token = runtime.block_on(store.update(&key, &token, version("moving", round))).unwrap();
            tokens.push(token.clone());
        }
    };
    for number in 0..3 {
        write(&store);
        etcd.kill(number);
        etcd.leader().unwrap();
        // Finds a member that serves, so that no write of this test is without an answer.
        runtime.block_on(store.list(&POOLS)).unwrap();
        write(&store);
        etcd.restart(number).unwrap();
    }
    runtime.block_on(async {
        for wanted in &tokens {
            let next = timeout(Duration::from_secs(60), watch.next()).await.expect("the watch shows nothing");
            match next.unwrap() {
                (Change::Put(put), _) => assert_eq!(put.token, *wanted, "the watch skips or repeats"),
                other => panic!("{other:?}"),
            }
        }
    });
}
