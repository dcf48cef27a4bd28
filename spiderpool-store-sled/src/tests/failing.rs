//! Disks that fail, and disks that are slow.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc,
    },
    task::Context,
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{Either, join_all, select},
    task::noop_waker,
};
use parking_lot::{Condvar, Mutex};
use pollster::block_on;
use rstest::rstest;
use spiderpool_core::{
    env::Env,
    store::{Kind, Position, Selector, Store, StoreError},
};

use super::{open_failing, scope};
use crate::{
    OpenError, SledConfig, SledStore,
    engine::{Failure, Point},
    flush::Patience,
};

/// A door in the disk's way, and how often somebody came to it.
#[derive(Default)]
struct Door {
    closed: Mutex<bool>,
    moved: Condvar,
    came: AtomicU32,
}

impl Door {
    fn pass(&self) {
        self.came.fetch_add(1, Ordering::Relaxed);
        let mut closed = self.closed.lock();
        while *closed {
            self.moved.wait(&mut closed);
        }
    }

    fn set(&self, closed: bool) {
        *self.closed.lock() = closed;
        self.moved.notify_all();
    }
}

const SCOPES: Selector = Selector::Kind(Kind::Scope);

#[rstest]
#[case(Point::Apply)]
#[case(Point::Flush)]
#[case(Point::Acknowledge)]
fn after_a_failed_flush_nothing_is_answered(#[case] point: Point) {
    let directory = tempfile::tempdir().unwrap();
    let broken = Arc::new(AtomicBool::new(false));
    let fails = broken.clone();
    let store = open_failing(directory.path(), Patience::default(), move |at| {
        if at == point && fails.load(Ordering::Relaxed) {
            return Err(Failure::System(std::io::Error::from(std::io::ErrorKind::StorageFull)));
        }
        Ok(())
    });
    block_on(async {
        let (first, document) = scope("first", 1);
        let token = store.create(&first, document.clone()).await.unwrap();
        let mut watch = store.watch(&SCOPES, &store.list(&SCOPES).await.unwrap().position).await.unwrap();
        broken.store(true, Ordering::Relaxed);
        let (second, other) = scope("second", 2);
        let Err(StoreError::UnknownOutcome { message, .. }) = store.create(&second, other.clone()).await
        else {
            panic!("a write whose flush failed was answered");
        };
        assert!(message.contains("no storage space") && message.contains("start again"), "{message}");
        // The disk works again, but nobody can say what is on it.
        broken.store(false, Ordering::Relaxed);
        let refused = |answer: Result<(), StoreError>| matches!(answer, Err(StoreError::Stopped { .. }));
        assert!(refused(store.create(&second, other).await.map(drop)));
        assert!(refused(store.update(&first, &token, document).await.map(drop)));
        assert!(refused(store.delete(&first, &token).await));
        assert!(refused(store.get(&first).await.map(drop)));
        assert!(refused(store.list(&SCOPES).await.map(drop)));
        assert!(refused(store.watch(&SCOPES, &Position("0".into())).await.map(drop)));
        assert!(refused(watch.next().await.map(drop)));
        drop(store);
        // Opening again tells: what was acknowledged is there, the other one perhaps.
        let store = SledStore::open(&SledConfig::at(directory.path()), &Env::system()).unwrap();
        assert_eq!(store.get(&first).await.unwrap().unwrap().token, token);
        let there = store.get(&second).await.unwrap().is_some();
        assert!(there || point != Point::Acknowledge, "what was flushed is there");
        assert!(!there || point != Point::Apply, "what never reached the log is not");
    });
}

#[test]
fn one_flush_serves_all_that_wait_and_nothing_shows_before_it() {
    const WRITERS: u32 = 50;
    let directory = tempfile::tempdir().unwrap();
    let door = Arc::new(Door::default());
    let (in_the_way, reached) = (door.clone(), mpsc::channel());
    let store = open_failing(directory.path(), Patience::default(), move |at| {
        if at == Point::Flush {
            reached.0.send(()).unwrap_or_default();
            in_the_way.pass();
        }
        Ok(())
    });
    door.set(true);
    let documents: Vec<_> = (0..WRITERS).map(|n| scope(&format!("s{n}"), 1)).collect();
    let mut writes: Vec<_> =
        documents.iter().map(|(key, document)| store.create(key, document.clone())).collect();
    let waker = noop_waker();
    let mut context = Context::from_waker(&waker);
    assert!(writes[0].poll_unpin(&mut context).is_pending());
    // The first one is at the door; the others wait behind it.
    reached.1.recv_timeout(Duration::from_secs(60)).unwrap();
    for write in &mut writes {
        assert!(write.poll_unpin(&mut context).is_pending(), "acknowledged before it was flushed");
    }
    let listed = block_on(store.list(&SCOPES)).unwrap().items;
    assert!(listed.is_empty(), "a listing shows what may still be lost");
    assert!(block_on(store.get(&documents[0].0)).unwrap().is_none(), "a read shows what may still be lost");
    door.set(false);
    for answer in block_on(join_all(writes)) {
        answer.unwrap();
    }
    assert_eq!(door.came.load(Ordering::Relaxed), 2, "one flush for the first, one for all others");
    assert_eq!(block_on(store.list(&SCOPES)).unwrap().items.len(), WRITERS as usize);
}

#[test]
fn a_flush_that_never_ends_is_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let door = Arc::new(Door::default());
    let in_the_way = door.clone();
    let patience = Patience { period: Duration::from_millis(5), periods: 3 };
    let store = open_failing(directory.path(), patience, move |at| {
        if at == Point::Flush {
            in_the_way.pass();
        }
        Ok(())
    });
    door.set(true);
    let (key, document) = scope("stuck", 1);
    let Err(StoreError::UnknownOutcome { message, .. }) = block_on(store.create(&key, document)) else {
        panic!("a write whose flush never ends was answered");
    };
    assert!(message.contains("does not end"), "{message}");
    assert!(matches!(block_on(store.get(&key)), Err(StoreError::Stopped { .. })));
    // Dropping it does not wait for ever, and nobody else may open what that thread may still write to.
    drop(store);
    let again = SledStore::open(&SledConfig::at(directory.path()), &Env::system());
    assert!(matches!(again, Err(OpenError::Locked { .. })), "{again:?}");
    door.set(false);
}

#[test]
fn the_sidecar_follows_while_the_store_is_open() {
    let directory = tempfile::tempdir().unwrap();
    let patience = Patience { period: Duration::from_millis(1), periods: 30_000 };
    let store = open_failing(directory.path(), patience, |_| Ok(()));
    let env = Env::system();
    let (key, document) = scope("s", 1);
    let token = block_on(store.create(&key, document)).unwrap();
    let says = || std::fs::read_to_string(directory.path().join("acknowledged")).unwrap();
    let wanted = format!("\"acknowledged\":{}}}", token.as_str());
    let followed = async {
        while !says().ends_with(&wanted) {
            env.timer.sleep(Duration::from_millis(1)).await;
        }
    };
    let bound = env.timer.sleep(Duration::from_secs(60));
    let followed = std::pin::pin!(followed);
    assert!(matches!(block_on(select(followed, bound)), Either::Left(_)), "{}", says());
}
