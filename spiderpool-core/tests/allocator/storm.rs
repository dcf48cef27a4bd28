//! N addresses for exactly N pods, under a storm, in memory.

use std::sync::Arc;

use spiderpool_core::{
    alloc::{Storm, storm},
    store::{MemoryStore, Store},
};

use crate::harness::Fresh;

/// On one store in memory, however often it is opened.
fn in_memory(size: Storm) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    pollster::block_on(storm(&Fresh::new(move || store.clone()), size)).unwrap();
}

#[test]
fn one_agent_of_64_requesters() {
    in_memory(Storm { agents: 1, requesters: 64, pods: 1_000, rounds: 200 });
}

#[test]
fn eight_agents_of_8_requesters() {
    in_memory(Storm { agents: 8, requesters: 8, pods: 1_000, rounds: 20 });
}
