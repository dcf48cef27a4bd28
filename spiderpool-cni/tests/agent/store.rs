//! The agent's store through its socket keeps the store's contract.

use crate::support::{FakeIpam, Node, Running};
use async_trait::async_trait;
use parking_lot::Mutex;
use spiderpool_cni::client::{AgentClient, AgentStore, ClientError};
use spiderpool_core::env::{BoxFuture, Env};
use spiderpool_core::store::conformance::{Harness, Names, run};
use spiderpool_core::store::{Kind, Selector, Store, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// One agent on a memory store, asked by any number of clients.
#[derive(Debug)]
struct ThroughTheSocket(AgentClient);

#[async_trait]
impl Harness for ThroughTheSocket {
    fn env(&self) -> Env {
        Env::system()
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn volume(&self) -> usize {
        300
    }

    fn names(&self) -> Names {
        Names::Any
    }

    fn certain(&self) -> bool {
        true
    }

    async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        let store = AgentStore::connect(self.0.clone()).await;
        Ok(Arc::new(store.map_err(|error| StoreError::unavailable(error.to_string()))?))
    }

    fn can_crash(&self) -> bool {
        false
    }

    async fn crash(&self, _: Arc<dyn Store>) -> Result<(), StoreError> {
        Err(StoreError::Unsupported { what: "crashing" })
    }

    async fn parallel(&self, work: Vec<BoxFuture<()>>) {
        let tasks: Vec<_> = work.into_iter().map(tokio::spawn).collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
}

#[tokio::test]
async fn it_keeps_the_contract() {
    let node = Node::new();
    let agent: Running = node.start(&FakeIpam::new()).await;
    let report = run(&ThroughTheSocket(node.client())).await;
    // Left out: durability (4), exclusiveness, a limit, the refusal of watches: what the memory store does not claim.
    assert!(report.is_green(34), "{report}");
    agent.stop().await;
}

#[tokio::test]
async fn a_watch_ends_when_the_agent_stops_and_does_not_hold_it_up() {
    let node = Node::new();
    let agent = node.start(&FakeIpam::new()).await;
    let store = AgentStore::connect(node.client()).await.unwrap();
    assert_eq!(store.capabilities().name, "agent (memory)");
    let everything = Selector::Kind(Kind::Pool);
    let listing = store.list(&everything).await.unwrap();
    let mut watch = store.watch(&everything, &listing.position).await.unwrap();
    let next = Arc::new(Mutex::new(None));
    let waiting = tokio::spawn({
        let next = Arc::clone(&next);
        async move { *next.lock() = Some(watch.next().await.map(drop)) }
    });
    agent.stop().await;
    waiting.await.unwrap();
    let ended = next.lock().take().unwrap().unwrap_err();
    assert!(matches!(ended, StoreError::Unavailable { .. }), "{ended}");

    let gone = AgentStore::connect(node.client()).await.unwrap_err();
    assert!(matches!(gone, ClientError::NoAgent { .. }), "{gone}");
    assert!(matches!(store.get(&listing_key()).await, Err(StoreError::Unavailable { .. })));
}

fn listing_key() -> spiderpool_core::store::Key {
    spiderpool_core::store::Key::Pool("p".parse().unwrap())
}
