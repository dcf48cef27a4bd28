//! Decoded documents with the indexes that selectors need.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet, hash_map::Entry},
};

use crate::{
    addr::Family,
    hash::{Map, Seed},
    name::{Namespace, NamespacedName, ObjectName, ScopeName},
    store::{Document, Key, Kind, Room, Selector, Versioned},
};

/// Documents by key. A listing costs what it returns, whatever else there is.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Two per scope: v4, v6.
    blocks: BTreeMap<ScopeName, [Space; 2]>,
    endpoints: BTreeMap<Namespace, BTreeMap<ObjectName, Versioned>>,
    by_node: BTreeMap<String, BTreeSet<NamespacedName>>,
    /// Everything else, by kind.
    others: BTreeMap<Kind, BTreeMap<Key, Versioned>>,
    /// The resources that have a namespace.
    by_namespace: BTreeMap<Namespace, BTreeSet<Key>>,
    len: usize,
}

/// The blocks of one scope and family. Every grant goes through here, so what is in order is apart from what is
/// looked up: a write to a block that is there touches one place.
#[derive(Clone, Debug)]
struct Space {
    blocks: Map<u128, Versioned>,
    /// Those that exist.
    order: BTreeSet<u128>,
    /// Those with room.
    room: BTreeSet<u128>,
}

impl Default for Space {
    fn default() -> Self {
        // No text from outside is a key here, so the hash needs no secret.
        Self { blocks: Map::with_hasher(Seed(0)), order: BTreeSet::new(), room: BTreeSet::new() }
    }
}

impl Space {
    /// The blocks of `indices` from `first` to `last`, ascending.
    fn those<'a>(
        &'a self,
        indices: &'a BTreeSet<u128>,
        first: u128,
        last: u128,
    ) -> impl Iterator<Item = &'a Versioned> {
        indices.range(first..=last).filter_map(|index| self.blocks.get(index))
    }
}

const fn place(family: Family) -> usize {
    match family {
        Family::V4 => 0,
        Family::V6 => 1,
    }
}

fn has_room(document: &Document) -> bool {
    document.as_block().is_some_and(|block| block.has_room())
}

fn node_of(document: &Document) -> Option<&str> {
    document.as_endpoint().map(|endpoint| endpoint.status.current.node.as_str())
}

