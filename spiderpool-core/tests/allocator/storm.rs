//! N addresses for exactly N pods, under a storm, in memory.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use spiderpool_core::{
    alloc::{Storm, storm},
    env::{BoxFuture, Env},
    store::{
        MemoryStore, Store, StoreError,
        conformance::{Harness, Names, on_threads},
    },
};

/// One store, however often it is opened.
#[derive(Debug, Default)]
struct InMemory(Arc<MemoryStore>);

#[async_trait]
impl Harness for InMemory {
    fn env(&self) -> Env {
        Env::system()
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(120)
    }

    fn volume(&self) -> usize {
        5000
    }

    fn names(&self) -> Names {
        Names::Any
    }

    fn certain(&self) -> bool {
        true
    }

    async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(self.0.clone())
    }

    fn can_crash(&self) -> bool {
        false
    }

    async fn crash(&self, _: Arc<dyn Store>) -> Result<(), StoreError> {
        Err(StoreError::unavailable("memory does not survive a crash"))
    }

    async fn parallel(&self, work: Vec<BoxFuture<()>>) {
        on_threads(work).await;
    }
}

#[test]
fn one_agent_of_64_requesters() {
    let size = Storm { agents: 1, requesters: 64, pods: 1_000, rounds: 200 };
    pollster::block_on(storm(&InMemory::default(), size)).unwrap();
}

#[test]
fn eight_agents_of_8_requesters() {
    let size = Storm { agents: 8, requesters: 8, pods: 1_000, rounds: 20 };
    pollster::block_on(storm(&InMemory::default(), size)).unwrap();
}
