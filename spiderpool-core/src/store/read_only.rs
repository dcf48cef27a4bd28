//! A store that refuses every write, for whoever may only look.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    Capabilities, Document, Key, Listing, Position, Selector, Store, StoreError, Token, Versioned, Watch,
};

/// A store whose reads are another one's, and whose writes are all [`StoreError::Refused`].
#[derive(Clone, Debug)]
pub struct ReadOnly(pub Arc<dyn Store>);

fn refused(key: &Key) -> StoreError {
    StoreError::Refused {
        key: Box::new(key.clone()),
        message: "this way to the store is for reading alone".into(),
    }
}

#[async_trait]
impl Store for ReadOnly {
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

    async fn create(&self, key: &Key, _: Document) -> Result<Token, StoreError> {
        Err(refused(key))
    }

    async fn update(&self, key: &Key, _: &Token, _: Document) -> Result<Token, StoreError> {
        Err(refused(key))
    }

    async fn delete(&self, key: &Key, _: &Token) -> Result<(), StoreError> {
        Err(refused(key))
    }

    async fn watch(&self, selector: &Selector, from: &Position) -> Result<Box<dyn Watch>, StoreError> {
        self.0.watch(selector, from).await
    }
}

#[cfg(all(test, feature = "system"))]
mod tests {
    use super::*;
    use crate::{
        api::SpiderIPPool,
        store::{Kind, MemoryStore},
    };

    #[test]
    fn it_reads_and_refuses_writes() {
        pollster::block_on(async {
            let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
            let store = ReadOnly(Arc::clone(&inner));
            let (key, pool) = (Key::Pool("p".parse().unwrap()), SpiderIPPool::default());
            let refused = |error| matches!(error, StoreError::Refused { .. });
            assert!(refused(store.create(&key, pool.clone().into()).await.unwrap_err()));
            let token = inner.create(&key, pool.clone().into()).await.unwrap();
            assert!(refused(store.update(&key, &token, pool.into()).await.unwrap_err()));
            assert!(refused(store.delete(&key, &token).await.unwrap_err()));
            assert_eq!(store.get(&key).await.unwrap().unwrap().token, token);
            assert_eq!(store.list(&Selector::Kind(Kind::Pool)).await.unwrap().items.len(), 1);
        });
    }
}
