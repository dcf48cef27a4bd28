//! What a store that keeps bytes reads back: damaged, cut off, written by another version, or under the wrong key.

use serde_json::Value;
use spiderpool_core::addr::Family;
use spiderpool_core::model::{Block, BlockId, PlanId};
use spiderpool_core::name::{Namespace, NamespacedName, ObjectName, ScopeName, Uid};
use spiderpool_core::store::{Document, Key, Kind, ResourceName, StoreError, decode, encode};

/// Any bytes as a stored document, under a key of each kind and under the key that the document itself names.
///
/// Laws: a document is accepted under keys of one kind at most; what is accepted is written in a form that reads as
/// the same document; no beginning of that form reads as anything; an accepted block does not contradict itself, not
/// even if one of its values was replaced.
pub fn documents(data: &[u8]) {
    let Some(keys) = sample_keys() else { unreachable!("the sample names are names") };
    assert!(keys.iter().map(Key::kind).eq(Kind::ALL), "a kind without a sample");
    let mut accepted = None;
    for key in &keys {
        accepted = accepted.or(read(key, data));
    }
    // A document that knows its own place is refused under the sample key: look under its own.
    if let Some(own) = own_key(data) {
        read(&own, data);
    }
    if let Some(kind) = accepted {
        assert_eq!(keys.iter().filter(|key| decode(key, data).is_ok()).count(), 1, "{kind}");
    }
}

/// Reads under one key and checks what was read. Gives the kind if it was accepted.
fn read(key: &Key, data: &[u8]) -> Option<&'static str> {
    let document = match decode(key, data) {
        Ok(document) => document,
        Err(StoreError::NewerFormat { found, supported, .. }) => {
            assert!(found > supported);
            return None;
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return None;
        }
    };
    assert_eq!(document.kind(), key.kind());
    let written = encode(key, &document).unwrap_or_else(|error| panic!("what was read is writable: {error}"));
    assert_eq!(decode(key, &written).ok().as_ref(), Some(&document), "{}", String::from_utf8_lossy(&written));
    for len in [0, 1, written.len() / 2, written.len() - 1] {
        assert!(decode(key, &written[..len]).is_err(), "{len} bytes of {}", written.len());
    }
    if let Document::Block(block) = &document {
        block_agrees_with_itself(block);
        replaced_values(key, &written);
    }
    Some(key.kind().name())
}

/// The mask of held addresses, the records and the released addresses tell one story.
fn block_agrees_with_itself(block: &Block) {
    let recorded = block.records().fold(0, |mask, (offset, _)| mask | (1 << offset));
    assert_eq!(block.held(), recorded);
    assert_eq!(block.held() & block.released_mask(), 0, "held and released");
    for (offset, record) in block.records() {
        let address = block.address(offset);
        assert!(block.range().contains(address));
        assert_eq!(block.offset(address), Some(offset));
        assert_eq!(block.record_of(address), Some(record));
    }
    let size = u32::from(block.bits().size());
    let mask = u64::MAX >> (u64::BITS - size);
    assert_eq!((block.held() | block.released_mask()) & !mask, 0, "outside");
    assert!(block.copies().iter().all(|copy| copy.usable & !mask == 0), "a copy reaches outside");
}

/// The same block with one value replaced, at places spread over the whole of it: refused, or still one story.
fn replaced_values(key: &Key, written: &[u8]) {
    const PLACES: usize = 24;
    let mut value: Value = serde_json::from_slice(written).unwrap_or_default();
    let places = count(&value);
    let others = [
        Value::Null,
        0.into(),
        16.into(),
        u64::MAX.into(),
        "reservations:default:4".into(),
        Value::Array(vec![]),
    ];
    for step in 0..places.min(PLACES) {
        // Every place of a small block; of a large one some from its start to its end, others for another length.
        let at = if places <= PLACES { step } else { (step * places + written.len() % places) / PLACES };
        for other in &others {
            let mut left = at;
            let Some(place) = nth(&mut value, &mut left) else { unreachable!("there are {places} places") };
            let kept = std::mem::replace(place, other.clone());
            if let Ok(Document::Block(block)) = decode(key, value.to_string().as_bytes()) {
                block_agrees_with_itself(&block);
            }
            let mut left = at;
            if let Some(place) = nth(&mut value, &mut left) {
                *place = kept;
            }
        }
    }
}

/// How many values there are in it, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum::<usize>(),
        Value::Object(fields) => fields.values().map(count).sum::<usize>(),
        _ => 0,
    }
}

/// The value that comes after `left` others.
fn nth<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, left)),
        Value::Object(fields) => fields.values_mut().find_map(|field| nth(field, left)),
        _ => None,
    }
}

/// The key that a block, plan or scope names in itself.
fn own_key(data: &[u8]) -> Option<Key> {
    match serde_json::from_slice(data).ok()? {
        Document::Block(block) => Some(Key::Block(block.id().clone())),
        Document::Plan(plan) => Some(Key::Plan(plan.id.clone())),
        Document::Scope(scope) => Some(Key::Scope(scope.name.clone())),
        _ => None,
    }
}

/// One key of each kind. The names are not those of the seeds.
fn sample_keys() -> Option<[Key; 8]> {
    let name = ObjectName::new("sample").ok()?;
    let scope = ScopeName::new("sample").ok()?;
    let pod = NamespacedName { namespace: Namespace::new("sample").ok()?, name: name.clone() };
    Some([
        Key::Scope(scope.clone()),
        Key::Subnet(name.clone()),
        Key::Pool(name.clone()),
        Key::Reservation(name.clone()),
        Key::Plan(PlanId::Pool(Uid::new("sample").ok()?)),
        Key::Block(BlockId { scope, family: Family::V4, index: 0 }),
        Key::Endpoint(pod),
        Key::Resource(ResourceName { kind: name.clone(), group: None, namespace: None, name }),
    ])
}
