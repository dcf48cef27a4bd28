//! The allocator: the protocol's machines driven against a store.
//!
//! One [`Allocator`] per process and scope. It needs no runtime: any executor may poll its futures.

mod cache;
mod committer;
mod conflicts;
mod container;
mod driver;
mod finder;
mod index;
mod interner;
mod liveness;
mod lock;
mod log;
mod order;
mod owners;
mod recall;
mod request;
mod scope;
mod settling;
mod sightings;
#[cfg(feature = "conformance")]
mod trials;

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::AtomicU64},
};

use async_lock::OnceCell;

pub use conflicts::{Conflicts, SPREAD_BOUNDS, Spread};
pub use container::PoolError;
pub use liveness::{Liveness, StoreLiveness};
pub use log::{IntentLog, Logged, MemoryLog};
pub use request::{
    AddError, AddPart, AddRequest, Allocation, DelError, DelRequest, Freed, OpenError, PartName,
};
#[cfg(feature = "conformance")]
pub use trials::{Storm, Unrest, storm, unrest};

use self::{
    cache::Cache,
    committer::Committer,
    conflicts::Counted,
    driver::Driver,
    finder::Finder,
    index::Index,
    interner::{Common, Interner},
    owners::Owners,
    settling::Settling,
    sightings::Sightings,
};
pub(crate) use self::{committer::yield_now, driver::until, lock::AsyncMutex};
use crate::{
    addr::{Address, Family},
    admin::{Ledger, Rules},
    env::Env,
    hash::{Seed, mix},
    model::{Attachment, Binding, Block, BlockBits, BlockId, GrantKey, Record, Slot},
    mutation::Mutation,
    name::{ContainerId, NamespacedName, NodeName, OwnerUid, ScopeName, Uid},
    protocol::{
        Add, AddFailure, BindingHolder, Del, Deleted, Fence, Logging, PartWanted, ReleaseMode, Releasing,
        Setting, Snapshots, UNBIND_BUDGET, Unbind, Unbound, Wait, Wanted,
    },
    store::{Key, Store, StoreError},
};

/// Whether other processes write to the same store.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Sharing {
    /// What the store's [`Capabilities`](crate::store::Capabilities) say.
    #[default]
    AsStore,
    /// They do, whatever the store says: several allocators in one process, in tests.
    Shared,
}

/// How to open an [`Allocator`].
#[derive(Clone, Debug)]
pub struct AllocatorConfig {
    /// This node: written into records, and the key of this node's own order of blocks.
    pub node: NodeName,
    /// The address space.
    pub scope: ScopeName,
    /// The block size of a scope that does not exist yet, and has no blocks either; none: the store's own choice.
    pub block_bits: Option<BlockBits>,
    /// Whether others write too.
    pub sharing: Sharing,
    /// The intent log, for stores that others write to: without it a restarted process reads all blocks before its
    /// first request, and grants whose replies were lost before the restart wait for the sweep. Unused otherwise.
    pub log: Option<Arc<dyn IntentLog>>,
    /// What is known of pods and sandboxes; none: [`StoreLiveness`].
    pub liveness: Option<Arc<dyn Liveness>>,
    /// The settings that edited objects are judged by.
    pub rules: Rules,
    /// Of a pool with so many blocks, all are read at once where their room is asked for; of a larger one, keys and tokens
    /// first, and then no more than is needed. The default is 64; unused on a store of one's own.
    pub few_blocks: u32,
}

impl AllocatorConfig {
    /// The configuration for `node` with everything else by default.
    #[must_use]
    pub fn new(node: NodeName) -> Self {
        Self {
            node,
            scope: ScopeName::default_scope(),
            block_bits: None,
            sharing: Sharing::AsStore,
            log: None,
            liveness: None,
            rules: Rules::default(),
            few_blocks: 64,
        }
    }
}

/// Grants and releases addresses of one scope.
#[derive(Clone, Debug)]
pub struct Allocator {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    driver: Driver,
    owners: Owners,
    interner: Interner,
    node: NodeName,
    scope: ScopeName,
    rules: Rules,
    /// The records of Subnets that edits of this process wait for.
    ledger: Ledger,
    /// Whether what this node holds was read from the blocks.
    remembered: OnceCell<()>,
}

