//! What this node holds: which owner a container belongs to, and what is in an endpoint that no record says.
//!
//! Never the truth, which is in the blocks; built anew from them at the start.

use parking_lot::Mutex;
use spiderpool_core::addr::Address;
use spiderpool_core::model::{Attachment, Controller, Owner, Record, Route, Slot};
use spiderpool_core::name::{ContainerId, InterfaceName, NamespacedName, OwnerUid};
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// What an ADD answered besides the address; not known after a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Details {
    /// Whether the default route was left out.
    pub(super) clean_gateway: bool,
    /// The routes of this interface and family.
    pub(super) routes: Vec<Route>,
}

/// One held address.
#[derive(Clone, Debug)]
pub(super) struct HeldPart {
    pub(super) address: Address,
    pub(super) record: Arc<Record>,
    pub(super) details: Option<Details>,
}

impl HeldPart {
    /// The container that uses it.
    pub(super) fn container(&self) -> Option<&ContainerId> {
        match &self.record.attachment {
            Attachment::Container(container) => Some(container),
            _ => None,
        }
    }

    /// The interface's name, where it is known.
    pub(super) fn interface(&self) -> Option<&InterfaceName> {
        self.record.interface.as_ref().or(match &self.record.slot {
            Slot::Named(name) => Some(name),
            Slot::Indexed(_) => None,
        })
    }
}

/// All that one owner holds on this node; at least one part.
#[derive(Clone, Debug)]
pub(super) struct Holding {
    pub(super) owner: Owner,
    pub(super) controller: Option<Arc<Controller>>,
    /// By interface, IPv4 first.
    pub(super) parts: Vec<HeldPart>,
}

#[derive(Debug, Default)]
struct Known {
    owners: HashMap<OwnerUid, Holding>,
    containers: HashMap<ContainerId, OwnerUid>,
}

/// What this node holds.
#[derive(Debug, Default)]
pub(super) struct Held(Mutex<Known>);

impl Held {
    /// `record` holds `address`. An address between two incarnations of its owner is nobody's on this node.
    pub(super) fn saw(&self, address: Address, record: &Arc<Record>, details: Option<Details>) {
        let mut known = self.0.lock();
        match &record.attachment {
            Attachment::Detached => return,
            Attachment::Container(container) => {
                known.containers.insert(container.clone(), record.owner.uid.clone());
            }
            Attachment::Unknown => {}
        }
        let holding = known.owners.entry(record.owner.uid.clone()).or_insert_with(|| Holding {
            owner: record.owner.clone(),
            controller: record.controller.clone(),
            parts: Vec::new(),
        });
        let key = |part: &HeldPart| (part.record.slot.clone(), part.address.family());
        let part = HeldPart { address, record: Arc::clone(record), details };
        match holding.parts.iter_mut().find(|other| key(other) == key(&part)) {
            Some(other) => *other = part,
            None => holding.parts.push(part),
        }
        holding.parts.sort_by_key(key);
    }

    /// `owner` holds these addresses no more.
    pub(super) fn released<'a>(&self, owner: &OwnerUid, addresses: impl Iterator<Item = &'a Address>) {
        let mut known = self.0.lock();
        let known = &mut *known;
        for address in addresses {
            if let Some(holding) = known.owners.get_mut(owner) {
                holding.parts.retain(|part| part.address != *address);
            }
        }
        let (owners, containers) = (&mut known.owners, &mut known.containers);
        if owners.get(owner).is_some_and(|holding| holding.parts.is_empty()) {
            owners.remove(owner);
            containers.retain(|_, other| other != owner);
        }
    }

    /// The sweep freed `address`, which was held as `record` says. Gives the container if it holds nothing more.
    pub(super) fn freed(&self, address: Address, record: &Record) -> Option<ContainerId> {
        let mut known = self.0.lock();
        let known = &mut *known;
        let Entry::Occupied(mut holding) = known.owners.entry(record.owner.uid.clone()) else { return None };
        // It may be held anew by now.
        let same = |part: &HeldPart| {
            part.address == address
                && part.record.slot == record.slot
                && part.record.attachment == record.attachment
        };
        holding.get_mut().parts.retain(|part| !same(part));
        let Attachment::Container(container) = &record.attachment else { return None };
        let uses = |part: &HeldPart| part.container() == Some(container);
        if holding.get().parts.iter().any(uses) {
            return None;
        }
        if holding.get().parts.is_empty() {
            holding.remove();
        }
        known.containers.remove(container);
        Some(container.clone())
    }

    /// The containers that hold something.
    pub(super) fn containers(&self) -> HashSet<ContainerId> {
        self.0.lock().containers.keys().cloned().collect()
    }

    /// Whose the container is.
    pub(super) fn owner_of(&self, container: &ContainerId) -> Option<OwnerUid> {
        self.0.lock().containers.get(container).cloned()
    }

    /// All that `owner` holds.
    pub(super) fn of(&self, owner: &OwnerUid) -> Option<Holding> {
        self.0.lock().owners.get(owner).cloned()
    }

    /// What incarnations of `pod` hold.
    pub(super) fn addresses_of(&self, pod: &NamespacedName) -> BTreeSet<Address> {
        let known = self.0.lock();
        let own = known.owners.values().filter(|holding| holding.owner.pod.as_ref() == Some(pod));
        own.flat_map(|holding| holding.parts.iter().map(|part| part.address)).collect()
    }

    /// The pods that hold something, with their uids.
    pub(super) fn pods(&self) -> Vec<(NamespacedName, OwnerUid)> {
        let known = self.0.lock();
        let pods = known.owners.values().filter_map(|h| Some((h.owner.pod.clone()?, h.owner.uid.clone())));
        pods.collect()
    }

    /// Everything that is held.
    pub(super) fn all(&self) -> Vec<Holding> {
        self.0.lock().owners.values().cloned().collect()
    }
}
