//! Decoded documents with the indexes that selectors need.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet, hash_map::Entry},
};

use crate::{
    addr::Family,
    hash::{Map, Seed},
    model::BlockId,
    name::{Namespace, NamespacedName, ObjectName, ScopeName},
    store::{Document, Key, Kind, Room, Selector, Token, Versioned},
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
    /// Small, for there may be many: a block's key is its place.
    blocks: Map<u128, (Token, Document)>,
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
    /// The blocks at `indices`, in their order.
    fn those<'a>(
        &'a self,
        scope: &'a ScopeName,
        family: Family,
        indices: impl Iterator<Item = &'a u128>,
    ) -> impl Iterator<Item = Versioned> {
        indices.filter_map(move |index| {
            let (token, document) = self.blocks.get(index)?;
            let key = Key::Block(BlockId { scope: scope.clone(), family, index: *index });
            Some(Versioned { key, token: token.clone(), document: document.clone() })
        })
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
    pub fn get(&self, key: &Key) -> Option<Versioned> {
        if let Key::Block(id) = key {
            let (token, document) = self.block(id)?;
            return Some(Versioned { key: key.clone(), token: token.clone(), document: document.clone() });
        }
        self.other(key).cloned()
    }

    /// The token of the document under `key`.
    #[must_use]
    pub fn token(&self, key: &Key) -> Option<&Token> {
        match key {
            Key::Block(id) => self.block(id).map(|(token, _)| token),
            _ => self.other(key).map(|found| &found.token),
        }
    }

    fn block(&self, id: &BlockId) -> Option<&(Token, Document)> {
        self.blocks.get(&id.scope)?[place(id.family)].blocks.get(&id.index)
    }

    /// What is no block.
    fn other(&self, key: &Key) -> Option<&Versioned> {
        match key {
            Key::Endpoint(name) => self.endpoints.get(&name.namespace)?.get(&name.name),
            _ => self.others.get(&key.kind())?.get(key),
        }
    }

    /// Puts `new` in its place, and gives what stood there.
    pub fn put(&mut self, new: Versioned) -> Option<Versioned> {
        let old = match &new.key {
            Key::Block(id) => self.put_block(id.clone(), new.token, new.document),
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

    fn put_block(&mut self, id: BlockId, token: Token, document: Document) -> Option<Versioned> {
        let space = &mut self.blocks.entry(id.scope.clone()).or_default()[place(id.family)];
        let room = has_room(&document);
        let old = match space.blocks.entry(id.index) {
            Entry::Vacant(vacant) => {
                vacant.insert((token, document));
                space.order.insert(id.index);
                None
            }
            Entry::Occupied(mut occupied) => Some(occupied.insert((token, document))),
        };
        let had_room = old.as_ref().is_some_and(|(_, old)| has_room(old));
        match (had_room, room) {
            (false, true) => space.room.insert(id.index),
            (true, false) => space.room.remove(&id.index),
            _ => false,
        };
        old.map(|(token, document)| Versioned { key: Key::Block(id), token, document })
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
                let (token, document) = space.blocks.remove(&id.index)?;
                Some(Versioned { key: key.clone(), token, document })
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
                let spaces = self.blocks.iter().flat_map(|(scope, spaces)| {
                    [Family::V4, Family::V6].map(|family| (scope, family, &spaces[place(family)]))
                });
                let all = |(scope, family, space): (_, _, &'_ Space)| {
                    space.those(scope, family, space.order.iter()).collect::<Vec<_>>()
                };
                spaces.flat_map(all).collect()
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
                space.those(scope, *family, indices.range(*first..=*last)).collect()
            }
        }
    }

    fn all(&self, keys: Option<&BTreeSet<Key>>) -> Vec<Versioned> {
        keys.into_iter().flatten().filter_map(|key| self.get(key)).collect()
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
