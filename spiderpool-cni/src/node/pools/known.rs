//! The pools, parsed, as they stood at one moment.

use spiderpool_core::model::Pool;
use spiderpool_core::name::{ScopeName, Uid};
use spiderpool_core::protocol::PoolRef;
use spiderpool_core::select::PoolCatalog;
use spiderpool_core::store::{Change, Document, Key, Listing, Token, Versioned};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// All pools at one moment.
#[derive(Clone, Debug, Default)]
pub(in crate::node) struct KnownPools {
    pub(in crate::node) catalog: PoolCatalog,
    by_uid: HashMap<Uid, (Arc<Pool>, Arc<PoolRef>)>,
    tokens: BTreeMap<Key, Token>,
}

impl KnownPools {
    /// The pool of this uid.
    pub(in crate::node) fn pool(&self, uid: &Uid) -> Option<&Arc<Pool>> {
        self.by_uid.get(uid).map(|(pool, _)| pool)
    }

    /// `pool` as the allocator wants it.
    pub(in crate::node) fn reference(&self, pool: &Pool) -> Option<Arc<PoolRef>> {
        self.by_uid.get(&pool.uid).map(|(_, reference)| Arc::clone(reference))
    }

    pub(super) fn is(&self, listing: &Listing) -> bool {
        self.tokens.len() == listing.items.len()
            && self
                .tokens
                .iter()
                .zip(&listing.items)
                .all(|((key, token), item)| *token == item.token && *key == item.key)
    }

    /// Takes in a listing.
    pub(super) fn update(&mut self, listing: &Listing, scope: &ScopeName) {
        let mut gone = std::mem::take(&mut self.tokens);
        for item in &listing.items {
            let unchanged = gone.remove(&item.key).is_some_and(|token| token == item.token);
            if unchanged {
                self.tokens.insert(item.key.clone(), item.token.clone());
            } else {
                self.put(item, scope);
            }
        }
        for key in gone.keys() {
            self.remove(key);
        }
    }

    /// Takes in a change.
    pub(super) fn change(&mut self, change: &Change, scope: &ScopeName) {
        match change {
            Change::Put(item) => self.put(item, scope),
            Change::Deleted(key) => self.remove(key),
        }
    }

    fn put(&mut self, item: &Versioned, scope: &ScopeName) {
        let Document::Pool(object) = &item.document else { return };
        self.tokens.insert(item.key.clone(), item.token.clone());
        self.forget(&object.metadata.name);
        // A name that is none cannot be named by anybody either.
        if self.catalog.insert_object(object).is_err() {
            return;
        }
        if let Some(pool) = self.catalog.get(&object.metadata.name) {
            let reference = Arc::new(PoolRef::new(pool, scope.clone()));
            self.by_uid.insert(pool.uid.clone(), (Arc::clone(pool), reference));
        }
    }

    fn remove(&mut self, key: &Key) {
        self.tokens.remove(key);
        if let Key::Pool(name) = key {
            self.forget(name.as_str());
        }
    }

    fn forget(&mut self, name: &str) {
        if let Some(pool) = self.catalog.get(name) {
            self.by_uid.remove(&pool.uid);
        }
        self.catalog.remove(name);
    }
}
