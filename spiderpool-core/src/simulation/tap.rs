//! The store itself, with every write that takes effect entered in the ledger.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::{executor::ProcessId, ledger::Ledger};
use crate::store::{
    Capabilities, Document, Key, Listing, MemoryStore, Position, Selector, Store, StoreError, Token,
    Versioned, Watch,
};

/// One process's way to the store.
#[derive(Clone, Debug)]
pub(super) struct Tap {
    pub(super) store: MemoryStore,
    pub(super) ledger: Arc<Mutex<Ledger>>,
    pub(super) process: ProcessId,
    /// Whether listings show one instant, as far as callers know.
    pub(super) snapshots: bool,
}

impl Tap {
    fn observe(&self, key: &Key, after: Option<Versioned>) {
        self.ledger.lock().observe(self.process, key, after);
    }

    fn observe_put(&self, key: &Key, token: &Token, document: Document) {
        self.observe(key, Some(Versioned { key: key.clone(), token: token.clone(), document }));
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for Tap {
    fn capabilities(&self) -> Capabilities {
        Capabilities { shared: true, snapshot_list: self.snapshots, ..self.store.capabilities() }
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        self.store.get(key).await
    }

    async fn list(&self, selector: &Selector) -> Result<Listing, StoreError> {
        self.store.list(selector).await
    }

    async fn create(&self, key: &Key, document: Document) -> Result<Token, StoreError> {
        let token = self.store.create(key, document.clone()).await?;
        self.observe_put(key, &token, document);
        Ok(token)
    }

    async fn update(&self, key: &Key, token: &Token, document: Document) -> Result<Token, StoreError> {
        let token = self.store.update(key, token, document.clone()).await?;
        self.observe_put(key, &token, document);
        Ok(token)
    }

    async fn delete(&self, key: &Key, token: &Token) -> Result<(), StoreError> {
        self.store.delete(key, token).await?;
        self.observe(key, None);
        Ok(())
    }

    async fn watch(&self, selector: &Selector, from: &Position) -> Result<Box<dyn Watch>, StoreError> {
        self.store.watch(selector, from).await
    }
}
