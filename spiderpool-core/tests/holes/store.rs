//! A store that is a plain value: cloned, compared and hashed with the rest of a world's state.

use std::collections::BTreeMap;

use spiderpool_core::{
    protocol::{Failure, Op, Reply},
    store::{Document, Key, Listing, Position, Selector, Token, Versioned},
};

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct ModelStore {
    documents: BTreeMap<Key, (u64, Document)>,
    last: u64,
}

fn token(n: u64) -> Token {
    Token::new(n.to_string())
}

impl ModelStore {
    pub(crate) fn get(&self, key: &Key) -> Option<Versioned> {
        let (n, document) = self.documents.get(key)?;
        Some(Versioned { key: key.clone(), token: token(*n), document: document.clone() })
    }

    pub(crate) fn put(&mut self, key: Key, document: Document) -> Token {
        self.last += 1;
        self.documents.insert(key, (self.last, document));
        token(self.last)
    }

    pub(crate) fn remove(&mut self, key: &Key) {
        self.documents.remove(key);
    }

    pub(crate) fn documents(&self) -> impl Iterator<Item = (&Key, &Document)> {
        self.documents.iter().map(|(key, (_, document))| (key, document))
    }

    pub(crate) fn list(&self, selector: &Selector) -> Listing {
        let selected = self.documents.iter().filter(|(key, (_, document))| selector.matches(key, document));
        let items = selected.map(|(key, (n, document))| Versioned {
            key: key.clone(),
            token: token(*n),
            document: document.clone(),
        });
        Listing { items: items.collect(), position: Position(String::new()) }
    }

    /// Performs a store operation at once. None: it is not one.
    pub(crate) fn perform(&mut self, op: &Op) -> Option<Reply> {
        Some(match op {
            Op::Get(key) => Reply::Got(self.get(key)),
            Op::List(selector) => Reply::Listed(self.list(selector)),
            Op::Create(key, document) => match self.documents.contains_key(key) {
                true => Reply::Failed(Failure::Exists),
                false => Reply::Written(self.put(key.clone(), document.clone())),
            },
            Op::Update(key, expected, document) => match self.check(key, expected) {
                Err(failure) => Reply::Failed(failure),
                Ok(()) => Reply::Written(self.put(key.clone(), document.clone())),
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
        match self.documents.get(key) {
            None => Err(Failure::Missing),
            Some((n, _)) if token(*n) != *expected => Err(Failure::Conflict),
            Some(_) => Ok(()),
        }
    }
}
