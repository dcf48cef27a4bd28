//! All blocks of a scope as they were last heard of, so that the status of pools is computed without a read.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    Neighbours,
    blocks::Blocks,
    conditions::{PoolFacts, of_pool},
    count::Counts,
    status::status,
};
use crate::{
    addr::{Address, Family},
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
    /// In which blocks something is held through a pool.
    places: HashMap<Uid, BTreeSet<Place>>,
}

/// Where a block is.
type Place = (Family, u128);

fn place(block: &BlockId) -> Place {
    (block.family, block.index)
}

/// The pools that records of a block name.
fn named(block: &Block) -> impl Iterator<Item = Uid> {
    block.records().map(|(_, record)| record.pool.clone())
}

impl BlockBook {
    /// A book without blocks.
    #[must_use]
    pub fn new(scope: ScopeName) -> Self {
        Self { scope, blocks: Blocks::default(), places: HashMap::new() }
    }

    /// Takes these blocks for all that there are. The pools that any block names or named.
    pub fn list(&mut self, blocks: impl IntoIterator<Item = Arc<Block>>) -> BTreeSet<Uid> {
        let mut changed: BTreeSet<Uid> = self.blocks.iter().flat_map(|block| named(block)).collect();
        self.blocks = Blocks::default();
        self.places.clear();
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
        let place = place(block.id());
        let now: BTreeSet<Uid> = named(&block).collect();
        for pool in &now {
            self.places.entry(pool.clone()).or_default().insert(place);
        }
        let before = self.blocks.put(block).iter().flat_map(|before| named(before)).collect::<BTreeSet<_>>();
        before.difference(&now).for_each(|pool| self.left(pool, place));
        now.into_iter().chain(before).collect()
    }

    /// Takes a block for gone. The pools that it named.
    pub fn remove(&mut self, id: &BlockId) -> BTreeSet<Uid> {
        if id.scope != self.scope {
            return BTreeSet::new();
        }
        let before: BTreeSet<Uid> = self.blocks.remove(id).iter().flat_map(|before| named(before)).collect();
        before.iter().for_each(|pool| self.left(pool, place(id)));
        before
    }

    /// Nothing is held through `pool` at `place` any more.
    fn left(&mut self, pool: &Uid, place: Place) {
        if let Some(places) = self.places.get_mut(pool) {
            places.remove(&place);
            if places.is_empty() {
                self.places.remove(pool);
            }
        }
    }

    /// `status` of `pool` by these blocks, its conditions included, with at most `shown` addresses in `allocatedIPs`. Of a pool
    /// that cannot be read the conditions alone are new. Cost: the blocks between the pool's first address and its last.
    #[must_use]
    pub fn status(
        &self,
        pool: &SpiderIPPool,
        beside: &Neighbours<'_>,
        now: Timestamp,
        shown: usize,
    ) -> IPPoolStatus {
        let before = &pool.status.conditions;
        let parsed = match Pool::try_from(pool) {
            Ok(parsed) => parsed,
            Err(violations) => {
                let conditions = of_pool(Err(&violations), before, now);
                return IPPoolStatus { conditions, ..pool.status.clone() };
            }
        };
        let counts = Counts::of(&parsed, beside.reserved, &self.blocks, now);
        let status = status(pool, &parsed, &counts, &self.blocks, shown);
        let outside = self.outside(&parsed);
        let facts = PoolFacts { pool: &parsed, counts, outside: &outside, overlapping: beside.overlapping };
        let conditions = of_pool(Ok(facts), before, now);
        IPPoolStatus { conditions, ..status }
    }

    /// What is held through `pool` and not among its addresses, ascending.
    fn outside(&self, pool: &Pool) -> Vec<Address> {
        let allocatable = pool.allocatable();
        let places = self.places.get(&pool.uid).into_iter().flatten();
        let blocks = places.filter_map(|(family, index)| self.blocks.at(*family, *index));
        let held = blocks.flat_map(|block| {
            let own = block.records().filter(|(_, record)| record.pool == pool.uid);
            own.map(|(offset, _)| block.address(offset))
        });
        held.filter(|address| !allocatable.contains(*address)).collect()
    }
}