impl Allocator {
    /// Opens the scope, creating it if it does not exist, and takes in what is held.
    ///
    /// A scope that has blocks, and whose own document is lost, is written again with the size of its blocks.
    ///
    /// Cost: on a store of its own, one listing of all blocks; on a shared one, reading the intent log, and that listing
    /// where it is new. One more listing for a scope that does not exist yet.
    ///
    /// # Errors
    /// The store does not answer, or is of a newer format; or the scope's document is lost, and its blocks do not say
    /// which size they should have.
    pub async fn open(store: Arc<dyn Store>, env: Env, config: AllocatorConfig) -> Result<Self, OpenError> {
        let AllocatorConfig { node, scope, block_bits, sharing, log, liveness, rules, few_blocks } = config;
        let capabilities = store.capabilities();
        let shared = capabilities.shared || sharing == Sharing::Shared;
        let bits = block_bits.unwrap_or(capabilities.default_block_bits);
        let bits = scope::open(store.as_ref(), &scope, bits).await?;
        let snapshots = if capabilities.snapshot_list { Snapshots::Yes } else { Snapshots::No };
        let seed = Seed(env.entropy.next_u64());
        let driver = Driver {
            liveness: liveness.unwrap_or_else(|| Arc::new(StoreLiveness(store.clone()))),
            logging: if shared && log.is_some() { Logging::On } else { Logging::Off },
            log,
            shared,
            setting: Setting { bits, snapshots },
            few_blocks,
            index: Index::new(seed),
            cache: if shared { Cache::on(seed) } else { Cache::off() },
            sightings: if shared { Sightings::on() } else { Sightings::off() },
            finder: Finder::new(
                bits,
                node.as_str().bytes().fold(0, |key, byte| mix(key ^ u64::from(byte))),
                seed,
            ),
            settling: Settling::new(seed),
            listing: AsyncMutex::default(),
            committer: Committer::new(seed),
            conflicts: Arc::new(Counted::default()),
            numbers: AtomicU64::new(env.entropy.next_u64()),
            store,
            env,
        };
        let owners = Owners::new(seed);
        let interner = Interner::new(seed);
        let ledger = Ledger::default();
        let inner =
            Inner { driver, owners, interner, node, scope, rules, ledger, remembered: OnceCell::new() };
        inner.recall().await?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.driver.store
    }

    /// The surroundings.
    #[must_use]
    pub fn env(&self) -> &Env {
        &self.inner.driver.env
    }

    /// The scope.
    #[must_use]
    pub fn scope(&self) -> &ScopeName {
        &self.inner.scope
    }

    /// The settings that edited objects are judged by.
    #[must_use]
    pub fn rules(&self) -> Rules {
        self.inner.rules
    }

    /// The size of the scope's blocks.
    #[must_use]
    pub fn block_bits(&self) -> BlockBits {
        self.inner.driver.setting.bits
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.inner.ledger
    }

    /// Runs one of the protocol's machines to its end.
    pub(crate) async fn run<M: crate::protocol::Machine>(&self, machine: M) -> M::Output {
        self.inner.driver.run(machine).await
    }

    /// A cheap random number: jitter, births of plans, fences.
    pub(crate) fn number(&self) -> u64 {
        self.inner.driver.number()
    }

    /// The same scope, with other eyes for pods and sandboxes, and without what this process knows of its own node.
    pub(crate) fn with_liveness(&self, liveness: Arc<dyn Liveness>) -> Self {
        let Driver { store, env, shared, setting, few_blocks, conflicts, .. } = &self.inner.driver;
        let Inner { node, scope, rules, .. } = self.inner.as_ref();
        let seed = Seed(self.number());
        let driver = Driver {
            store: store.clone(),
            env: env.clone(),
            liveness,
            log: None,
            shared: *shared,
            logging: Logging::Off,
            setting: *setting,
            few_blocks: *few_blocks,
            index: Index::new(seed),
            cache: Cache::off(),
            sightings: if *shared { Sightings::on() } else { Sightings::off() },
            finder: Finder::new(setting.bits, 0, seed),
            settling: Settling::new(seed),
            listing: AsyncMutex::default(),
            committer: Committer::new(seed),
            conflicts: conflicts.clone(),
            numbers: AtomicU64::new(self.number()),
        };
        let (owners, interner) = (Owners::new(seed), Interner::new(seed));
        let (node, scope) = (node.clone(), scope.clone());
        Self {
            inner: Arc::new(Inner {
                driver,
                owners,
                interner,
                node,
                scope,
                rules: *rules,
                ledger: Ledger::default(),
                remembered: OnceCell::new(),
            }),
        }
    }

