//! Read-only views: who holds what, what is free, what is wrong.
//!
//! Nothing here decides an allocation, and nothing is written. Every view is computed from the blocks, which are the
//! truth, by masks and arithmetic: never address by address.

mod blocks;
mod book;
mod conditions;
mod count;
mod fsck;
mod holding;
mod map;
mod number;
mod object;
mod overlaps;
mod records;
mod status;
mod who;

use std::sync::Arc;

pub use book::BlockBook;
pub use count::{Counts, SubnetCounts};
pub use fsck::{Finding, FindingKind, Severity};
pub use holding::{Holding, PoolTime, Withheld, WithheldBy};
pub use map::{AddressMap, AddressState};
pub use overlaps::Overlaps;
pub use records::RecordFilter;
pub(crate) use status::clamp;
pub use status::{ALLOCATED_IPS_SHOWN, Neighbours, subnet_status};

use self::blocks::Blocks;
use crate::{
    addr::{Family, IpSet},
    alloc::Allocator,
    api::{SpiderIPPool, Violations},
    env::{Clock, Env},
    model::{Block, BlockBits, Copy, FORMAT, Plan, Pool},
    name::{ObjectName, ScopeName},
    protocol::unreserved,
    store::{Key, Kind, Room, Selector, Store, StoreError},
    time::Timestamp,
};

/// What is wrong with a block's copy of `plan`; none while it allows nothing that the plan does not.
pub(crate) fn copy_disagreement(block: &Block, copy: &Copy, plan: &Plan) -> Option<String> {
    fsck::disagreement(block, copy, plan)
}

/// A reader of one scope.
#[derive(Clone, Debug)]
pub struct Inspect {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    scope: ScopeName,
    bits: BlockBits,
}

/// Why a view cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// There is no such object.
    #[error("{object} does not exist")]
    NotFound {
        /// Which object.
        object: Key,
    },
    /// The stored object breaks rules, so nothing can be said about its addresses: correct it and apply it again.
    #[error("{object} cannot be read: {violations}")]
    Malformed {
        /// Which object.
        object: Key,
        /// What is wrong, with field paths.
        violations: Violations,
    },
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
}

impl Allocator {
    /// The read-only views of this allocator's scope.
    #[must_use]
    pub fn inspect(&self) -> Inspect {
        Inspect {
            store: self.store().clone(),
            clock: self.env().clock.clone(),
            scope: self.scope().clone(),
            bits: self.block_bits(),
        }
    }
}

impl Inspect {
    /// Opens `scope` for reading. Writes nothing: a scope that does not exist has no blocks.
    ///
    /// # Errors
    /// The store failed, or the scope is of a newer format.
    pub async fn open(store: Arc<dyn Store>, env: &Env, scope: ScopeName) -> Result<Self, StoreError> {
        let key = Key::Scope(scope.clone());
        let found = store.get(&key).await?;
        let bits = match found.as_ref().and_then(|found| found.document.as_scope()) {
            Some(found) if found.format > FORMAT => {
                let (what, found) = (key.to_string(), found.format);
                return Err(StoreError::NewerFormat { what, found, supported: FORMAT });
            }
            Some(found) => found.block_bits,
            None => store.capabilities().default_block_bits,
        };
        Ok(Self { store, clock: env.clock.clone(), scope, bits })
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The same views of the same scope in another store: a copy, or one behind a wrapper.
    #[must_use]
    pub fn with_store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = store;
        self
    }

    /// The scope.
    #[must_use]
    pub fn scope(&self) -> &ScopeName {
        &self.scope
    }

    /// The size of the scope's blocks.
    #[must_use]
    pub fn block_bits(&self) -> BlockBits {
        self.bits
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The blocks that exist between the first and the last address of `set`, by one listing.
    async fn blocks_of(&self, set: &IpSet) -> Result<Blocks, StoreError> {
        let (Some(first), Some(last)) = (set.first(), set.last()) else { return Ok(Blocks::default()) };
        let selector = Selector::Blocks {
            scope: self.scope.clone(),
            family: set.family(),
            first: first.value() >> self.bits.get(),
            last: last.value() >> self.bits.get(),
            room: Room::Any,
        };
        Ok(Blocks::from(self.store.list(&selector).await?))
    }

    /// All blocks of the scope, by one listing.
    async fn all_blocks(&self) -> Result<Blocks, StoreError> {
        let mut blocks = Blocks::from(self.store.list(&Selector::Kind(Kind::Block)).await?);
        blocks.keep(&self.scope);
        Ok(blocks)
    }

    /// All blocks of the scope that can be read, and whether that is all of them.
    pub(crate) async fn readable_blocks(&self) -> Result<(Vec<Arc<Block>>, bool), StoreError> {
        fsck::readable_blocks(self).await
    }

    /// The addresses of `family` that reservations take away.
    async fn reserved(&self, family: Family) -> Result<IpSet, StoreError> {
        let listing = self.store.list(&Selector::Kind(Kind::Reservation)).await?;
        Ok(unreserved(&listing, family).complement())
    }

    /// All pools as written, ascending by name.
    async fn pool_objects(&self) -> Result<Vec<Arc<SpiderIPPool>>, StoreError> {
        let listing = self.store.list(&Selector::Kind(Kind::Pool)).await?;
        Ok(listing.items.iter().filter_map(|item| item.document.as_pool().cloned()).collect())
    }

    /// All pools that can be read, ascending by name.
    async fn pools(&self) -> Result<Vec<Pool>, StoreError> {
        let objects = self.pool_objects().await?;
        Ok(objects.iter().filter_map(|pool| Pool::try_from(pool.as_ref()).ok()).collect())
    }
}

fn parse(pool: &SpiderIPPool) -> Result<Pool, InspectError> {
    Pool::try_from(pool).map_err(|violations| {
        let name = ObjectName::new(&pool.metadata.name).ok();
        match name {
            Some(name) => InspectError::Malformed { object: Key::Pool(name), violations },
            None => InspectError::Store(StoreError::Damaged {
                what: "a pool".into(),
                message: violations.to_string(),
            }),
        }
    })
}
