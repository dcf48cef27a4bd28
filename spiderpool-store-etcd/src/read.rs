//! Reads: one document, or all that a selector wants, as of one revision.

use etcd_client::{GetOptions, KeyValue, Txn, TxnOp, TxnOpResponse};
use spiderpool_core::store::{Key, Listing, Position, Selector, StoreError, Token, Versioned, decode};

use crate::{
    cluster::{Cluster, read_error},
    failure::Failure,
    keys::{Keys, Place, Range},
    write::token,
};

/// How many documents one request asks for.
const PAGE: i64 = 500;

/// How many keys without their documents one request asks for.
const PAGE_OF_KEYS: i64 = 10_000;

/// How many documents are asked for by their keys in one transaction. Members take 128 operations.
const PER_TRANSACTION: usize = 100;

/// How often a listing begins anew when the history that it reads is compacted under it.
const BEGINNINGS: usize = 5;

/// The document under `key`, as of now.
pub(crate) async fn get(cluster: &Cluster, keys: &Keys, key: &Key) -> Result<Option<Versioned>, StoreError> {
    let bytes = &keys.encode(key);
    let answer = cluster.read(|mut clients| async move { clients.kv.get(bytes.clone(), None).await });
    let answer = answer.await.map_err(read_error)?;
    answer.kvs().first().map(|found| versioned(keys, found)).transpose()
}

/// The current revision, asked of the cluster as a whole.
pub(crate) async fn current_revision(cluster: &Cluster, keys: &Keys) -> Result<i64, Failure> {
    let range = &keys.all();
    let answer = cluster.read(|mut clients| async move {
        let options = GetOptions::new().with_range(range.end.clone()).with_limit(1).with_keys_only();
        clients.kv.get(range.first.clone(), Some(options)).await
    });
    Ok(answer.await?.header().map_or(0, |header| header.revision()))
}

/// All that `selector` selects, as of one revision, which is also the position.
pub(crate) async fn list(cluster: &Cluster, keys: &Keys, selector: &Selector) -> Result<Listing, StoreError> {
    let (found, revision) = select(cluster, keys, selector, Content::Whole).await?;
    let mut items = found.iter().map(|found| versioned(keys, found)).collect::<Result<Vec<_>, _>>()?;
    items.retain(|item| selector.matches(&item.key, &item.document));
    items.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(Listing { items, position: Position(revision.to_string()) })
}

/// The keys and tokens of all that `selector` selects, as of one revision.
pub(crate) async fn tokens(
    cluster: &Cluster,
    keys: &Keys,
    selector: &Selector,
) -> Result<Vec<(Key, Token)>, StoreError> {
    let (found, _) = select(cluster, keys, selector, Content::Keys).await?;
    let one = |found: &KeyValue| {
        let key = keys.decode(found.key()).ok_or_else(|| foreign(found))?;
        Ok((key, token(found.mod_revision())))
    };
    let mut tokens = found.iter().map(one).collect::<Result<Vec<_>, StoreError>>()?;
    tokens.sort();
    Ok(tokens)
}

/// The documents that `selector` selects, or no more than their keys, and the revision they are of.
async fn select(
    cluster: &Cluster,
    keys: &Keys,
    selector: &Selector,
    content: Content,
) -> Result<(Vec<KeyValue>, i64), StoreError> {
    for _ in 0..BEGINNINGS {
        match select_once(cluster, keys, selector, content).await? {
            Some(found) => return Ok(found),
            None => continue,
        }
    }
    Err(read_error(Failure::Compacted))
}

/// None if the history was compacted meanwhile.
async fn select_once(
    cluster: &Cluster,
    keys: &Keys,
    selector: &Selector,
    content: Content,
) -> Result<Option<(Vec<KeyValue>, i64)>, StoreError> {
    let found = match keys.place(selector) {
        None => current_revision(cluster, keys).await.map(|revision| (Vec::new(), revision)),
        Some(Place::Documents(range)) => pages(cluster, &range, content).await,
        Some(Place::Index(range)) => match pages(cluster, &range, Content::Keys).await {
            Err(failure) => Err(failure),
            Ok((entries, revision)) => {
                let wanted: Vec<Vec<u8>> = entries
                    .iter()
                    .map(|entry| match keys.of_index(entry.key()) {
                        Some(key) => Ok(keys.encode(&key)),
                        None => Err(foreign(entry)),
                    })
                    .collect::<Result<_, _>>()?;
                documents(cluster, &wanted, revision, content).await.map(|found| (found, revision))
            }
        },
    };
    match found {
        Err(Failure::Compacted) => Ok(None),
        found => found.map(Some).map_err(read_error),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Whole,
    Keys,
}

impl Content {
    fn wanted(self) -> GetOptions {
        match self {
            Self::Whole => GetOptions::new(),
            Self::Keys => GetOptions::new().with_keys_only(),
        }
    }

    /// As much of it as one request asks for.
    fn limited(self) -> GetOptions {
        self.wanted().with_limit(match self {
            Self::Whole => PAGE,
            Self::Keys => PAGE_OF_KEYS,
        })
    }
}

/// All of `range` as of the revision of its first page, and that revision.
async fn pages(cluster: &Cluster, range: &Range, content: Content) -> Result<(Vec<KeyValue>, i64), Failure> {
    let mut found: Vec<KeyValue> = Vec::new();
    let (mut first, mut revision) = (range.first.clone(), 0);
    loop {
        let from = &first;
        let answer = cluster.read(|mut clients| async move {
            let options = content.limited().with_range(range.end.clone()).with_revision(revision);
            clients.kv.get(from.clone(), Some(options)).await
        });
        let mut answer = answer.await?;
        if revision == 0 {
            revision = answer.header().map_or(0, |header| header.revision());
        }
        let is_last = !answer.more();
        found.extend(answer.take_kvs());
        match found.last() {
            Some(last) if !is_last => {
                first = last.key().to_vec();
                first.push(0);
            }
            _ => return Ok((found, revision)),
        }
    }
}

/// The documents under `wanted`, as of `revision`.
async fn documents(
    cluster: &Cluster,
    wanted: &[Vec<u8>],
    revision: i64,
    content: Content,
) -> Result<Vec<KeyValue>, Failure> {
    let mut found = Vec::with_capacity(wanted.len());
    for some in wanted.chunks(PER_TRANSACTION) {
        let answer = cluster.read(|mut clients| async move {
            let then =
                |key: &Vec<u8>| TxnOp::get(key.clone(), Some(content.wanted().with_revision(revision)));
            clients.kv.txn(Txn::new().and_then(some.iter().map(then).collect::<Vec<_>>())).await
        });
        for answer in answer.await?.op_responses() {
            if let TxnOpResponse::Get(mut answer) = answer {
                found.extend(answer.take_kvs());
            }
        }
    }
    Ok(found)
}

/// A key and its value as a document.
pub(crate) fn versioned(keys: &Keys, found: &KeyValue) -> Result<Versioned, StoreError> {
    let key = keys.decode(found.key()).ok_or_else(|| foreign(found))?;
    let document = decode(&key, found.value())?;
    Ok(Versioned { key, token: token(found.mod_revision()), document })
}

fn foreign(found: &KeyValue) -> StoreError {
    StoreError::Damaged {
        what: format!("the etcd key {}", String::from_utf8_lossy(found.key())),
        message: "it is none of Spiderpool's; give Spiderpool a prefix of its own".into(),
    }
}