    /// Whether `node` is this one.
    pub(crate) fn is_local(&self, node: &NodeName) -> bool {
        self.inner.node == *node
    }

    /// Of two addresses of one key this one is left.
    pub(crate) fn is_held(&self, address: Address, record: &Record) {
        self.inner.driver.index.saw(&record.key(address.family()), address, record);
    }

    /// Marks `container` gone, unless a request of its owner is running: from then on an ADD for it is refused. An agent
    /// says "gone" of one of its containers to a sweep only after this said true (rule 15).
    pub async fn retire(&self, owner: &OwnerUid, container: &ContainerId) -> bool {
        let Inner { driver, owners, .. } = self.inner.as_ref();
        let now = driver.env.clock.monotonic();
        let Some(_turn) = owners.turn(&driver.env, owner, now).await else { return false };
        owners.mark_gone(container, now);
        true
    }

    /// How many addresses this process knows to be held by owners of its node.
    #[must_use]
    pub fn held(&self) -> usize {
        self.inner.driver.index.len()
    }

    /// What owners of this node hold, as it stands now.
    ///
    /// Cost: a read of each block in which one does as far as this process knows; on a shared store without an intent log
    /// one listing of all blocks before.
    ///
    /// # Errors
    /// The store failed. A block that cannot be read is left out.
    pub async fn own_records(&self) -> Result<Vec<(Address, Arc<Record>)>, StoreError> {
        let (blocks, _) = self.own_blocks().await?;
        let records =
            blocks.iter().flat_map(|block| block.records().map(|(at, record)| (block.address(at), record)));
        let own = records.filter(|(_, record)| record.node == self.inner.node);
        Ok(own.map(|(address, record)| (address, record.clone())).collect())
    }

    /// The blocks in which owners of this node hold something as far as this process knows, as they stand now, each read
    /// on its own; and whether all of them could be read.
    pub(crate) async fn own_blocks(&self) -> Result<(Vec<Arc<Block>>, bool), StoreError> {
        self.inner.remember().await?;
        let Inner { driver, scope, .. } = self.inner.as_ref();
        self.read_blocks(driver.index.blocks(scope, driver.setting.bits)).await
    }

    /// The blocks of these addresses, likewise.
    pub(crate) async fn blocks_of(
        &self,
        addresses: &BTreeSet<Address>,
    ) -> Result<(Vec<Arc<Block>>, bool), StoreError> {
        let Inner { driver, scope, .. } = self.inner.as_ref();
        let id = |address: &Address| BlockId::of(scope, driver.setting.bits, *address);
        let ids: BTreeSet<BlockId> = addresses.iter().map(id).collect();
        self.read_blocks(ids).await
    }

    async fn read_blocks(
        &self,
        ids: impl IntoIterator<Item = BlockId>,
    ) -> Result<(Vec<Arc<Block>>, bool), StoreError> {
        let driver = &self.inner.driver;
        let (mut blocks, mut complete) = (Vec::new(), true);
        for id in ids {
            match driver.store.get(&Key::Block(id)).await {
                Ok(found) => blocks.extend(found.and_then(|found| found.document.as_block().cloned())),
                Err(StoreError::Damaged { .. }) => complete = false,
                Err(error) => return Err(error),
            }
        }
        Ok((blocks, complete))
    }

    /// How often somebody else was faster.
    #[must_use]
    pub fn conflicts(&self) -> Conflicts {
        self.inner.driver.conflicts.now()
    }

