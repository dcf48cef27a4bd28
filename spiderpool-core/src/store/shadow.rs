//! Writes that stay in memory: what would be, without touching what is.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use parking_lot::Mutex;

use super::{
    Capabilities, Document, Key, Listing, Position, Selector, Store, StoreError, Token, Versioned, Watch,
};

/// Another store as it would be after some writes. Reads see it with the writes that went through here; it itself is
/// never written to. For dry runs of whatever needs more than one write.
///
/// Two writers of which one writes through here and the other one to the store itself do not meet: what the other one
/// changes after a document was written here is not seen any more.
#[derive(Debug)]
pub struct ShadowStore {
    inner: Arc<dyn Store>,
    written: Mutex<Written>,
}

#[derive(Debug, Default)]
struct Written {
    /// Documents as they would be; none: deleted.
    documents: BTreeMap<Key, Option<Versioned>>,
    writes: u64,
}

impl Written {
    fn put(&mut self, key: &Key, document: Document) -> Token {
        self.writes += 1;
        let token = Token::new(format!("shadow-{}", self.writes));
        let versioned = Versioned { key: key.clone(), token: token.clone(), document };
        self.documents.insert(key.clone(), Some(versioned));
        token
    }
}

impl ShadowStore {
    /// `inner` as it is.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, written: Mutex::default() }
    }

    /// How many writes there were.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.written.lock().writes
    }

    /// Lets `write` look at the document under `key` and change it, in one step.
    async fn write<T>(
        &self,
        key: &Key,
        write: impl FnOnce(&mut Written, Option<&Versioned>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let below = self.inner.get(key).await?;
        let mut written = self.written.lock();
        let current = written.documents.get(key).cloned().unwrap_or(below);
        write(&mut written, current.as_ref())
    }
}

fn check(key: &Key, token: &Token, current: Option<&Versioned>) -> Result<(), StoreError> {
    match current {
        None => Err(StoreError::NotFound { key: key.clone() }),
        Some(found) if found.token != *token => Err(StoreError::Conflict { key: key.clone() }),
        Some(_) => Ok(()),
    }
}

#[async_trait]
impl Store for ShadowStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities { durable: false, watch: false, ..self.inner.capabilities() }
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        let below = self.inner.get(key).await?;
        Ok(self.written.lock().documents.get(key).cloned().unwrap_or(below))
    }

    async fn list(&self, selector: &Selector) -> Result<Listing, StoreError> {
        let Listing { items, position } = self.inner.list(selector).await?;
        let mut all: BTreeMap<Key, Versioned> =
            items.into_iter().map(|item| (item.key.clone(), item)).collect();
        for (key, document) in &self.written.lock().documents {
            match document.as_ref().filter(|found| selector.matches(key, &found.document)) {
                Some(found) => all.insert(key.clone(), found.clone()),
                None => all.remove(key),
            };
        }
        Ok(Listing { items: all.into_values().collect(), position })
    }

    async fn tokens(&self, selector: &Selector) -> Result<Vec<(Key, Token)>, StoreError> {
        let mut all: BTreeMap<Key, Token> = self.inner.tokens(selector).await?.into_iter().collect();
        for (key, document) in &self.written.lock().documents {
            match document.as_ref().filter(|found| selector.matches(key, &found.document)) {
                Some(found) => all.insert(key.clone(), found.token.clone()),
                None => all.remove(key),
            };
        }
        Ok(all.into_iter().collect())
    }

    async fn create(&self, key: &Key, document: Document) -> Result<Token, StoreError> {
        self.write(key, |written, current| match current {
            Some(_) => Err(StoreError::AlreadyExists { key: key.clone() }),
            None => Ok(written.put(key, document)),
        })
        .await
    }

    async fn update(&self, key: &Key, token: &Token, document: Document) -> Result<Token, StoreError> {
        self.write(key, |written, current| {
            check(key, token, current)?;
            Ok(written.put(key, document))
        })
        .await
    }

    async fn delete(&self, key: &Key, token: &Token) -> Result<(), StoreError> {
        self.write(key, |written, current| {
            check(key, token, current)?;
            written.writes += 1;
            written.documents.insert(key.clone(), None);
            Ok(())
        })
        .await
    }

    async fn watch(&self, _: &Selector, _: &Position) -> Result<Box<dyn Watch>, StoreError> {
        Err(StoreError::Unsupported { what: "a watch of what would be" })
    }
}
