//! A block and its records beside it.
//!
//! The block's own value has everything but the records, and their checksums: a record that is missing, or of another
//! time, is found. A write then costs what it changes, however many addresses of the block are held.

use std::sync::Arc;

use spiderpool_core::{
    model::{Block, Record},
    store::{Document, Key, StoreError, encode, local::Revision},
};

use crate::{keys, value::Unsealed};

/// The records of a block: offset and checksum, ascending by offset.
pub(crate) type Checksums = Vec<(u8, u32)>;

/// What a write of a block puts into the database and takes out of it.
#[derive(Debug)]
pub(crate) struct Delta {
    pub(crate) puts: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) removals: Vec<Vec<u8>>,
    pub(crate) checksums: Checksums,
}

/// What leads from `base` to `new`, which is to be written as `revision` under `key`.
pub(crate) fn delta(
    key: &Key,
    bytes: &[u8],
    base: Option<(&Block, &Checksums)>,
    new: &Block,
    revision: Revision,
) -> Result<Delta, StoreError> {
    let mut delta = Delta { puts: Vec::new(), removals: Vec::new(), checksums: Vec::new() };
    let mut bare = new.clone();
    for (offset, record) in new.records() {
        let kept = base.and_then(|(block, checksums)| {
            let old = block.record(offset)?;
            // Most records are the very same ones.
            let same = Arc::ptr_eq(old, record) || old == record;
            let at = checksums.binary_search_by_key(&offset, |(at, _)| *at).ok()?;
            same.then_some(checksums[at].1)
        });
        let checksum = match kept {
            Some(checksum) => checksum,
            None => {
                let place = keys::record(bytes, offset);
                let (value, checksum) = Unsealed::new(&place, &encode_record(key, record)?).seal(revision);
                delta.puts.push((place, value));
                checksum
            }
        };
        delta.checksums.push((offset, checksum));
    }
    // From the end: nothing has to move up.
    for (offset, _) in delta.checksums.iter().rev() {
        bare.take(*offset, None);
    }
    if let Some((_, old)) = base {
        let gone = old.iter().filter(|(offset, _)| new.record(*offset).is_none());
        delta.removals.extend(gone.map(|(offset, _)| keys::record(bytes, *offset)));
    }
    let list = encode_list(&delta.checksums);
    let body = encode(key, &Document::from(bare))?;
    let (value, _) = Unsealed::of_parts(bytes, &[&list, &body]).seal(revision);
    delta.puts.push((bytes.to_vec(), value));
    Ok(delta)
}

fn encode_record(key: &Key, record: &Record) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(record)
        .map_err(|error| StoreError::Damaged { what: key.to_string(), message: error.to_string() })
}

fn encode_list(checksums: &Checksums) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + 5 * checksums.len());
    bytes.push(checksums.len() as u8);
    for (offset, checksum) in checksums {
        bytes.push(*offset);
        bytes.extend_from_slice(&checksum.to_le_bytes());
    }
    bytes
}

/// The list at the beginning of a block's body, and what follows it.
pub(crate) fn decode_list(body: &[u8]) -> Option<(Checksums, &[u8])> {
    let (count, rest) = body.split_first()?;
    let (list, rest) = rest.split_at_checked(5 * usize::from(*count))?;
    let entry = |entry: &[u8]| Some((entry[0], u32::from_le_bytes(entry[1..].try_into().ok()?)));
    Some((list.chunks_exact(5).map(entry).collect::<Option<_>>()?, rest))
}
