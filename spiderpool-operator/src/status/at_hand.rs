//! The blocks that status is computed from, for whoever would read them too.

use std::{collections::HashMap, sync::Arc};

use parking_lot::RwLock;
use spiderpool_core::{
    model::{Block, BlockId},
    store::{Key, Token, Versioned},
    sweep::BlocksAtHand,
};

type Known = (Token, Arc<Block>);

/// Every block as it was last heard of.
#[derive(Clone, Debug, Default)]
pub struct KnownBlocks(Arc<RwLock<HashMap<BlockId, Known>>>);

fn block(item: &Versioned) -> Option<(BlockId, Known)> {
    let block = item.document.as_block()?;
    Some((block.id().clone(), (item.token.clone(), Arc::clone(block))))
}

impl KnownBlocks {
    /// These are there, and no others.
    pub(super) fn list(&self, items: &[Versioned]) {
        *self.0.write() = items.iter().filter_map(block).collect();
    }

    /// This one is there.
    pub(super) fn put(&self, item: &Versioned) {
        self.0.write().extend(block(item));
    }

    /// This one is gone.
    pub(super) fn remove(&self, key: &Key) {
        if let Key::Block(id) = key {
            self.0.write().remove(id);
        }
    }
}

impl BlocksAtHand for KnownBlocks {
    fn block(&self, id: &BlockId, token: &Token) -> Option<Arc<Block>> {
        let known = self.0.read();
        known.get(id).filter(|(known, _)| known == token).map(|(_, block)| Arc::clone(block))
    }
}
