//! The blocks as this process last saw them, written through. A stale one costs a conflict, never a mistake.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::{
    hash::{Map, Seed},
    model::{Block, BlockId},
    store::Token,
};

/// At most this many blocks; when full, everything is forgotten and read again on demand.
const CAPACITY: usize = 16_384;

type Blocks = Map<BlockId, (Token, Arc<Block>)>;

/// The cache; off where the store answers from its own memory.
#[derive(Debug)]
pub(super) struct Cache(Option<Mutex<Blocks>>);

impl Cache {
    pub(super) fn on(seed: Seed) -> Self {
        Self(Some(Mutex::new(Map::with_hasher(seed))))
    }

    pub(super) fn off() -> Self {
        Self(None)
    }

    pub(super) fn get(&self, id: &BlockId) -> Option<(Token, Arc<Block>)> {
        self.0.as_ref()?.lock().get(id).cloned()
    }

    pub(super) fn put(&self, id: &BlockId, block: Option<(Token, Arc<Block>)>) {
        let Some(blocks) = &self.0 else { return };
        let mut blocks = blocks.lock();
        match block {
            None => {
                blocks.remove(id);
            }
            Some(block) => {
                if blocks.len() >= CAPACITY && !blocks.contains_key(id) {
                    blocks.clear();
                }
                blocks.insert(id.clone(), block);
            }
        }
    }
}
