//! A store behind a pointer is a store.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    Capabilities, Document, Key, Listing, Position, Selector, Store, StoreError, Token, Versioned, Watch,
};

macro_rules! forward {
    ($pointer:ty) => {
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<S: Store + ?Sized> Store for $pointer {
            fn capabilities(&self) -> Capabilities {
                (**self).capabilities()
            }

            async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
                (**self).get(key).await
            }

            async fn list(&self, selector: &Selector) -> Result<Listing, StoreError> {
                (**self).list(selector).await
            }

            async fn tokens(&self, selector: &Selector) -> Result<Vec<(Key, Token)>, StoreError> {
                (**self).tokens(selector).await
            }

            async fn create(&self, key: &Key, document: Document) -> Result<Token, StoreError> {
                (**self).create(key, document).await
            }

            async fn update(
                &self,
                key: &Key,
                token: &Token,
                document: Document,
            ) -> Result<Token, StoreError> {
                (**self).update(key, token, document).await
            }

            async fn delete(&self, key: &Key, token: &Token) -> Result<(), StoreError> {
                (**self).delete(key, token).await
            }

            async fn watch(
                &self,
                selector: &Selector,
                from: &Position,
            ) -> Result<Box<dyn Watch>, StoreError> {
                (**self).watch(selector, from).await
            }
        }
    };
}

forward!(Arc<S>);
forward!(Box<S>);
