//! The blocks as this process last saw them, written through. A stale one costs a conflict, never a mistake.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::{
    hash::{Map, Seed},
    model::{Block, BlockId},
    protocol::Belief,
    store::Token,
};

/// At most this many blocks; when full, everything is forgotten and read again on demand.
const CAPACITY: usize = 16_384;

type Blocks = Map<BlockId, Belief>;

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

    pub(super) fn get(&self, id: &BlockId) -> Belief {
        self.0.as_ref().and_then(|blocks| blocks.lock().get(id).cloned()).unwrap_or_default()
    }

    /// Nobody has made this block yet, it seems.
    pub(super) fn believe_absent(&self, id: &BlockId) {
        let Some(blocks) = &self.0 else { return };
        let mut blocks = blocks.lock();
        make_room(&mut blocks);
        blocks.entry(id.clone()).or_insert(Belief::Absent);
    }

    pub(super) fn put(&self, id: &BlockId, block: Option<(Token, Arc<Block>)>) {
        let Some(blocks) = &self.0 else { return };
        let mut blocks = blocks.lock();
        match block {
            None => {
                blocks.remove(id);
            }
            Some((token, block)) => {
                make_room(&mut blocks);
                blocks.insert(id.clone(), Belief::Block(token, block));
            }
        }
    }
}

fn make_room(blocks: &mut Blocks) {
    if blocks.len() >= CAPACITY {
        blocks.clear();
    }
}
