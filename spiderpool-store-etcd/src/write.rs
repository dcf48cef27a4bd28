//! Writes: one transaction for each, which compares, writes the document and keeps the index with it.

use etcd_client::{Compare, CompareOp, DeleteOptions, GetOptions, Txn, TxnOp, TxnOpResponse, TxnResponse};
use spiderpool_core::store::{Document, Key, StoreError, Token};

use crate::{cluster::Cluster, failure::Failure, keys::Keys};

/// What a write does to one entry of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// It is there afterwards.
    Is(Vec<u8>),
    /// It is not.
    IsNot(Vec<u8>),
}

/// The index entries that go with `document` under `key`, whose predecessor is `old`.
pub(crate) fn entries(keys: &Keys, key: &Key, old: Option<&Document>, new: Option<&Document>) -> Vec<Entry> {
    match key {
        Key::Block(id) => {
            let room = keys.room(id);
            let has_room = new.and_then(Document::as_block).is_some_and(|block| block.has_room());
            vec![if has_room { Entry::Is(room) } else { Entry::IsNot(room) }]
        }
        Key::Endpoint(name) => {
            let at = |document: Option<&Document>| document.and_then(|document| keys.on(name, document));
            let (before, after) = (at(old), at(new));
            let left = before.filter(|before| after.as_ref() != Some(before));
            left.map(Entry::IsNot).into_iter().chain(after.map(Entry::Is)).collect()
        }
        _ => Vec::new(),
    }
}

/// A write, ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    key: Vec<u8>,
    /// The revision that the key must have; 0: it must not be there.
    expected: i64,
    /// What is written; none: it is deleted.
    value: Option<Vec<u8>>,
    entries: Vec<Entry>,
}

impl Write {
    pub(crate) fn new(key: Vec<u8>, expected: i64, value: Option<Vec<u8>>, entries: Vec<Entry>) -> Self {
        Self { key, expected, value, entries }
    }

    fn transaction(&self) -> Txn {
        let compare = match self.expected {
            0 => Compare::create_revision(self.key.clone(), CompareOp::Equal, 0),
            revision => Compare::mod_revision(self.key.clone(), CompareOp::Equal, revision),
        };
        let mut operations = vec![match &self.value {
            Some(value) => TxnOp::put(self.key.clone(), value.clone(), None),
            None => TxnOp::delete(self.key.clone(), None),
        }];
        operations.extend(self.entries.iter().map(|entry| match entry {
            // An entry that is there already is not written again: nearly every grant leaves its block with room.
            Entry::Is(key) => {
                let absent = Compare::create_revision(key.clone(), CompareOp::Equal, 0);
                TxnOp::txn(Txn::new().when([absent]).and_then([TxnOp::put(key.clone(), "", None)]))
            }
            Entry::IsNot(key) => TxnOp::delete(key.clone(), None::<DeleteOptions>),
        }));
        let look = TxnOp::get(self.key.clone(), Some(GetOptions::new().with_keys_only()));
        Txn::new().when([compare]).and_then(operations).or_else([look])
    }

    /// Sends it, and gives the token of what it wrote. `key` is for errors.
    pub(crate) async fn send(&self, cluster: &Cluster, key: &Key, limit: usize) -> Result<Token, StoreError> {
        let sent = cluster.write(|mut clients| async move { clients.kv.txn(self.transaction()).await });
        let answer = match sent.await {
            Ok(answer) => answer,
            Err(Failure::NotDone(cause) | Failure::Refused(cause)) => return Err(cause.unavailable()),
            Err(Failure::Unknown(cause)) => return Err(cause.unknown()),
            Err(Failure::TooLarge(_)) => {
                let bytes = self.value.as_ref().map_or(0, Vec::len);
                return Err(StoreError::TooLarge { key: key.clone(), bytes, limit });
            }
            Err(failure @ (Failure::Compacted | Failure::Future)) => {
                return Err(StoreError::unknown(format!("etcd answered a write with {failure:?}")));
            }
        };
        if answer.succeeded() {
            let revision = answer.header().map(|header| header.revision());
            return revision
                .map(token)
                .ok_or_else(|| StoreError::unknown("etcd acknowledged without a revision"));
        }
        let key = key.clone();
        Err(match (self.expected, is_there(&answer)) {
            (0, _) => StoreError::AlreadyExists { key },
            (_, true) => StoreError::Conflict { key },
            (_, false) => StoreError::NotFound { key },
        })
    }
}

/// Whether the key of a transaction that failed its comparison is there.
fn is_there(answer: &TxnResponse) -> bool {
    let answers = answer.op_responses();
    answers.iter().any(|answer| matches!(answer, TxnOpResponse::Get(found) if found.count() > 0))
}

/// A revision as a token. Revisions grow with every write to the cluster, so no token comes back.
pub(crate) fn token(revision: i64) -> Token {
    Token::new(revision.to_string())
}

/// The revision of a token; none for one that this store never gave.
pub(crate) fn revision(token: &Token) -> Option<i64> {
    let revision: i64 = token.as_str().parse().ok()?;
    (revision > 0 && self::token(revision) == *token).then_some(revision)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_token_has_no_revision() {
        for (text, wanted) in
            [("7", Some(7)), ("0", None), ("-1", None), ("+7", None), ("07", None), ("", None)]
        {
            assert_eq!(revision(&Token::new(text)), wanted, "{text:?}");
        }
    }
}