impl Table {
    /// How many documents there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no document.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The document under `key`.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Versioned> {
        match key {
            Key::Block(id) => self.blocks.get(&id.scope)?[place(id.family)].blocks.get(&id.index),
            Key::Endpoint(name) => self.endpoints.get(&name.namespace)?.get(&name.name),
            _ => self.others.get(&key.kind())?.get(key),
        }
    }

    /// Puts `new` in its place, and gives what stood there.
    pub fn put(&mut self, new: Versioned) -> Option<Versioned> {
        let old = match &new.key {
            Key::Block(id) => self.put_block(id.scope.clone(), id.family, id.index, new),
            Key::Endpoint(name) => self.put_endpoint(name.clone(), new),
            key => {
                if let Key::Resource(name) = key
                    && let Some(namespace) = &name.namespace
                {
                    self.by_namespace.entry(namespace.clone()).or_default().insert(key.clone());
                }
                self.others.entry(key.kind()).or_default().insert(key.clone(), new)
            }
        };
        self.len += usize::from(old.is_none());
        old
    }

    fn put_block(
        &mut self,
        scope: ScopeName,
        family: Family,
        index: u128,
        new: Versioned,
    ) -> Option<Versioned> {
        let space = &mut self.blocks.entry(scope).or_default()[place(family)];
        let room = has_room(&new.document);
        let (old, had_room) = match space.blocks.entry(index) {
            Entry::Vacant(vacant) => {
                vacant.insert(new);
                space.order.insert(index);
                (None, false)
            }
            Entry::Occupied(mut occupied) => {
                let old = occupied.insert(new);
                let had_room = has_room(&old.document);
                (Some(old), had_room)
            }
        };
        match (had_room, room) {
            (false, true) => space.room.insert(index),
            (true, false) => space.room.remove(&index),
            _ => false,
        };
        old
    }

    fn put_endpoint(&mut self, name: NamespacedName, new: Versioned) -> Option<Versioned> {
        let node = node_of(&new.document).map(str::to_owned);
        let old = self.endpoints.entry(name.namespace.clone()).or_default().insert(name.name.clone(), new);
        let old_node = old.as_ref().and_then(|old| node_of(&old.document));
        if old_node != node.as_deref() {
            if let Some(left) = old_node {
                forget(&mut self.by_node, left, &name);
            }
            if let Some(node) = node {
                self.by_node.entry(node).or_default().insert(name);
            }
        }
        old
    }

    /// Takes the document under `key` away.
    pub fn remove(&mut self, key: &Key) -> Option<Versioned> {
        let old = match key {
            Key::Block(id) => {
                let space = &mut self.blocks.get_mut(&id.scope)?[place(id.family)];
                space.room.remove(&id.index);
                space.order.remove(&id.index);
                space.blocks.remove(&id.index)
            }
            Key::Endpoint(name) => {
                let within = self.endpoints.get_mut(&name.namespace)?;
                let old = within.remove(&name.name);
                if within.is_empty() {
                    self.endpoints.remove(&name.namespace);
                }
                if let Some(node) = old.as_ref().and_then(|old| node_of(&old.document)) {
                    forget(&mut self.by_node, node, name);
                }
                old
            }
            _ => {
                if let Key::Resource(name) = key
                    && let Some(namespace) = &name.namespace
                {
                    forget(&mut self.by_namespace, namespace, key);
                }
                self.others.get_mut(&key.kind())?.remove(key)
            }
        };
        self.len -= usize::from(old.is_some());
        old
    }

    /// The documents that `selector` selects, ascending by key.
    #[must_use]
    pub fn list(&self, selector: &Selector) -> Vec<Versioned> {
        match selector {
            Selector::Kind(Kind::Block) => {
                let spaces = self.blocks.values().flatten();
                spaces.flat_map(|space| space.those(&space.order, 0, u128::MAX)).cloned().collect()
            }
            Selector::Kind(Kind::Endpoint) => {
                self.endpoints.values().flat_map(BTreeMap::values).cloned().collect()
            }
            Selector::Kind(kind) => {
                self.others.get(kind).into_iter().flat_map(BTreeMap::values).cloned().collect()
            }
            Selector::InNamespace(Kind::Endpoint, namespace) => {
                self.endpoints.get(namespace).into_iter().flat_map(BTreeMap::values).cloned().collect()
            }
            Selector::InNamespace(Kind::Resource, namespace) => self.all(self.by_namespace.get(namespace)),
            Selector::InNamespace(..) => Vec::new(),
            Selector::EndpointsOn(node) => {
                let names = self.by_node.get(node.as_str()).into_iter().flatten();
                let found = names.filter_map(|name| self.endpoints.get(&name.namespace)?.get(&name.name));
                found.cloned().collect()
            }
            Selector::Blocks { first, last, .. } if first > last => Vec::new(),
            Selector::Blocks { scope, family, first, last, room } => {
                let Some(spaces) = self.blocks.get(scope) else { return Vec::new() };
                let space = &spaces[place(*family)];
                let indices = match room {
                    Room::Any => &space.order,
                    Room::Some => &space.room,
                };
                space.those(indices, *first, *last).cloned().collect()
            }
        }
    }

    fn all(&self, keys: Option<&BTreeSet<Key>>) -> Vec<Versioned> {
        keys.into_iter().flatten().filter_map(|key| self.get(key)).cloned().collect()
    }
}

fn forget<K: Borrow<Q> + Ord, Q: Ord + ?Sized, T: Ord>(
    index: &mut BTreeMap<K, BTreeSet<T>>,
    under: &Q,
    what: &T,
) {
    if let Some(set) = index.get_mut(under) {
        set.remove(what);
        if set.is_empty() {
            index.remove(under);
        }
    }
}
