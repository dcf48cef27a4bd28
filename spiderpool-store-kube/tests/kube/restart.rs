//! The kit, and allocators, while the API server is killed and started again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use spiderpool_core::alloc::{Unrest, unrest};
use spiderpool_core::store::{
    Capabilities, Document, Key, Listing, Position, Selector, Store, StoreError, Token, Versioned, Watch,
    conformance::{Retrying, run},
};

use crate::{
    cluster::start,
    conformance::{EXECUTED, OnServer, green},
};

/// Waits while the server is away, and counts what is asked.
#[derive(Debug)]
struct Waiting<S> {
    store: S,
    asked: Arc<AtomicUsize>,
}

/// Long enough for a server to come up on a busy machine.
const ROUNDS: usize = 1200;

/// The server dies once per this many requests: so the kit gets on between two deaths, however slow the machine is, and
/// however long the server takes to come back.
const REQUESTS_PER_LIFE: usize = 500;

/// The answer of `$ask`, asked again while the server is away.
macro_rules! waited {
    ($store:ident, $ask:expr) => {{
        $store.asked.fetch_add(1, Ordering::SeqCst);
        let mut rounds = 0;
        loop {
            match $ask.await {
                Err(StoreError::Unavailable { .. }) if rounds < ROUNDS => rounds += 1,
                answer => break answer,
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }};
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Store> Store for Waiting<S> {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        waited!(self, self.store.get(key))
    }

    async fn list(&self, selector: &Selector) -> Result<Listing, StoreError> {
        waited!(self, self.store.list(selector))
    }

    async fn tokens(&self, selector: &Selector) -> Result<Vec<(Key, Token)>, StoreError> {
        waited!(self, self.store.tokens(selector))
    }

    async fn create(&self, key: &Key, document: Document) -> Result<Token, StoreError> {
        waited!(self, self.store.create(key, document.clone()))
    }

    async fn update(&self, key: &Key, token: &Token, document: Document) -> Result<Token, StoreError> {
        waited!(self, self.store.update(key, token, document.clone()))
    }

    async fn delete(&self, key: &Key, token: &Token) -> Result<(), StoreError> {
        waited!(self, self.store.delete(key, token))
    }

    async fn watch(&self, selector: &Selector, from: &Position) -> Result<Box<dyn Watch>, StoreError> {
        waited!(self, self.store.watch(selector, from))
    }
}

/// Does `work` on a server of its own, which dies and comes back; what came of it, and how often it died.
fn while_it_restarts<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    test: &str,
    again: fn(Arc<dyn Store>) -> Arc<dyn Store>,
    work: impl FnOnce(OnServer) -> F,
) -> Option<(T, usize)> {
    let mut cluster = start(test)?;
    let runtime = cluster.runtime.clone();
    let config = runtime.block_on(cluster.config());
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let wrap = move |store| again(Arc::new(Waiting { store, asked: counter.clone() }));
    let work = runtime.spawn(work(OnServer { config, certain: false, volume: 100, wrap: Box::new(wrap) }));
    let mut restarts = 0;
    while !work.is_finished() {
        if asked.load(Ordering::SeqCst) >= (restarts + 1) * REQUESTS_PER_LIFE {
            cluster.plane.kill_apiserver();
            cluster.plane.restart_apiserver().unwrap();
            restarts += 1;
        }
        runtime.block_on(async { tokio::time::sleep(Duration::from_millis(10)).await });
    }
    let done = runtime.block_on(work).unwrap();
    let asked = asked.load(Ordering::SeqCst);
    println!("{test}: the API server was killed and started again {restarts} times in {asked} requests");
    Some((done, restarts))
}

#[test]
fn the_contract_holds_while_the_server_restarts() {
    let again = |store| Arc::new(Retrying::new(store)) as Arc<dyn Store>;
    let done =
        while_it_restarts("store-kube: the kit while the API server restarts", again, async |harness| {
            run(&harness).await
        });
    let Some((report, restarts)) = done else { return };
    green(&report, EXECUTED - 1);
    assert!(restarts > 2, "the server was restarted {restarts} times");
}

#[test]
fn agents_an_administrator_and_a_sweep_while_the_server_restarts() {
    let size = Unrest { agents: 4, requesters: 4, containers: 25, edits: 20 };
    let done = while_it_restarts(
        "store-kube: unrest while the API server restarts",
        |store| store,
        async move |harness| unrest(&harness, size).await,
    );
    let Some((outcome, restarts)) = done else { return };
    outcome.unwrap();
    assert!(restarts > 0, "the server was never restarted");
}
