//! What really is in the store, and what was promised to whom: every write that takes effect passes through here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use super::{cluster::Cluster, coverage, digest::Digest, executor::ProcessId, invariants};
use crate::{
    addr::{Address, Family, IpSet},
    api::{Claim, ClaimState},
    model::{Binding, Block, BlockId, GrantKey, Pool, Record, Slot},
    name::{NamespacedName, ObjectName, Uid},
    protocol::reserved,
    store::{Document, Key, Versioned},
};

/// A broken invariant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Which: `I1` to `I13`, or `rule 7`.
    pub invariant: &'static str,
    /// What happened, with addresses and owners.
    pub what: String,
    /// After which step.
    pub step: u64,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at step {}: {}", self.invariant, self.step, self.what)
    }
}

/// A pool object as it is persisted.
#[derive(Clone, Debug)]
pub(super) struct PoolTruth {
    pub(super) name: ObjectName,
    pub(super) family: Family,
    /// What it has, whether it is being deleted or not.
    pub(super) addresses: IpSet,
    pub(super) terminating: bool,
    /// In microseconds.
    pub(super) cooldown: u64,
    /// When its ranges last changed.
    pub(super) changed: u64,
    /// When it last had no free address at all; that still holds if it has none now.
    pub(super) full: Option<u64>,
    pub(super) parsed: Arc<Pool>,
}

/// What of a world's profile invariants depend on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Terms {
    /// Whether writes may arrive late.
    pub(super) late: bool,
    /// The longest delay of an operation, in microseconds.
    pub(super) delay: u64,
    /// Whether pools of a family share a Subnet that is always there, and were all made through it.
    pub(super) subnet: bool,
}

