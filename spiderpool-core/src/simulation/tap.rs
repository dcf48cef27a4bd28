//! The store itself, with every write that takes effect entered in the ledger.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::Mutex;

use super::{executor::ProcessId, ledger::Ledger, time::Time};
use crate::store::{
    Capabilities, Document, Key, Listing, MemoryStore, Position, Selector, Store, StoreError, Token,
    Versioned, Watch, splitmix,
};

/// One process's way to the store.
#[derive(Clone, Debug)]
pub(super) struct Tap {
    pub(super) store: MemoryStore,
    pub(super) ledger: Arc<Mutex<Ledger>>,
    pub(super) process: ProcessId,
    /// Where listings do not show one instant: how they take their time.
    pub(super) slow: Option<Arc<Slow>>,
}

/// A listing that is read in two parts, one after the other.
#[derive(Debug)]
pub(super) struct Slow {
    pub(super) time: Arc<Time>,
    pub(super) draws: Mutex<u64>,
}

impl Slow {
    /// How long the second part comes later, and where it begins.
    fn draw(&self) -> (Duration, u64) {
        let mut draws = self.draws.lock();
        let number = splitmix(&mut draws);
        (Duration::from_micros(number % 12_000), number >> 32)
    }
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
        Capabilities { shared: true, snapshot_list: self.slow.is_none(), ..self.store.capabilities() }
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        self.store.get(key).await
    }

    async fn list(&self, selector: &Selector) -> Result<Listing, StoreError> {
        let Some(slow) = &self.slow else { return self.store.list(selector).await };
        let mut first = self.store.list(selector).await?;
        let (pause, place) = slow.draw();
        let Some(from) = first.items.get(place as usize % first.items.len().max(1)) else { return Ok(first) };
        let from = from.key.clone();
        slow.time.sleep(pause).await;
        let second = self.store.list(selector).await?;
        first.items.retain(|item| item.key < from);
        first.items.extend(second.items.into_iter().filter(|item| item.key >= from));
        Ok(first)
    }

    async fn tokens(&self, selector: &Selector) -> Result<Vec<(Key, Token)>, StoreError> {
        Ok(self.list(selector).await?.items.into_iter().map(|item| (item.key, item.token)).collect())
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
