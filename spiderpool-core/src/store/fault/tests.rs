use std::time::Duration;

use pollster::block_on;

use super::*;
use crate::{
    env::{BoxFuture, Timer},
    model::Scope,
    name::ScopeName,
    store::{Kind, MemoryStore},
};

fn scope(n: usize) -> (Key, Document) {
    let name = ScopeName::new(format!("s{n}")).unwrap();
    let block_bits = crate::model::BlockBits::MAX;
    (Key::Scope(name.clone()), Scope { name, block_bits, format: 1 }.into())
}

fn quiet() -> FaultStore<MemoryStore> {
    FaultStore::new(MemoryStore::new(), FaultPlan::default())
}

async fn there(store: &FaultStore<MemoryStore>, n: usize) -> bool {
    store.inner().get(&scope(n).0).await.unwrap().is_some()
}

#[test]
fn each_fault_does_what_it_says() {
    block_on(async {
        let store = quiet();
        for (n, fault) in [Fault::Before, Fault::After, Fault::Lost, Fault::Late(2)].into_iter().enumerate() {
            store.fail_write(n as u64 + 1, fault);
        }
        let (key, document) = scope(0);
        assert!(matches!(store.create(&key, document).await, Err(StoreError::Unavailable { .. })));
        for n in 1..4 {
            let (key, document) = scope(n);
            assert!(matches!(store.create(&key, document).await, Err(StoreError::UnknownOutcome { .. })));
        }
        assert_eq!(
            [there(&store, 0).await, there(&store, 1).await, there(&store, 2).await],
            [false, true, false]
        );

        // The late one lands before the second operation after it.
        assert!(store.get(&scope(3).0).await.unwrap().is_none());
        assert_eq!(store.late(), 1);
        assert!(store.get(&scope(3).0).await.unwrap().is_some());

        store.fail_read(1);
        assert!(matches!(store.get(&scope(1).0).await, Err(StoreError::Unavailable { .. })));
        assert!(store.get(&scope(1).0).await.is_ok());
        let counts = store.counts();
        let expected =
            FaultCounts { operations: 8, reads: 4, writes: 4, before: 2, after: 1, lost: 1, late: 1 };
        assert_eq!(counts, expected);
    });
}

#[test]
fn a_late_write_lands_when_told_and_loses_against_newer_ones() {
    block_on(async {
        let store = quiet();
        let (key, document) = scope(0);
        let token = store.create(&key, document.clone()).await.unwrap();
        store.fail_write(1, Fault::Late(u32::MAX));
        store.fail_write(2, Fault::Late(u32::MAX));
        assert!(store.update(&key, &token, document).await.is_err());
        assert!(store.delete(&key, &token).await.is_err());
        assert_eq!(store.late(), 2);
        assert_eq!(store.land().await, 1, "the deletion names a token that the update replaced");
        assert!(there(&store, 0).await);
    });
}

#[test]
fn after_a_crash_everything_fails_until_the_restart() {
    block_on(async {
        let store = quiet();
        store.crash(2, Fault::After);
        let [(a, first), (b, second), (c, third)] = [scope(0), scope(1), scope(2)];
        assert!(store.create(&a, first).await.is_ok());
        assert!(!store.crashed());
        assert!(matches!(store.create(&b, second).await, Err(StoreError::UnknownOutcome { .. })));
        assert!(store.crashed());
        assert!(matches!(store.create(&c, third.clone()).await, Err(StoreError::Unavailable { .. })));
        assert!(store.get(&a).await.is_err());
        let all = Selector::Kind(Kind::Scope);
        assert!(store.list(&all).await.is_err());
        store.restart();
        assert_eq!(store.list(&all).await.unwrap().items.len(), 2);
        assert!(store.create(&c, third).await.is_ok());
    });
}

#[test]
fn the_same_seed_draws_the_same_faults() {
    let run = |seed| {
        block_on(async {
            let plan = FaultPlan {
                seed,
                before: 0.1,
                after: 0.2,
                lost: 0.1,
                late: 0.1,
                late_by: 5,
                reads: 0.3,
                ..FaultPlan::default()
            };
            let store = FaultStore::new(MemoryStore::new(), plan);
            let mut answers = Vec::new();
            for n in 0..400 {
                let (key, document) = scope(n % 40);
                answers.push(format!("{:?}", store.create(&key, document).await));
                answers.push(format!("{:?}", store.get(&key).await));
            }
            (answers, store.counts())
        })
    };
    let (answers, counts) = run(1);
    assert_eq!((answers.clone(), counts), run(1));
    assert_ne!(answers, run(2).0);
    assert!([counts.before, counts.after, counts.lost, counts.late].iter().all(|n| *n > 10), "{counts:?}");
}

#[derive(Debug, Default)]
struct Recorded(Mutex<Vec<Duration>>);

impl Timer for Recorded {
    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        self.0.lock().push(duration);
        Box::pin(async {})
    }
}

#[test]
fn delays_come_from_the_timer() {
    let timer = Arc::new(Recorded::default());
    let env = Env { timer: timer.clone(), ..Env::system() };
    let most = Duration::from_millis(20);
    let plan = FaultPlan { delay: 1.0, delay_up_to: most, ..FaultPlan::default() };
    let store = FaultStore::new(MemoryStore::new(), plan).with_timer(env);
    block_on(store.get(&scope(0).0)).unwrap();
    let waited = timer.0.lock();
    assert_eq!(waited.len(), 2);
    assert!(waited.iter().all(|wait| *wait >= Duration::from_millis(1) && *wait <= most));
}
