//! The pools, parsed, as they stand now.

use parking_lot::Mutex;
use spiderpool_core::model::Pool;
use spiderpool_core::name::{ScopeName, Uid};
use spiderpool_core::protocol::PoolRef;
use spiderpool_core::select::PoolCatalog;
use spiderpool_core::store::{Document, Key, Kind, Listing, Selector, Store, StoreError, Token};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// All pools at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownPools {
    pub(super) catalog: PoolCatalog,
    by_uid: HashMap<Uid, (Arc<Pool>, Arc<PoolRef>)>,
    tokens: BTreeMap<Key, Token>,
}

impl KnownPools {
    /// The pool of this uid.
    pub(super) fn pool(&self, uid: &Uid) -> Option<&Arc<Pool>> {
        self.by_uid.get(uid).map(|(pool, _)| pool)
    }

    /// `pool` as the allocator wants it.
    pub(super) fn reference(&self, pool: &Pool) -> Option<Arc<PoolRef>> {
        self.by_uid.get(&pool.uid).map(|(_, reference)| Arc::clone(reference))
    }

    fn is(&self, listing: &Listing) -> bool {
        self.tokens.len() == listing.items.len()
            && self
                .tokens
                .iter()
                .zip(&listing.items)
                .all(|((key, token), item)| *token == item.token && *key == item.key)
    }

    fn update(&mut self, listing: &Listing, scope: &ScopeName) {
        let mut gone = std::mem::take(&mut self.tokens);
        for item in &listing.items {
            let unchanged = gone.remove(&item.key).is_some_and(|token| token == item.token);
            self.tokens.insert(item.key.clone(), item.token.clone());
            let (false, Document::Pool(object)) = (unchanged, &item.document) else { continue };
            self.forget(&object.metadata.name);
            // A name that is none cannot be named by anybody either.
            if self.catalog.insert_object(object).is_err() {
                continue;
            }
            if let Some(pool) = self.catalog.get(&object.metadata.name) {
                let reference = Arc::new(PoolRef::new(pool, scope.clone()));
                self.by_uid.insert(pool.uid.clone(), (Arc::clone(pool), reference));
            }
        }
        for key in gone.into_keys() {
            if let Key::Pool(name) = key {
                self.forget(name.as_str());
            }
        }
    }

    fn forget(&mut self, name: &str) {
        if let Some(pool) = self.catalog.get(name) {
            self.by_uid.remove(&pool.uid);
        }
        self.catalog.remove(name);
    }
}

/// Reads the pools; parses only what changed since the last reading.
///
/// Each reading is a listing, so that a pool that was applied is seen by the next request: right for a store in this
/// process or next to it.
#[derive(Clone, Debug)]
pub(super) struct Pools {
    store: Arc<dyn Store>,
    scope: ScopeName,
    known: Arc<Mutex<Arc<KnownPools>>>,
}

impl Pools {
    pub(super) fn new(store: Arc<dyn Store>, scope: ScopeName) -> Self {
        Self { store, scope, known: Arc::default() }
    }

    /// The pools as they stand now. Cost: one listing, and one comparison of tokens per pool.
    pub(super) async fn now(&self) -> Result<Arc<KnownPools>, StoreError> {
        let listing = self.store.list(&Selector::Kind(Kind::Pool)).await?;
        let mut known = self.known.lock();
        if !known.is(&listing) {
            Arc::make_mut(&mut known).update(&listing, &self.scope);
        }
        Ok(Arc::clone(&known))
    }
}
