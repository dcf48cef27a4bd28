//! What status is computed from, as it was last heard of.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use spiderpool_core::{
    addr::{Family, IpSet},
    api::{SpiderIPPool, SpiderSubnet},
    inspect::{BlockBook, Neighbours, Overlaps, subnet_status},
    model::{Pool, Reservation, Subnet},
    name::{ObjectName, ScopeName, Uid},
    store::{Document, Key, Kind, Token, Versioned},
    time::Timestamp,
};

/// A pool or a Subnet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Object {
    Pool(Arc<SpiderIPPool>),
    Subnet(Arc<SpiderSubnet>),
}

impl Object {
    /// The object with the status that it should have.
    fn with_status(&self, known: &Known, name: &ObjectName, now: Timestamp, shown: usize) -> Self {
        match self {
            Self::Pool(pool) => {
                let beside = Neighbours {
                    reserved: known.reserved_like(&pool.spec.subnet),
                    overlapping: known.pools.overlaps.of(name),
                };
                let status = known.book.status(pool, &beside, now, shown);
                if status == pool.status {
                    self.clone()
                } else {
                    SpiderIPPool { status, ..pool.as_ref().clone() }.into()
                }
            }
            Self::Subnet(subnet) => {
                let beside = Neighbours {
                    reserved: known.reserved_like(&subnet.spec.subnet),
                    overlapping: known.subnets.overlaps.of(name),
                };
                let status = subnet_status(subnet, &beside, now);
                if status == subnet.status {
                    self.clone()
                } else {
                    SpiderSubnet { status, ..subnet.as_ref().clone() }.into()
                }
            }
        }
    }
}

impl From<SpiderIPPool> for Object {
    fn from(pool: SpiderIPPool) -> Self {
        Self::Pool(Arc::new(pool))
    }
}

impl From<SpiderSubnet> for Object {
    fn from(subnet: SpiderSubnet) -> Self {
        Self::Subnet(Arc::new(subnet))
    }
}

impl From<Object> for Document {
    fn from(object: Object) -> Self {
        match object {
            Object::Pool(pool) => Self::Pool(pool),
            Object::Subnet(subnet) => Self::Subnet(subnet),
        }
    }
}

/// An object and its version.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) object: Object,
    pub(super) token: Token,
}

/// The objects of one kind.
#[derive(Debug, Default)]
struct OfKind {
    seen: BTreeMap<ObjectName, Seen>,
    overlaps: Overlaps,
}

/// Everything that is known.
#[derive(Debug)]
pub(super) struct Known {
    book: BlockBook,
    pools: OfKind,
    subnets: OfKind,
    names: HashMap<Uid, ObjectName>,
    reservations: BTreeMap<ObjectName, Reservation>,
    reserved: [IpSet; 2],
}

/// An object with the status that it should have.
#[derive(Debug)]
pub(super) struct Computed {
    pub(super) seen: Seen,
    pub(super) wanted: Object,
}

impl Computed {
    /// Whether it has that status.
    pub(super) fn is_so(&self) -> bool {
        self.seen.object == self.wanted
    }
}

fn at(family: Family) -> usize {
    match family {
        Family::V4 => 0,
        Family::V6 => 1,
    }
}

impl Known {
    pub(super) fn new(scope: ScopeName) -> Self {
        Self {
            book: BlockBook::new(scope),
            pools: OfKind::default(),
            subnets: OfKind::default(),
            names: HashMap::new(),
            reservations: BTreeMap::new(),
            reserved: [IpSet::new(Family::V4), IpSet::new(Family::V6)],
        }
    }

    /// How many pools there are.
    pub(super) fn pools(&self) -> usize {
        self.pools.seen.len()
    }

    /// How many Subnets there are.
    pub(super) fn subnets(&self) -> usize {
        self.subnets.seen.len()
    }

    /// An object as it is, and as it should be; none if it is gone.
    pub(super) fn compute(&self, key: &Key, now: Timestamp, shown: usize) -> Option<Computed> {
        let (of_kind, name) = match key {
            Key::Pool(name) => (&self.pools, name),
            Key::Subnet(name) => (&self.subnets, name),
            _ => return None,
        };
        let seen = of_kind.seen.get(name)?.clone();
        let wanted = seen.object.with_status(self, name, now, shown);
        Some(Computed { seen, wanted })
    }

