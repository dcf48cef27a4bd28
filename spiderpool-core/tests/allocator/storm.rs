//! N addresses for exactly N pods, under a storm, and everybody at once, in memory.

use std::sync::Arc;

use async_trait::async_trait;
use spiderpool_core::{
    alloc::{Storm, Unrest, storm, unrest},
    store::{
        Capabilities, Document, Key, Listing, MemoryStore, Position, Selector, Store, StoreError, Token,
        Versioned, Watch,
    },
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

const UNREST: Unrest = Unrest { agents: 4, requesters: 8, containers: 200, edits: 200 };

#[test]
fn agents_an_administrator_and_a_sweep() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    pollster::block_on(unrest(&Fresh::new(move || store.clone()), UNREST)).unwrap();
}

/// A store that acknowledges releases and keeps what was held.
#[derive(Debug)]
struct Keeping(MemoryStore);

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for Keeping {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        self.0.get(key).await
    }

    async fn list(&self, selector: &Selector) -> Result<Listing, StoreError> {
        self.0.list(selector).await
    }

    async fn tokens(&self, selector: &Selector) -> Result<Vec<(Key, Token)>, StoreError> {
        self.0.tokens(selector).await
    }

    async fn create(&self, key: &Key, document: Document) -> Result<Token, StoreError> {
        self.0.create(key, document).await
    }

    async fn update(&self, key: &Key, token: &Token, document: Document) -> Result<Token, StoreError> {
        let old = self.0.get(key).await?.map(|found| found.document);
        let document = match (old.as_ref().and_then(Document::as_block), document.as_block()) {
            (Some(old), Some(new)) if old.held() & !new.held() != 0 => old.clone().into(),
            _ => document,
        };
        self.0.update(key, token, document).await
    }

    async fn delete(&self, key: &Key, token: &Token) -> Result<(), StoreError> {
        self.0.delete(key, token).await
    }

    async fn watch(&self, selector: &Selector, from: &Position) -> Result<Box<dyn Watch>, StoreError> {
        self.0.watch(selector, from).await
    }
}

#[test]
fn unrest_finds_a_store_that_loses_releases() {
    let store: Arc<dyn Store> = Arc::new(Keeping(MemoryStore::new()));
    let found = pollster::block_on(unrest(&Fresh::new(move || store.clone()), UNREST)).unwrap_err();
    println!("{found}");
}
