//! Blocks as a listing gave them, and the masks by which a pool's addresses are told apart.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    addr::{Address, Family, IpSet},
    model::{Attachment, Block, BlockId, Pool},
    name::ScopeName,
    store::Listing,
    time::Timestamp,
};

/// Blocks of one scope by place.
#[derive(Clone, Debug, Default)]
pub(super) struct Blocks(BTreeMap<(Family, u128), Arc<Block>>);

impl From<Listing> for Blocks {
    fn from(listing: Listing) -> Self {
        let blocks = listing.items.iter().filter_map(|item| item.document.as_block());
        Self(blocks.map(|block| ((block.id().family, block.id().index), block.clone())).collect())
    }
}

impl Blocks {
    pub(super) fn keep(&mut self, scope: &ScopeName) {
        self.0.retain(|_, block| block.id().scope == *scope);
    }

    /// Puts a block in; the one that was there.
    pub(super) fn put(&mut self, block: Arc<Block>) -> Option<Arc<Block>> {
        self.0.insert((block.id().family, block.id().index), block)
    }

    /// Takes a block out.
    pub(super) fn remove(&mut self, id: &BlockId) -> Option<Arc<Block>> {
        self.0.remove(&(id.family, id.index))
    }

    /// All of them, ascending, IPv4 first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Block>> {
        self.0.values()
    }

    /// Those between the first and the last address of `set`.
    pub(super) fn around(&self, set: &IpSet) -> impl Iterator<Item = &Arc<Block>> {
        let bits = self.0.values().next().map_or(0, |block| block.bits().get());
        let bounds = set.first().zip(set.last());
        let range = bounds.map(|(first, last)| {
            let at = |address: Address| (set.family(), address.value() >> bits);
            at(first)..=at(last)
        });
        range.into_iter().flat_map(|range| self.0.range(range).map(|(_, block)| block))
    }

    /// The block at a place.
    pub(super) fn at(&self, family: Family, index: u128) -> Option<&Arc<Block>> {
        self.0.get(&(family, index))
    }

    /// The block of `address`.
    pub(super) fn of(&self, address: Address) -> Option<&Arc<Block>> {
        let bits = self.0.values().next()?.bits().get();
        self.0.get(&(address.family(), address.value() >> bits))
    }
}

/// A pool's addresses, divided by what its objects say of them.
#[derive(Clone, Debug)]
pub(super) struct Division {
    /// `ips` without `excludeIPs`.
    pub(super) allocatable: IpSet,
    /// Those of them that the pool itself would grant: without the gateway; none while it terminates.
    pub(super) offered: IpSet,
    /// Those of them that no reservation covers.
    pub(super) grantable: IpSet,
    pub(super) cooldown: Duration,
}

impl Division {
    pub(super) fn of(pool: &Pool, reserved: &IpSet) -> Self {
        let offered = pool.usable();
        Self {
            allocatable: pool.allocatable(),
            grantable: offered.difference(reserved),
            offered,
            cooldown: pool.cooldown,
        }
    }

    /// The division of a block.
    pub(super) fn masks(&self, block: &Block, now: Timestamp) -> Masks {
        let window = |set: &IpSet| set.window_mask(block.first(), block.bits().get());
        let allocatable = window(&self.allocatable);
        let offered = window(&self.offered);
        let grantable = window(&self.grantable);
        let held = block.held();
        let resting = resting(block, now, self.cooldown);
        Masks {
            held,
            reserved: offered & !grantable & !held,
            cooling: grantable & !held & resting,
            allocatable,
            offered,
            grantable,
        }
    }
}

/// What a [`Division`] says of one block, by offset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Masks {
    pub(super) allocatable: u64,
    pub(super) offered: u64,
    pub(super) grantable: u64,
    /// By anybody.
    pub(super) held: u64,
    /// Not held, offered, but reserved.
    pub(super) reserved: u64,
    /// Not held, not reserved, but released too recently.
    pub(super) cooling: u64,
}

/// The addresses that were released less than `cooldown` ago.
fn resting(block: &Block, now: Timestamp, cooldown: Duration) -> u64 {
    if cooldown.is_zero() || block.released_mask() == 0 {
        return 0;
    }
    (0..block.bits().size())
        .filter(|offset| block.released_at(*offset).is_some_and(|at| at.after(cooldown) > now))
        .fold(0, |mask, offset| mask | 1 << offset)
}

/// The addresses that stay with a stateful owner's name between two containers.
pub(super) fn detached(block: &Block) -> u64 {
    let detached = block.records().filter(|(_, record)| record.attachment == Attachment::Detached);
    detached.fold(0, |mask, (offset, _)| mask | 1 << offset)
}
