//! The records of a block, by offset.
//!
//! A block is copied for every write to it and its records are spread over the whole memory, so what is asked of all
//! of them is kept beside them: which offsets are held, and a tag of each owner.

use std::sync::Arc;

use crate::{
    model::{GrantKey, Record},
    name::OwnerUid,
};

/// Records with their offsets, 0 to 63, each offset at most once.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Records {
    /// Bit i: offset i has a record.
    held: u64,
    /// Ascending by offset, so the rank of an offset's bit is its place.
    list: Vec<Entry>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Entry {
    offset: u8,
    /// Of the record's owner. Different tags: different owners.
    tag: u32,
    record: Arc<Record>,
}

impl Records {
    pub(super) fn held(&self) -> u64 {
        self.held
    }

    fn place(&self, offset: u8) -> usize {
        (self.held & ((1 << offset) - 1)).count_ones() as usize
    }

    /// Whether `offset` is held; never for one beyond 63.
    fn has(&self, offset: u8) -> bool {
        self.held & (1u64.checked_shl(offset.into()).unwrap_or(0)) != 0
    }

    pub(super) fn get(&self, offset: u8) -> Option<&Arc<Record>> {
        if !self.has(offset) {
            return None;
        }
        self.list.get(self.place(offset)).map(|entry| &entry.record)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u8, &Arc<Record>)> {
        self.list.iter().map(|entry| (entry.offset, &entry.record))
    }

    /// The offset of the record that answers for `key`, whatever its family.
    pub(super) fn find(&self, key: &GrantKey) -> Option<u8> {
        let tag = tag(&key.owner);
        let mut same = self.list.iter().filter(|entry| entry.tag == tag);
        same.find(|entry| entry.record.owner.uid == key.owner && entry.record.slot == key.slot)
            .map(|entry| entry.offset)
    }

    /// Puts `record` at `offset`, which is below 64, over whatever is there.
    pub(super) fn put(&mut self, offset: u8, record: Arc<Record>) {
        let place = self.place(offset);
        let entry = Entry { offset, tag: tag(&record.owner.uid), record };
        if self.has(offset) {
            self.list[place] = entry;
        } else {
            self.list.insert(place, entry);
            self.held |= 1 << offset;
        }
    }

    pub(super) fn take(&mut self, offset: u8) -> Option<Arc<Record>> {
        if !self.has(offset) {
            return None;
        }
        let entry = self.list.remove(self.place(offset));
        self.held &= !(1 << offset);
        Some(entry.record)
    }
}

/// Equal for equal owners. It is not stored, so it may change with the program.
fn tag(owner: &OwnerUid) -> u32 {
    let (words, rest) = owner.as_str().as_bytes().as_chunks::<8>();
    let rest = rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let mixed = words.chain([rest]).fold(0u64, |mixed, word| {
        let product = (mixed ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        product ^ product >> 32
    });
    mixed as u32
}
