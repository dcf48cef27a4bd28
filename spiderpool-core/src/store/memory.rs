//! The reference store: everything in memory, nothing durable.

use async_trait::async_trait;

use super::{
    Capabilities, Document, Key, Listing, Position, Selector, Store, StoreError, Token, Versioned, Watch,
    local::{Action, Committed, Revision, Table, Write},
};
use crate::model::BlockBits;

/// A write copies the block: small ones are quickest where many addresses are held (measured: docs/benchmarks.md).
const BLOCK_BITS: BlockBits = match BlockBits::new(4) {
    Some(bits) => bits,
    None => BlockBits::MAX,
};

/// A store in memory. It keeps decoded documents: a read or a write of a block costs one lock, one look-up and a
/// few reference counts, far below a microsecond. Cloning gives another handle on the same documents.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    committed: Committed,
    block_bits: BlockBits,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::with_block_bits(BLOCK_BITS)
    }

    /// An empty store that proposes blocks of this size.
    #[must_use]
    pub fn with_block_bits(block_bits: BlockBits) -> Self {
        Self { committed: Committed::new(Table::default(), Revision(0)), block_bits }
    }

    /// An empty store whose watches may fall at most `events` changes behind before they expire.
    #[must_use]
    pub fn with_history(events: usize) -> Self {
        let committed = Committed::with_history(Table::default(), Revision(0), events);
        Self { committed, block_bits: BLOCK_BITS }
    }

    fn write(&self, key: &Key, action: Action) -> Result<Token, StoreError> {
        self.committed.write(Write { key: key.clone(), action })
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: "memory".into(),
            snapshot_list: true,
            durable: false,
            watch: true,
            shared: false,
            own_resources: true,
            draws_uids: false,
            max_document_bytes: None,
            default_block_bits: self.block_bits,
        }
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        self.committed.get(key)
    }

    async fn list(&self, selector: &Selector) -> Result<Listing, StoreError> {
        self.committed.list(selector)
    }

    async fn tokens(&self, selector: &Selector) -> Result<Vec<(Key, Token)>, StoreError> {
        self.committed.tokens(selector)
    }

    async fn create(&self, key: &Key, document: Document) -> Result<Token, StoreError> {
        self.write(key, Action::Create(document))
    }

    async fn update(&self, key: &Key, token: &Token, document: Document) -> Result<Token, StoreError> {
        self.write(key, Action::Update(token.clone(), document))
    }

    async fn delete(&self, key: &Key, token: &Token) -> Result<(), StoreError> {
        self.write(key, Action::Delete(token.clone())).map(drop)
    }

    async fn watch(&self, selector: &Selector, from: &Position) -> Result<Box<dyn Watch>, StoreError> {
        self.committed.watch(selector, from)
    }
}
