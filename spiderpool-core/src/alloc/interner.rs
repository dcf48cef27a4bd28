//! Names that many records share, kept once.
//!
//! A record lives for as long as its pod does, and there may be millions; each names the same few namespaces, networks,
//! interfaces and controllers, which every request brings as texts of its own. One text for all of them makes a record
//! half as large, and its end touches memory that is at hand.

use std::{collections::HashSet, hash::Hash, sync::Arc};

use parking_lot::Mutex;

use super::request::AddRequest;
use crate::{
    hash::Seed,
    model::{Controller, Owner, Slot},
    name::{InterfaceName, Namespace, NamespacedName, NetworkName},
};

/// How many names of a kind are kept; when there are more, all are forgotten, which costs memory only.
const CAPACITY: usize = 4_096;

#[derive(Debug)]
struct Kept<T>(HashSet<T, Seed>);

impl<T: Clone + Eq + Hash> Kept<T> {
    fn share(&mut self, name: &T) -> T {
        if let Some(kept) = self.0.get(name) {
            return kept.clone();
        }
        if self.0.len() >= CAPACITY {
            self.0.clear();
        }
        self.0.insert(name.clone());
        name.clone()
    }
}

#[derive(Debug)]
struct Names {
    namespaces: Kept<Namespace>,
    networks: Kept<NetworkName>,
    interfaces: Kept<InterfaceName>,
    controllers: Kept<Arc<Controller>>,
}

/// The names in use.
#[derive(Debug)]
pub(super) struct Interner(Mutex<Names>);

/// What all records of one request have in common, in shared texts.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) owner: Owner,
    pub(super) controller: Option<Arc<Controller>>,
    pub(super) network: Option<NetworkName>,
    /// One per part of the request, in its order.
    pub(super) interfaces: smallvec::SmallVec<[(Slot, Option<InterfaceName>); 1]>,
}

impl Interner {
    pub(super) fn new(seed: Seed) -> Self {
        Self(Mutex::new(Names {
            namespaces: Kept(HashSet::with_hasher(seed)),
            networks: Kept(HashSet::with_hasher(seed)),
            interfaces: Kept(HashSet::with_hasher(seed)),
            controllers: Kept(HashSet::with_hasher(seed)),
        }))
    }

    /// What the records of `request` say, in texts that other records have already where there are such.
    pub(super) fn common(&self, request: &AddRequest) -> Common {
        let names = &mut *self.0.lock();
        let pod = request.owner.pod.as_ref().map(|pod| NamespacedName {
            namespace: names.namespaces.share(&pod.namespace),
            name: pod.name.clone(),
        });
        let parts = request.parts.iter().map(|part| {
            let slot = match &part.slot {
                Slot::Named(name) => Slot::Named(names.interfaces.share(name)),
                Slot::Indexed(index) => Slot::Indexed(*index),
            };
            let interface = match (&slot, &part.interface) {
                (Slot::Named(named), Some(name)) if named == name => Some(named.clone()),
                (_, name) => name.as_ref().map(|name| names.interfaces.share(name)),
            };
            (slot, interface)
        });
        Common {
            owner: Owner { uid: request.owner.uid.clone(), pod },
            interfaces: parts.collect(),
            controller: request.controller.as_ref().map(|controller| names.controllers.share(controller)),
            network: request.network.as_ref().map(|network| names.networks.share(network)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_one_and_they_never_fill_the_memory() {
        let mut kept = Kept(HashSet::with_hasher(Seed(7)));
        let text = |n: usize| Arc::<str>::from(format!("name-{n}"));
        let first = kept.share(&text(0));
        assert!(Arc::ptr_eq(&first, &kept.share(&text(0))));
        for n in 0..3 * CAPACITY {
            assert_eq!(kept.share(&text(n)), text(n));
            assert!(kept.0.len() <= CAPACITY);
        }
    }
}