    /// Grants all parts of `request`, or none. Asked again for the same container, it answers the same.
    ///
    /// Cost: one write per part, shared with other requests for the same block; no read of a plan unless a block
    /// is new. Cancellation: a dropped future may leave parts granted; the DEL of the container frees them. Poll it to
    /// its end or drop it: one that is kept without being polled keeps its owner and its block waiting.
    ///
    /// # Errors
    /// See [`AddError`].
    pub async fn add(&self, request: &AddRequest) -> Result<Vec<Allocation>, AddError> {
        let Inner { driver, owners, interner, scope, .. } = self.inner.as_ref();
        if request.binding == Binding::Stateful && request.owner.pod.is_none() {
            return Err(AddError::Invalid("a stateful owner needs a namespace and a name"));
        }
        request.check(scope)?;
        let deadline = driver.env.clock.monotonic().after(request.timeout);
        self.inner.remember().await.map_err(|error| AddError::Failed(error.to_string().into()))?;
        let Some(_turn) = owners.turn(&driver.env, &request.owner.uid, deadline).await else {
            let why = Wait::Store("another request of this owner is still running".into());
            return Err(AddError::Busy { part: name_of(request, 0), why });
        };
        let container_gone = || AddError::ContainerGone { container: request.container.clone() };
        if owners.is_gone(&request.container) {
            return Err(container_gone());
        }
        let now = driver.env.clock.now();
        let Common { owner, controller, network, interfaces } = interner.common(request);
        let parts = request.parts.iter().zip(interfaces).map(|(part, (slot, interface))| {
            let key = GrantKey { owner: owner.uid.clone(), slot: slot.clone(), family: part.family };
            let (known, attempt) = driver.index.at(&key);
            let pool = part.candidates.first().map(|pool| pool.uid.clone());
            let record = Record {
                pool: pool.unwrap_or_else(no_pool),
                owner: owner.clone(),
                controller: controller.clone(),
                slot,
                interface,
                network: network.clone(),
                attachment: Attachment::Container(request.container.clone()),
                node: self.inner.node.clone(),
                binding: request.binding,
                since: now,
            };
            let claim = match request.binding {
                Binding::Stateless => None,
                Binding::Stateful => request.owner.pod.clone(),
            };
            let wanted = Wanted {
                key,
                record: Arc::new(record),
                candidates: part.candidates.clone(),
                address: part.address,
                deadline,
            };
            PartWanted { wanted: Arc::new(wanted), scope: scope.clone(), claim, known, attempt }
        });
        let machine = Add::new(parts.collect(), driver.setting, driver.number());
        let added = driver.run(machine).await;
        match added.result {
            Ok(granted) => {
                let allocations = granted.into_iter().zip(&request.parts).map(|(granted, part)| Allocation {
                    slot: part.slot.clone(),
                    address: granted.address,
                    how: granted.how,
                    record: granted.record,
                });
                Ok(allocations.collect())
            }
            Err(failure) => Err(explain(request, failure)),
        }
    }

    /// Releases what `request` names. Idempotent and fenced: a newer grant is never freed.
    ///
    /// Cancellation: a dropped future may leave it undone; send it again. Poll it to its end or drop it.
    ///
    /// # Errors
    /// See [`DelError`].
    pub async fn del(&self, request: &DelRequest) -> Result<Freed, DelError> {
        let Inner { driver, owners, scope, .. } = self.inner.as_ref();
        let deadline = driver.env.clock.monotonic().after(request.timeout);
        let pending = |pending| DelError::Pending { owner: request.owner.clone(), pending };
        self.inner.remember().await.map_err(|_| pending(1))?;
        let Some(_turn) = owners.turn(&driver.env, &request.owner, deadline).await else {
            return Err(pending(1));
        };
        if let (Fence::Container(container), ReleaseMode::Del) = (&request.fence, request.mode) {
            owners.mark_gone(container, driver.env.clock.monotonic());
        }
        let keys = self.releasing(request);
        if keys.is_empty() {
            return Ok(Freed::default());
        }
        let machine = Del::new(
            keys,
            request.interface.clone(),
            request.fence.clone(),
            request.mode,
            scope.clone(),
            driver.setting,
            deadline,
        );
        let mut freed = Freed::default();
        let mut left = 0;
        for deleted in driver.run(machine).await {
            match deleted {
                Deleted::Released(address) => freed.released.push(address),
                Deleted::Detached(address) => freed.detached.push(address),
                Deleted::Nothing => {}
                Deleted::Open(_) | Deleted::Failed => left += 1,
            }
        }
        if left > 0 {
            return Err(pending(left));
        }
        Ok(freed)
    }