/// What a write did to one address or object.
#[derive(Debug)]
pub(super) enum Change<'a> {
    /// Nobody held it; now somebody does.
    Granted { address: Address, record: &'a Arc<Record> },
    /// Its record was replaced by another.
    Replaced { address: Address, new: &'a Arc<Record> },
    /// It is nobody's any more.
    Freed { address: Address, old: &'a Arc<Record>, rests: bool },
    /// A pool's ranges are these now.
    Pool { uid: &'a Uid, pool: &'a PoolTruth, before: Option<&'a IpSet> },
    /// An endpoint's claims are these now.
    Claims { pod: &'a NamespacedName, old: &'a [Claim], new: &'a [Claim] },
    /// A block's copies changed.
    Copies { granted: bool },
    /// A pool is gone.
    PoolGone { uid: &'a Uid, pool: &'a PoolTruth },
}

/// Everything that is known for certain.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) now: u64,
    pub(super) step: u64,
    pub(super) cluster: Cluster,
    pub(super) documents: BTreeMap<Key, Versioned>,
    pub(super) held: BTreeMap<Address, Arc<Record>>,
    /// Which addresses answer for a key.
    pub(super) keys: BTreeMap<GrantKey, BTreeSet<Address>>,
    /// Which addresses are bound to a stateful owner's name.
    pub(super) bound: BTreeMap<(NamespacedName, Slot, Family), BTreeSet<Address>>,
    pub(super) pools: BTreeMap<Uid, PoolTruth>,
    /// IPv4, IPv6.
    pub(super) reserved: [IpSet; 2],
    pub(super) reserved_changed: [u64; 2],
    /// Addresses that a claim gave up since they were granted.
    pub(super) given_up: BTreeSet<Address>,
    /// Since when an address is held by nobody.
    pub(super) free_since: BTreeMap<Address, u64>,
    /// By how much two wall clocks may differ, in microseconds.
    pub(super) skew: u64,
    /// Which processes are controllers: what they free, the sweep freed.
    pub(super) sweepers: Vec<ProcessId>,
    /// Which processes are agents.
    pub(super) agents: Vec<ProcessId>,
    /// When a process began what it does now.
    pub(super) began: BTreeMap<ProcessId, u64>,
    /// What of the profile invariants depend on.
    pub(super) terms: Terms,
    pub(super) writes: u64,
    /// How many writes of each process took effect.
    pub(super) writes_by: BTreeMap<ProcessId, u64>,
    pub(super) requests: u64,
    pub(super) violation: Option<Violation>,
    pub(super) digest: Digest,
    pub(super) trace: Option<Vec<String>>,
}

/// Whether a record follows on another: the same owner, or its name where that keeps the address.
fn is_same_holder(old: &Record, new: &Record) -> bool {
    let stateful = old.binding == Binding::Stateful && new.binding == Binding::Stateful;
    old.owner.uid == new.owner.uid || (stateful && old.owner.pod == new.owner.pod)
}

pub(super) fn place(family: Family) -> usize {
    usize::from(family == Family::V6)
}

impl Ledger {
    pub(super) fn new(traced: bool) -> Self {
        let none = || [IpSet::new(Family::V4), IpSet::new(Family::V6)];
        Self {
            now: 0,
            step: 0,
            cluster: Cluster::default(),
            documents: BTreeMap::new(),
            held: BTreeMap::new(),
            keys: BTreeMap::new(),
            bound: BTreeMap::new(),
            pools: BTreeMap::new(),
            reserved: none(),
            reserved_changed: [0; 2],
            given_up: BTreeSet::new(),
            free_since: BTreeMap::new(),
            skew: 0,
            sweepers: Vec::new(),
            agents: Vec::new(),
            began: BTreeMap::new(),
            terms: Terms::default(),
            writes: 0,
            writes_by: BTreeMap::new(),
            requests: 0,
            violation: None,
            digest: Digest::default(),
            trace: traced.then(Vec::new),
        }
    }

    /// How many writes of `process` took effect.
    pub(super) fn writes_of(&self, process: ProcessId) -> u64 {
        self.writes_by.get(&process).copied().unwrap_or(0)
    }

    /// `process` begins something.
    pub(super) fn begins(&mut self, process: ProcessId) {
        self.began.insert(process, self.now);
    }

    /// The claim of a name for an interface and family, as it stands.
    pub(super) fn claim(&self, pod: &NamespacedName, slot: &Slot, family: Family) -> Option<&Claim> {
        let endpoint = self.documents.get(&Key::Endpoint(pod.clone()))?.document.as_endpoint()?;
        endpoint.status.claims.iter().find(|claim| claim.interface == *slot && claim.ip_version == family)
    }

    /// Remembers the first violation.
    pub(super) fn violated(&mut self, invariant: &'static str, what: String) {
        let step = self.step;
        self.note(|| format!("VIOLATION {invariant}: {what}"));
        self.violation.get_or_insert(Violation { invariant, what, step });
    }

    /// A line of the trace, where one is kept.
    pub(super) fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>7} {:>12.6}s {}", self.step, self.now as f64 / 1e6, line()));
        }
    }

    /// Takes a write in that took effect: `after` stands under `key` now.
    pub(super) fn observe(&mut self, actor: ProcessId, key: &Key, after: Option<Versioned>) {
        self.writes += 1;
        *self.writes_by.entry(actor).or_default() += 1;
        let before = match &after {
            Some(put) => self.documents.insert(key.clone(), put.clone()),
            None => self.documents.remove(key),
        };
        self.digest.text(after.as_ref().map_or("", |put| put.token.as_str()));
        self.digest.number(actor as u64);
        let old = before.as_ref().map(|old| &old.document);
        let new = after.as_ref().map(|new| &new.document);
        coverage::wrote(key, old, new);
        if self.trace.is_some() {
            let text = super::trace::describe(key, old, new);
            self.note(|| format!("process {actor} wrote {text}"));
        }
        match key {
            Key::Block(id) => {
                let block = |document: Option<&Document>| document.and_then(Document::as_block).cloned();
                let (old, new) = (block(old), block(new));
                self.observe_block(actor, id, old.as_deref(), new.as_deref());
            }
            Key::Pool(_) => self.observe_pool(actor, before.as_ref(), after.as_ref()),
            Key::Reservation(_) => self.observe_reservations(),
            Key::Endpoint(pod) => {
                let claims = |document: Option<&Document>| {
                    let endpoint = document.and_then(Document::as_endpoint);
                    endpoint.map(|endpoint| endpoint.status.claims.clone()).unwrap_or_default()
                };
                let (old, new) = (claims(old), claims(new));
                let left = new.iter().filter(|claim| claim.state == ClaimState::Leaving);
                self.given_up.extend(left.map(|claim| claim.address));
                self.judge(actor, &Change::Claims { pod, old: &old, new: &new });
            }
            _ => {}
        }
    }

    fn observe_block(&mut self, actor: ProcessId, id: &BlockId, old: Option<&Block>, new: Option<&Block>) {
        let Some(any) = new.or(old) else { return };
        let (mut changed, mut granted) = (false, false);
        for offset in 0..any.bits().size() {
            let record = |block: Option<&Block>| block.and_then(|block| block.record(offset)).cloned();
            let (was, is) = (record(old), record(new));
            if was == is {
                continue;
            }
            changed = true;
            granted |= is.as_ref().is_some_and(|is| was.as_ref().is_none_or(|was| !is_same_holder(was, is)));
            let address = any.address(offset);
            match (&was, &is) {
                (None, Some(record)) => {
                    self.given_up.remove(&address);
                    self.enter(address, record);
                    self.judge(actor, &Change::Granted { address, record });
                    self.free_since.remove(&address);
                }
                (Some(old), Some(new)) if is_same_holder(old, new) => {
                    self.leave(address, old);
                    self.enter(address, new);
                    self.judge(actor, &Change::Replaced { address, new });
                }
                // One write freed it and granted it to somebody else.
                (Some(old), Some(record)) => {
                    self.leave(address, old);
                    self.judge(actor, &Change::Freed { address, old, rests: false });
                    self.enter(address, record);
                    self.judge(actor, &Change::Granted { address, record });
                }
                (Some(old), None) => {
                    self.leave(address, old);
                    self.free_since.insert(address, self.now);
                    let rests = new.is_some_and(|new| new.released_at(offset).is_some());
                    self.judge(actor, &Change::Freed { address, old, rests });
                }
                (None, None) => {}
            }
        }
        let copies = |block: Option<&Block>| block.map(|block| block.copies().to_vec()).unwrap_or_default();
        if new.is_some() && copies(old) != copies(new) {
            self.judge(actor, &Change::Copies { granted });
        }
        if changed {
            self.count_room(id.family);
        }
    }

    fn enter(&mut self, address: Address, record: &Arc<Record>) {
        self.held.insert(address, record.clone());
        self.keys.entry(record.key(address.family())).or_default().insert(address);
        if let (Binding::Stateful, Some(pod)) = (record.binding, &record.owner.pod) {
            let name = (pod.clone(), record.slot.clone(), address.family());
            self.bound.entry(name).or_default().insert(address);
        }
    }

    fn leave(&mut self, address: Address, record: &Arc<Record>) {
        self.held.remove(&address);
        let key = record.key(address.family());
        if let Some(all) = self.keys.get_mut(&key) {
            all.remove(&address);
            if all.is_empty() {
                self.keys.remove(&key);
            }
        }
        if let (Binding::Stateful, Some(pod)) = (record.binding, &record.owner.pod) {
            let name = (pod.clone(), record.slot.clone(), address.family());
            if let Some(all) = self.bound.get_mut(&name) {
                all.remove(&address);
                if all.is_empty() {
                    self.bound.remove(&name);
                }
            }
        }
    }

    fn observe_pool(&mut self, actor: ProcessId, old: Option<&Versioned>, new: Option<&Versioned>) {
        let parse = |found: Option<&Versioned>| {
            Pool::try_from(found?.document.as_pool()?.as_ref()).ok().map(Arc::new)
        };
        let (old, new) = (parse(old), parse(new));
        if let Some(old) = old.filter(|old| new.as_ref().is_none_or(|new| new.uid != old.uid))
            && let Some(gone) = self.pools.remove(&old.uid)
        {
            self.judge(actor, &Change::PoolGone { uid: &old.uid, pool: &gone });
        }
        let Some(pool) = new else { return };
        let addresses = Pool { terminating: false, ..Pool::clone(&pool) }.usable();
        let before = self.pools.get(&pool.uid);
        let same = before.is_some_and(|b| b.addresses == addresses && b.terminating == pool.terminating);
        let truth = PoolTruth {
            name: pool.name.clone(),
            family: pool.family,
            terminating: pool.terminating,
            cooldown: u64::try_from(pool.cooldown.as_micros()).unwrap_or(u64::MAX),
            changed: before.filter(|_| same).map_or(self.now, |before| before.changed),
            full: before.and_then(|before| before.full),
            addresses,
            parsed: pool.clone(),
        };
        let addresses_before = before.map(|before| before.addresses.clone());
        self.pools.insert(pool.uid.clone(), truth.clone());
        self.judge(actor, &Change::Pool { uid: &pool.uid, pool: &truth, before: addresses_before.as_ref() });
        self.count_room(pool.family);
    }

    fn observe_reservations(&mut self) {
        for family in [Family::V4, Family::V6] {
            let objects = self.documents.values().filter_map(|found| found.document.as_reservation());
            let all = objects.fold(IpSet::new(family), |all, object| all.union(&reserved(object, family)));
            if self.reserved[place(family)] != all {
                self.reserved[place(family)] = all;
                self.reserved_changed[place(family)] = self.now;
                self.count_room(family);
            }
        }
    }

    /// Brings up to date which pools of `family` have no free address.
    fn count_room(&mut self, family: Family) {
        let mut taken = self.reserved[place(family)].clone();
        for address in self.held.keys().filter(|address| address.family() == family) {
            taken.insert(*address);
        }
        for pool in self.pools.values_mut().filter(|pool| pool.family == family) {
            let full = pool.terminating || pool.addresses.is_subset(&taken);
            pool.full = match (full, pool.full) {
                (true, _) => Some(u64::MAX),
                (false, Some(u64::MAX)) => Some(self.now),
                (false, before) => before,
            };
        }
    }

    /// What of `pool` is held by nobody and not reserved.
    pub(super) fn free_of(&self, pool: &PoolTruth) -> IpSet {
        let mut free = pool.addresses.difference(&self.reserved[place(pool.family)]);
        for address in self.held.keys() {
            free.remove(*address);
        }
        free
    }

    fn judge(&mut self, actor: ProcessId, change: &Change<'_>) {
        if let Err((invariant, what)) = invariants::check(self, actor, change) {
            self.violated(invariant, what);
        }
    }
}
