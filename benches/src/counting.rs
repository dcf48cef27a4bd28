//! A store that counts what is asked of the one inside.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use spiderpool_core::store::{
    Capabilities, Document, Key, Listing, Position, Selector, Store, StoreError, Token, Versioned, Watch,
    encode,
};

/// How often, since the counting began.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counted {
    /// Reads of one document.
    pub reads: u64,
    /// Listings.
    pub lists: u64,
    /// Documents written: created, changed, deleted.
    pub writes: u64,
    /// Their size as JSON, in bytes, as a store without differences would write them.
    pub bytes: u64,
    /// Writes refused because the document had changed, appeared or gone.
    pub conflicts: u64,
}

#[derive(Debug, Default)]
struct Counters {
    reads: AtomicU64,
    lists: AtomicU64,
    writes: AtomicU64,
    bytes: AtomicU64,
    conflicts: AtomicU64,
}

/// Whether the size of what is written is counted too. It costs encoding everything once more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sizes {
    /// Yes.
    Counted,
    /// No: where time is measured.
    Ignored,
}

/// Counts operations, and the size of what is written, around `S`. Cloning gives another handle.
#[derive(Debug)]
pub struct CountingStore<S> {
    inner: Arc<S>,
    counters: Arc<Counters>,
    sizes: Sizes,
}

impl<S> Clone for CountingStore<S> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), counters: self.counters.clone(), sizes: self.sizes }
    }
}

impl<S> CountingStore<S> {
    /// Around `inner`, from zero.
    #[must_use]
    pub fn new(inner: S, sizes: Sizes) -> Self {
        Self { inner: Arc::new(inner), counters: Arc::default(), sizes }
    }

    /// What was counted since the last call.
    #[must_use]
    pub fn take(&self) -> Counted {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        Counted {
            reads: take(&self.counters.reads),
            lists: take(&self.counters.lists),
            writes: take(&self.counters.writes),
            bytes: take(&self.counters.bytes),
            conflicts: take(&self.counters.conflicts),
        }
    }

    fn written<T>(
        &self,
        key: &Key,
        document: Option<&Document>,
        result: Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let add = |counter: &AtomicU64, by| counter.fetch_add(by, Ordering::Relaxed);
        match &result {
            Ok(_) => {
                add(&self.counters.writes, 1);
                if self.sizes == Sizes::Counted
                    && let Some(bytes) = document.and_then(|document| encode(key, document).ok())
                {
                    add(&self.counters.bytes, bytes.len() as u64);
                }
            }
            Err(
                StoreError::Conflict { .. } | StoreError::AlreadyExists { .. } | StoreError::NotFound { .. },
            ) => {
                add(&self.counters.conflicts, 1);
            }
            Err(_) => {}
        }
        result
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Store> Store for CountingStore<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        self.counters.reads.fetch_add(1, Ordering::Relaxed);
        self.inner.get(key).await
    }

    async fn list(&self, selector: &Selector) -> Result<Listing, StoreError> {
        self.counters.lists.fetch_add(1, Ordering::Relaxed);
        self.inner.list(selector).await
    }

    async fn tokens(&self, selector: &Selector) -> Result<Vec<(Key, Token)>, StoreError> {
        self.counters.lists.fetch_add(1, Ordering::Relaxed);
        self.inner.tokens(selector).await
    }

    async fn create(&self, key: &Key, document: Document) -> Result<Token, StoreError> {
        let created = self.inner.create(key, document.clone()).await;
        self.written(key, Some(&document), created)
    }

    async fn update(&self, key: &Key, token: &Token, document: Document) -> Result<Token, StoreError> {
        let updated = self.inner.update(key, token, document.clone()).await;
        self.written(key, Some(&document), updated)
    }

    async fn delete(&self, key: &Key, token: &Token) -> Result<(), StoreError> {
        let deleted = self.inner.delete(key, token).await;
        self.written(key, None, deleted)
    }

    async fn watch(&self, selector: &Selector, from: &Position) -> Result<Box<dyn Watch>, StoreError> {
        self.inner.watch(selector, from).await
    }
}