    /// Judges the binding of a stateful owner (rule 9d) and releases it where nobody wants it any more: no pod of its
    /// name, and no controller that counts it among its replicas. `controller` is the one the binding hangs on; without
    /// one only the pod counts.
    ///
    /// Cost: four reads and, where it is released, three writes. Cancellation: judged again, it goes on where it
    /// stopped.
    pub async fn unbind(
        &self,
        endpoint: &NamespacedName,
        slot: &Slot,
        family: Family,
        controller: Option<BindingHolder>,
    ) -> Unbound {
        let Inner { driver, scope, .. } = self.inner.as_ref();
        let deadline = driver.env.clock.monotonic().after(UNBIND_BUDGET);
        let (endpoint, slot, scope) = (endpoint.clone(), slot.clone(), scope.clone());
        driver.run(Unbind::new(endpoint, slot, family, controller, scope, driver.setting, deadline)).await
    }

    /// Forgets what is known of the blocks of a pool that is gone.
    pub(crate) fn forget_pool(&self, pool: &Uid) {
        self.inner.driver.finder.forget(pool);
    }

    /// The keys that a release is about: those of the interface, and with the first interface also the parts that
    /// no ADD claimed (rule 8).
    fn releasing(&self, request: &DelRequest) -> Vec<Releasing> {
        let index = &self.inner.driver.index;
        let held = index.of(&request.owner);
        let named = |slot: &Slot, interface: Option<&crate::name::InterfaceName>| match &request.interface {
            None => true,
            Some(wanted) => interface == Some(wanted) || *slot == Slot::Named(wanted.clone()),
        };
        // Where the first interface holds nothing (any more), whichever comes ends what nobody claimed: the container is
        // gone as a whole, and the fence names it.
        let mut firsts = held.iter().filter(|h| h.slot == Slot::Indexed(0)).peekable();
        let first = firsts.peek().is_none() || firsts.any(|h| named(&h.slot, h.interface.as_ref()));
        let mut keys = Vec::new();
        for h in &held {
            let unclaimed = h.interface.is_none()
                && matches!(h.slot, Slot::Indexed(_))
                && !Mutation::UnclaimedPartsStay.active();
            if named(&h.slot, h.interface.as_ref()) || (first && unclaimed) {
                let key = GrantKey { owner: request.owner.clone(), slot: h.slot.clone(), family: h.family() };
                keys.push(Releasing { key, known: Some(h.address), attempt: None });
            }
        }
        for (key, attempt) in index.attempts_of(&request.owner) {
            match keys.iter_mut().find(|releasing| releasing.key == key) {
                Some(releasing) => releasing.attempt = Some(attempt),
                // An indexed part without a record has no interface yet: whoever ends the container ends it.
                None if named(&key.slot, None) || matches!(key.slot, Slot::Indexed(_)) => {
                    keys.push(Releasing { key, known: None, attempt: Some(attempt) });
                }
                None => {}
            }
        }
        keys
    }
}

fn no_pool() -> Uid {
    // Only where a part has no candidate: such a record is never written.
    Uid::new("none").unwrap_or_else(|_| no_pool())
}

fn name_of(request: &AddRequest, at: usize) -> PartName {
    match request.parts.get(at) {
        Some(part) => PartName { slot: part.slot.clone(), family: part.family },
        None => PartName { slot: Slot::Indexed(0), family: Family::V4 },
    }
}

fn explain(request: &AddRequest, failure: AddFailure) -> AddError {
    let name = |at| name_of(request, at);
    match failure {
        AddFailure::Refused(at, refusals) => {
            let pools = request.parts.get(at).map_or(&[][..], |part| &part.candidates);
            let candidates = pools.iter().map(|pool| pool.name.clone()).zip(refusals).collect();
            AddError::Refused { part: name(at), candidates }
        }
        AddFailure::Wait(at, why) => AddError::Busy { part: name(at), why },
        AddFailure::Replaced => AddError::Replaced { owner: request.owner.clone() },
        AddFailure::Failed(message) => AddError::Failed(message),
    }
}
