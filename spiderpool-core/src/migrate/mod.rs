//! Taking over a cluster that runs upstream Spiderpool: its pools' `status.allocatedIPs` and its SpiderEndpoints become
//! records in blocks.
//!
//! Upstream notes each address twice and keeps the two apart by hand, so they disagree where something went wrong. What either of
//! them says is held stays held; every disagreement is told. Nothing of upstream's is changed but that endpoints get
//! the claims of stateful owners, so that it can be done again, and taken back. Records have no container: the first DEL
//! of their owner and interface frees them (rule 6).
//!
//! A dry run is the real run on a [`ShadowStore`].

mod facts;
mod plan;
mod upstream;

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

pub use self::plan::{Disagreement, Holding, Kind as DisagreementKind, Plan, plan};
pub use self::upstream::{Seen, Source, of_endpoint, of_pool};
pub use facts::{Facts, PodNow};

use crate::{
    admin::{AdminError, Mode, Tended},
    alloc::{Allocator, AllocatorConfig, OpenError},
    env::Env,
    model::{Block, BlockId, Record},
    repair::claims,
    store::{Document, Key, ShadowStore, Store, StoreError, StoreExt},
};

/// What a migration came to.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Migrated {
    /// Whether it was done, or only looked at.
    pub mode: Mode,
    /// Addresses that are held from now on.
    pub taken_over: usize,
    /// Addresses that were held by the same owner already: of an earlier migration.
    pub already: usize,
    /// Blocks that were written.
    pub blocks: usize,
    /// Where upstream's notes disagree with each other, with the cluster, or with what is held here.
    pub disagreements: Vec<Disagreement>,
    /// Endpoints that could not be brought up to date, and why.
    pub failures: Vec<String>,
}

impl Migrated {
    /// Whether every address that upstream noted is held by its owner.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.failures.is_empty() && self.disagreements.iter().all(|found| found.kind.is_kept())
    }
}

/// Why nothing, or not all, was migrated. Doing it again goes on where it ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// The scope cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
    /// Plans could not be settled.
    #[error("the pools cannot be brought into force: {0}")]
    Plans(#[from] AdminError),
}

/// Takes over what upstream noted in `store`. Upstream's agents and controller must have stopped, and no agent of this version may
/// have begun: what is granted meanwhile is told as a disagreement and not overwritten.
///
/// Cost: listings of pools and endpoints, a read of each pod that is named, and two requests for each block that gets a record.
/// Cancellation: every write is whole by itself; do it again.
///
/// # Errors
/// See [`MigrateError`].
pub async fn migrate(
    store: Arc<dyn Store>,
    env: &Env,
    config: AllocatorConfig,
    mode: Mode,
) -> Result<Migrated, MigrateError> {
    let store: Arc<dyn Store> = match mode {
        Mode::Real => store,
        Mode::DryRun => Arc::new(ShadowStore::new(store)),
    };
    let facts = Facts::read(store.as_ref()).await?;
    let Plan { holdings, disagreements } = plan(&facts, env.clock.now());
    let mut migrated = Migrated { mode, disagreements, ..Migrated::default() };
    let allocator = Allocator::open(Arc::clone(&store), env.clone(), config).await?;
    let mut blocks: BTreeMap<BlockId, Vec<Holding>> = BTreeMap::new();
    for holding in holdings {
        let id = BlockId::of(allocator.scope(), allocator.block_bits(), holding.address);
        blocks.entry(id).or_default().push(holding);
    }
    for (id, holdings) in &blocks {
        let filled = fill(&allocator, id, holdings).await?;
        migrated.taken_over += filled.taken_over;
        migrated.already += filled.already;
        migrated.blocks += usize::from(filled.taken_over > 0);
        migrated.disagreements.extend(filled.others);
    }
    // Records before plans: nobody is granted from a pool one of the addresses that are still to come.
    allocator.settle_plans(&mut Tended::default()).await?;
    // Views are the agents' business: until then endpoints are evidence.
    migrated.failures = claims(&allocator).await?;
    Ok(migrated)
}

#[derive(Default)]
struct Filled {
    taken_over: usize,
    already: usize,
    others: Vec<Disagreement>,
}

/// The block's token first, then the compare-and-swap, until nobody was faster.
async fn fill(allocator: &Allocator, id: &BlockId, holdings: &[Holding]) -> Result<Filled, StoreError> {
    let (store, key) = (allocator.store(), Key::Block(id.clone()));
    loop {
        let found = store.block(id).await?;
        let mut block = match &found {
            Some((block, _)) => Block::clone(block),
            None => Block::empty(id.clone(), allocator.block_bits()),
        };
        let mut filled = Filled::default();
        for Holding { address, record } in holdings {
            let Some(offset) = block.offset(*address) else { continue };
            match block.record(offset) {
                None => {
                    block.put(offset, Arc::clone(record));
                    filled.taken_over += 1;
                }
                Some(held) if is_same(held, record) => filled.already += 1,
                Some(held) => filled.others.push(Disagreement::held_by_another(*address, record, held)),
            }
        }
        if filled.taken_over == 0 {
            return Ok(filled);
        }
        let document: Document = block.into();
        let written = match found {
            Some((_, token)) => store.update(&key, &token, document).await.map(drop),
            None => store.create(&key, document).await.map(drop),
        };
        match written {
            Ok(()) => return Ok(filled),
            Err(
                StoreError::Conflict { .. } | StoreError::AlreadyExists { .. } | StoreError::NotFound { .. },
            ) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether it is the same pod's: by now it may have another incarnation, or a container.
fn is_same(held: &Record, wanted: &Record) -> bool {
    held.owner.uid == wanted.owner.uid || (held.owner.pod.is_some() && held.owner.pod == wanted.owner.pod)
}

impl fmt::Display for Disagreement {
    /// `10.6.0.7 (default/web-0): in no endpoint; it stays held`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, object, what, done, .. } = self;
        match address {
            Some(address) => write!(f, "{address} ({object}): {what}; {done}"),
            None => write!(f, "{object}: {what}; {done}"),
        }
    }
}
