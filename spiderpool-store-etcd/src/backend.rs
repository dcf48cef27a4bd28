//! The store.

use std::sync::Arc;

use async_trait::async_trait;
use spiderpool_core::{
    env::Env,
    model::BlockBits,
    store::{
        Capabilities, Document, Key, Kind, Listing, Position, Selector, Store, StoreError, Token, Versioned,
        Watch, encode,
    },
};

use crate::{
    EtcdConfig,
    cluster::{Cluster, read_error},
    keys::Keys,
    read,
    watch::EtcdWatch,
    write::{Write, entries, revision},
};

/// The largest encoded document. Members take requests of 1.5 MiB as they come, and a request has keys in it as well.
const MAX_DOCUMENT_BYTES: usize = 1 << 20;

/// A store on etcd. Cloning shares the connections. To be used inside a tokio runtime with its timers on.
#[derive(Clone, Debug)]
pub struct EtcdStore {
    cluster: Arc<Cluster>,
    keys: Keys,
    block_bits: BlockBits,
}

impl EtcdStore {
    /// The store in the cluster of `config`, once the cluster answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with what is in the way: no member answers within [`EtcdConfig::timeout`], a
    /// certificate does not fit, or the user may not read the prefix.
    pub async fn connect(config: &EtcdConfig, env: &Env) -> Result<Self, StoreError> {
        let store = Self {
            cluster: Arc::new(Cluster::new(config, env)),
            keys: Keys::new(config.url.prefix()),
            block_bits: config.block_bits,
        };
        read::current_revision(&store.cluster, &store.keys).await.map_err(read_error)?;
        Ok(store)
    }

    /// The document that a write replaces, where the index entries of the new one depend on it. `token` is what the
    /// write expects; another one decides already.
    async fn replaced(&self, key: &Key, token: &Token) -> Result<Option<Document>, StoreError> {
        if key.kind() != Kind::Endpoint {
            return Ok(None);
        }
        match read::get(&self.cluster, &self.keys, key).await? {
            None => Err(StoreError::NotFound { key: key.clone() }),
            Some(found) if found.token != *token => Err(StoreError::Conflict { key: key.clone() }),
            Some(found) => Ok(Some(found.document)),
        }
    }

    /// The revision of `token`, or what a write with a token that this store never gave is answered.
    async fn expected(&self, key: &Key, token: &Token) -> Result<i64, StoreError> {
        match revision(token) {
            Some(revision) => Ok(revision),
            None if read::get(&self.cluster, &self.keys, key).await?.is_some() => {
                Err(StoreError::Conflict { key: key.clone() })
            }
            None => Err(StoreError::NotFound { key: key.clone() }),
        }
    }

    async fn write(
        &self,
        key: &Key,
        expected: i64,
        old: Option<&Document>,
        new: Option<&Document>,
    ) -> Result<Token, StoreError> {
        let value = new.map(|document| encode(key, document)).transpose()?;
        if let Some(bytes) = value.as_ref().map(Vec::len).filter(|bytes| *bytes > MAX_DOCUMENT_BYTES) {
            return Err(StoreError::TooLarge { key: key.clone(), bytes, limit: MAX_DOCUMENT_BYTES });
        }
        let entries = entries(&self.keys, key, old, new);
        let write = Write::new(self.keys.encode(key), expected, value, entries);
        write.send(&self.cluster, key, MAX_DOCUMENT_BYTES).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for EtcdStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: "etcd".into(),
            snapshot_list: true,
            durable: true,
            watch: true,
            shared: true,
            own_resources: true,
            draws_uids: false,
            max_document_bytes: Some(MAX_DOCUMENT_BYTES),
            default_block_bits: self.block_bits,
        }
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        read::get(&self.cluster, &self.keys, key).await
    }

    async fn list(&self, selector: &Selector) -> Result<Listing, StoreError> {
        read::list(&self.cluster, &self.keys, selector).await
    }

    async fn tokens(&self, selector: &Selector) -> Result<Vec<(Key, Token)>, StoreError> {
        read::tokens(&self.cluster, &self.keys, selector).await
    }

    async fn create(&self, key: &Key, document: Document) -> Result<Token, StoreError> {
        self.write(key, 0, None, Some(&document)).await
    }

    async fn update(&self, key: &Key, token: &Token, document: Document) -> Result<Token, StoreError> {
        let expected = self.expected(key, token).await?;
        let old = self.replaced(key, token).await?;
        self.write(key, expected, old.as_ref(), Some(&document)).await
    }

    async fn delete(&self, key: &Key, token: &Token) -> Result<(), StoreError> {
        let expected = self.expected(key, token).await?;
        let old = self.replaced(key, token).await?;
        self.write(key, expected, old.as_ref(), None).await.map(drop)
    }

    async fn watch(&self, selector: &Selector, from: &Position) -> Result<Box<dyn Watch>, StoreError> {
        let (cluster, keys) = (self.cluster.clone(), self.keys.clone());
        Ok(Box::new(EtcdWatch::begin(cluster, keys, selector, from).await?))
    }
}
