//! A store that is a plain value: cloned, compared and hashed with the rest of a world's state.
//!
//! Tokens count the writes of their own key only, so that writes of different keys lead to the same state in whatever
//! order they come.

use std::{
    collections::BTreeMap,
    hash::{Hash, Hasher},
    sync::Arc,
};

use spiderpool_core::{
    protocol::{Failure, Op, Reply},
    store::{Document, Key, Listing, Position, Selector, Token, Versioned},
};

use super::hash::Quick;

/// What was ever written under a key.
#[derive(Clone, Debug)]
struct Entry {
    writes: u64,
    /// None: deleted.
    document: Option<Document>,
    /// Of the two above, so that a state is hashed without walking through documents.
    hash: u64,
}

/// The documents.
#[derive(Clone, Debug, Default)]
pub(crate) struct ModelStore {
    entries: Arc<BTreeMap<Key, Entry>>,
}

impl Hash for ModelStore {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.entries.values().for_each(|entry| entry.hash.hash(state));
    }
}

fn token(n: u64) -> Token {
    Token::new(n.to_string())
}

impl ModelStore {
    pub(crate) fn get(&self, key: &Key) -> Option<Versioned> {
        let Entry { writes, document, .. } = self.entries.get(key)?;
        Some(Versioned { key: key.clone(), token: token(*writes), document: document.clone()? })
    }

    fn write(&mut self, key: &Key, document: Option<Document>) -> Token {
        let entries = Arc::make_mut(&mut self.entries);
        let entry = entries.entry(key.clone()).or_insert(Entry { writes: 0, document: None, hash: 0 });
        entry.writes += 1;
        entry.document = document;
        entry.hash = Quick::of(&(key, entry.writes, &entry.document));
        token(entry.writes)
    }

    pub(crate) fn put(&mut self, key: &Key, document: Document) -> Token {
        self.write(key, Some(document))
    }

    pub(crate) fn remove(&mut self, key: &Key) {
        self.write(key, None);
    }

    pub(crate) fn documents(&self) -> impl Iterator<Item = (&Key, &Document)> {
        self.entries.iter().filter_map(|(key, entry)| Some((key, entry.document.as_ref()?)))
    }

    pub(crate) fn list(&self, selector: &Selector) -> Listing {
        let selected = self.documents().filter(|(key, document)| selector.matches(key, document));
        let items = selected.filter_map(|(key, _)| self.get(key)).collect();
        Listing { items, position: Position(String::new()) }
    }

    /// Performs a store operation at once. None: it is not one.
    pub(crate) fn perform(&mut self, op: &Op) -> Option<Reply> {
        Some(match op {
            Op::Get(key) => Reply::Got(self.get(key)),
            Op::List(selector) => Reply::Listed(self.list(selector)),
            Op::GetAll(blocks) => {
                Reply::GotAll(blocks.iter().map(|block| self.get(&Key::Block(block.clone()))).collect())
            }
            Op::Create(key, document) => match self.get(key) {
                Some(_) => Reply::Failed(Failure::Exists),
                None => Reply::Written(self.put(key, document.clone())),
            },
            Op::Update(key, expected, document) => match self.check(key, expected) {
                Err(failure) => Reply::Failed(failure),
                Ok(()) => Reply::Written(self.put(key, document.clone())),
            },
            Op::Delete(key, expected) => match self.check(key, expected) {
                Err(failure) => Reply::Failed(failure),
                Ok(()) => {
                    self.remove(key);
                    Reply::Deleted
                }
            },
            _ => return None,
        })
    }

    fn check(&self, key: &Key, expected: &Token) -> Result<(), Failure> {
        match self.get(key) {
            None => Err(Failure::Missing),
            Some(found) if found.token != *expected => Err(Failure::Conflict),
            Some(_) => Ok(()),
        }
    }
}
