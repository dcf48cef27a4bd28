//! What this process knows of who holds what: never the truth, always where to look first.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::{
    addr::{Address, Family},
    hash::{Map, Seed},
    model::{BlockBits, BlockId, GrantKey, Record, Slot},
    name::{InterfaceName, OwnerUid, ScopeName},
    protocol::{Action, Intent, OpenAttempt, Outcome},
};

/// An address that an owner holds, as last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) slot: Slot,
    pub(super) address: Address,
    pub(super) interface: Option<InterfaceName>,
}

impl Held {
    pub(super) fn family(&self) -> Family {
        self.address.family()
    }

    fn new(slot: Slot, address: Address, record: &Record) -> Self {
        Self { slot, address, interface: record.interface.clone() }
    }
}

#[derive(Debug)]
struct Known {
    held: Map<OwnerUid, SmallVec<[Held; 1]>>,
    attempts: Map<OwnerUid, Vec<(GrantKey, OpenAttempt)>>,
}

impl Known {
    fn close(&mut self, key: &GrantKey) {
        // Nearly always there is none, and no key worth hashing.
        if !self.attempts.is_empty()
            && let Some(all) = self.attempts.get_mut(&key.owner)
        {
            all.retain(|(open, _)| open != key);
            if all.is_empty() {
                self.attempts.remove(&key.owner);
            }
        }
    }
}

/// Owner → addresses, and the open attempts of rule 7.
#[derive(Debug)]
pub(super) struct Index {
    known: Mutex<Known>,
}

impl Index {
    pub(super) fn new(seed: Seed) -> Self {
        let known = Known { held: Map::with_hasher(seed), attempts: Map::with_hasher(seed) };
        Self { known: Mutex::new(known) }
    }

    /// All that `owner` holds.
    pub(super) fn of(&self, owner: &OwnerUid) -> SmallVec<[Held; 1]> {
        self.known.lock().held.get(owner).cloned().unwrap_or_default()
    }

    /// Where `key` holds an address, and its open attempt.
    pub(super) fn at(&self, key: &GrantKey) -> (Option<Address>, Option<OpenAttempt>) {
        let known = self.known.lock();
        let held = known.held.get(&key.owner);
        let held = held.and_then(|all| all.iter().find(|h| h.slot == key.slot && h.family() == key.family));
        let attempts = if known.attempts.is_empty() { None } else { known.attempts.get(&key.owner) };
        let attempt = attempts
            .and_then(|all| all.iter().find(|(open, _)| open == key))
            .map(|(_, attempt)| attempt.clone());
        (held.map(|held| held.address), attempt)
    }

    /// The keys of `owner` with an open attempt.
    pub(super) fn attempts_of(&self, owner: &OwnerUid) -> Vec<(GrantKey, OpenAttempt)> {
        self.known.lock().attempts.get(owner).cloned().unwrap_or_default()
    }

    /// A record was read or written.
    pub(super) fn saw(&self, key: &GrantKey, address: Address, record: &Record) {
        let mut known = self.known.lock();
        known.close(key);
        let held = Held::new(key.slot.clone(), address, record);
        let all = known.held.entry(key.owner.clone()).or_default();
        match all.iter_mut().find(|h| h.slot == key.slot && h.family() == key.family) {
            Some(old) => *old = held,
            None => all.push(held),
        }
    }

    fn forget(&self, key: &GrantKey) {
        let mut known = self.known.lock();
        known.close(key);
        if let Some(all) = known.held.get_mut(&key.owner) {
            all.retain(|h| h.slot != key.slot || h.family() != key.family);
            if all.is_empty() {
                known.held.remove(&key.owner);
            }
        }
    }

    /// A write for `key` may have taken effect, or may still.
    pub(super) fn open(&self, key: &GrantKey, block: BlockId, token: Option<crate::store::Token>) {
        let mut known = self.known.lock();
        known.close(key);
        known
            .attempts
            .entry(key.owner.clone())
            .or_default()
            .push((key.clone(), OpenAttempt { block, token }));
    }

    /// Takes in what became of an intent.
    pub(super) fn note(&self, block: &BlockId, intent: &Intent, outcome: &Outcome) {
        let Some(key) = intent.key() else { return };
        match outcome {
            Outcome::Granted(address, _, record) => self.saw(key, *address, record),
            Outcome::Released(_) | Outcome::Detached(_) => self.forget(key),
            Outcome::Nothing => self.forget(key),
            Outcome::Superseded(_) if matches!(intent.action, Action::Release(_)) => {}
            Outcome::Unresolved(token) => self.open(key, block.clone(), Some(token.clone())),
            _ => {}
        }
    }

    /// What is known to be held, and in which blocks.
    pub(super) fn held_in(&self, scope: &ScopeName, bits: BlockBits) -> Vec<(GrantKey, BlockId)> {
        let known = self.known.lock();
        let held = known.held.iter().flat_map(|(owner, all)| all.iter().map(move |held| (owner, held)));
        held.map(|(owner, held)| {
            let key = GrantKey { owner: owner.clone(), slot: held.slot.clone(), family: held.family() };
            (key, BlockId::of(scope, bits, held.address))
        })
        .collect()
    }

    /// The blocks in which something is held, or may be.
    pub(super) fn blocks(&self, scope: &ScopeName, bits: BlockBits) -> BTreeSet<BlockId> {
        let known = self.known.lock();
        let held = known.held.values().flatten().map(|held| BlockId::of(scope, bits, held.address));
        let attempts = known.attempts.values().flatten().map(|(_, attempt)| attempt.block.clone());
        held.chain(attempts).collect()
    }

    /// How many addresses are held as far as is known.
    pub(super) fn len(&self) -> usize {
        let known = self.known.lock();
        let held: usize = known.held.values().map(SmallVec::len).sum();
        let attempts = known.attempts.values().flatten().filter(|(key, _)| {
            let held = known.held.get(&key.owner).into_iter().flatten();
            !held.into_iter().any(|held| held.slot == key.slot && held.family() == key.family)
        });
        held + attempts.count()
    }
}