    /// Takes what is there for all that there is of its kind. What has to be looked at.
    pub(super) fn list(&mut self, kind: Kind, items: Vec<Versioned>) -> BTreeSet<Key> {
        if kind == Kind::Block {
            let blocks = items.iter().filter_map(|item| item.document.as_block().cloned());
            let changed = self.book.list(blocks);
            return self.named(changed);
        }
        let before: Vec<Key> = match kind {
            Kind::Pool => self.pools.seen.keys().cloned().map(Key::Pool).collect(),
            Kind::Subnet => self.subnets.seen.keys().cloned().map(Key::Subnet).collect(),
            _ => self.reservations.keys().cloned().map(Key::Reservation).collect(),
        };
        let here: BTreeSet<&Key> = items.iter().map(|item| &item.key).collect();
        let gone: Vec<Key> = before.into_iter().filter(|key| !here.contains(key)).collect();
        let mut changed: BTreeSet<Key> = gone.iter().flat_map(|key| self.remove(key)).collect();
        changed.extend(gone);
        for item in items {
            changed.extend(self.put(item));
        }
        changed
    }

    /// Takes an object for what it is now. What has to be looked at.
    pub(super) fn put(&mut self, item: Versioned) -> BTreeSet<Key> {
        let Versioned { key, document, token } = item;
        match (&key, document) {
            (Key::Block(_), Document::Block(block)) => {
                let changed = self.book.put(block);
                self.named(changed)
            }
            (Key::Pool(name), Document::Pool(object)) => {
                if let Some(uid) = object.metadata.uid.as_deref().and_then(|uid| Uid::new(uid).ok()) {
                    self.names.insert(uid, name.clone());
                }
                let ips = Pool::try_from(object.as_ref()).map(|pool| pool.allocatable());
                let others = self.pools.overlaps.put(name, ips.unwrap_or_else(|_| IpSet::new(Family::V4)));
                self.pools.seen.insert(name.clone(), Seen { object: Object::Pool(object), token });
                others.into_iter().map(Key::Pool).chain([key]).collect()
            }
            (Key::Subnet(name), Document::Subnet(object)) => {
                let ips = Subnet::try_from(object.as_ref()).map(|subnet| subnet.allocatable());
                let others = self.subnets.overlaps.put(name, ips.unwrap_or_else(|_| IpSet::new(Family::V4)));
                self.subnets.seen.insert(name.clone(), Seen { object: Object::Subnet(object), token });
                others.into_iter().map(Key::Subnet).chain([key]).collect()
            }
            (Key::Reservation(name), Document::Reservation(object)) => {
                match Reservation::try_from(object.as_ref()) {
                    Ok(reservation) => self.reservations.insert(name.clone(), reservation),
                    Err(_) => self.reservations.remove(name),
                };
                self.reserve()
            }
            _ => BTreeSet::new(),
        }
    }

    /// Takes an object for gone. What has to be looked at.
    pub(super) fn remove(&mut self, key: &Key) -> BTreeSet<Key> {
        match key {
            Key::Block(id) => {
                let changed = self.book.remove(id);
                self.named(changed)
            }
            Key::Pool(name) => {
                self.pools.seen.remove(name);
                self.names.retain(|_, other| other != name);
                self.pools.overlaps.remove(name).into_iter().map(Key::Pool).collect()
            }
            Key::Subnet(name) => {
                self.subnets.seen.remove(name);
                self.subnets.overlaps.remove(name).into_iter().map(Key::Subnet).collect()
            }
            Key::Reservation(name) => {
                self.reservations.remove(name);
                self.reserve()
            }
            _ => BTreeSet::new(),
        }
    }

    /// Puts a version in place that was written here, unless a newer one is known.
    pub(super) fn wrote(&mut self, key: &Key, rested_on: &Token, seen: Seen) {
        let (of_kind, name) = match key {
            Key::Pool(name) => (&mut self.pools, name),
            Key::Subnet(name) => (&mut self.subnets, name),
            _ => return,
        };
        if let Some(known) = of_kind.seen.get_mut(name).filter(|known| known.token == *rested_on) {
            *known = seen;
        }
    }

    fn named(&self, pools: impl IntoIterator<Item = Uid>) -> BTreeSet<Key> {
        pools.into_iter().filter_map(|uid| self.names.get(&uid).cloned().map(Key::Pool)).collect()
    }

    /// Adds up the reservations. Everything, if anything else is reserved now.
    fn reserve(&mut self) -> BTreeSet<Key> {
        let mut reserved = [IpSet::new(Family::V4), IpSet::new(Family::V6)];
        for reservation in self.reservations.values() {
            let of_family = &mut reserved[at(reservation.family)];
            *of_family = of_family.union(&reservation.ips);
        }
        if reserved == self.reserved {
            return BTreeSet::new();
        }
        self.reserved = reserved;
        let pools = self.pools.seen.keys().cloned().map(Key::Pool);
        pools.chain(self.subnets.seen.keys().cloned().map(Key::Subnet)).collect()
    }

    /// What is reserved of the family that `network` is of.
    fn reserved_like(&self, network: &str) -> &IpSet {
        &self.reserved[at(if network.contains(':') { Family::V6 } else { Family::V4 })]
    }
}
