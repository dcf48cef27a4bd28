//! All blocks of a scope as they were last heard of, so that the status of pools is computed without a read.

use std::{collections::BTreeSet, sync::Arc};

use super::{blocks::Blocks, status::status};
use crate::{
    addr::IpSet,
    api::{IPPoolStatus, SpiderIPPool},
    model::{Block, BlockId, Pool},
    name::{ScopeName, Uid},
    time::Timestamp,
};

/// Blocks as a watch tells of them. A view like all others here: nothing is decided by it.
#[derive(Clone, Debug)]
pub struct BlockBook {
    scope: ScopeName,
    blocks: Blocks,
}

/// The pools that records of a block name.
fn named(block: &Block) -> impl Iterator<Item = Uid> {
    block.records().map(|(_, record)| record.pool.clone())
}

impl BlockBook {
    /// A book without blocks.
    #[must_use]
    pub fn new(scope: ScopeName) -> Self {
        Self { scope, blocks: Blocks::default() }
    }

    /// Takes these blocks for all that there are. The pools that any block names or named.
    pub fn list(&mut self, blocks: impl IntoIterator<Item = Arc<Block>>) -> BTreeSet<Uid> {
        let mut changed: BTreeSet<Uid> = self.blocks.iter().flat_map(|block| named(block)).collect();
        self.blocks = Blocks::default();
        for block in blocks {
            changed.extend(self.put(block));
        }
        changed
    }

    /// Takes a block for what it is now. The pools that it names or named; none for a block of another scope.
    pub fn put(&mut self, block: Arc<Block>) -> BTreeSet<Uid> {
        if block.id().scope != self.scope {
            return BTreeSet::new();
        }
        let mut changed: BTreeSet<Uid> = named(&block).collect();
        changed.extend(self.blocks.put(block).iter().flat_map(|before| named(before)));
        changed
    }

    /// Takes a block for gone. The pools that it named.
    pub fn remove(&mut self, id: &BlockId) -> BTreeSet<Uid> {
        if id.scope != self.scope {
            return BTreeSet::new();
        }
        self.blocks.remove(id).iter().flat_map(|before| named(before)).collect()
    }

    /// `status` of `pool` by these blocks, with at most `shown` addresses in `allocatedIPs`; none for a pool that cannot
    /// be read. Cost: the blocks between the pool's first address and its last.
    #[must_use]
    pub fn status(&self, pool: &SpiderIPPool, now: Timestamp, shown: usize) -> Option<IPPoolStatus> {
        let parsed = Pool::try_from(pool).ok()?;
        // What is reserved has no bearing on what status says.
        let reserved = IpSet::new(parsed.family);
        Some(status(pool, &parsed, &reserved, &self.blocks, now, shown))
    }
}
