//! The records of a block, by offset.
//!
//! A block is copied for every write to it and its records are spread over the whole memory, so what is asked of all
//! of them is kept beside them: which offsets are held, and a tag of each owner.

use std::{hint::black_box, sync::Arc};

use smallvec::SmallVec;

use crate::{
    model::{GrantKey, Record},
    name::OwnerUid,
};

/// Offsets of one group.
const GROUP: usize = 4;

/// Records with their offsets, 0 to 63, each offset at most once.
///
/// They stand in groups of neighbours: a copy of the block takes one reference to each group and, once changed, to each
/// record of the changed group alone.
#[derive(PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Records {
    /// Bit i: offset i has a record.
    held: u64,
    /// Group i: offsets 4i to 4i + 3. None for an empty group, and nothing after the last that is not.
    groups: SmallVec<[Option<Arc<Group>>; 4]>,
}

type Group = [Option<Entry>; GROUP];

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Entry {
    /// Of the record's owner. Different tags: different owners.
    tag: u32,
    record: Arc<Record>,
}

impl Clone for Records {
    fn clone(&self) -> Self {
        fetch(self.groups.iter().flatten());
        Self { held: self.held, groups: self.groups.clone() }
    }
}

/// Has the processor fetch what is `shared`. Each reference that is taken waits for its memory before the next one is
/// begun (a locked operation); reads do not wait for each other, so whoever reads all first waits once.
fn fetch<'a, T: 'a>(shared: impl Iterator<Item = &'a Arc<T>>) {
    black_box(shared.map(Arc::strong_count).sum::<usize>());
}

/// `group` alone, to be changed.
fn own(group: &mut Arc<Group>) -> &mut Group {
    if Arc::strong_count(group) > 1 {
        fetch(group.iter().flatten().map(|entry| &entry.record));
    }
    Arc::make_mut(group)
}

impl Records {
    pub(super) fn held(&self) -> u64 {
        self.held
    }

    /// Whether `offset` is held; never for one beyond 63.
    fn has(&self, offset: u8) -> bool {
        self.held & (1u64.checked_shl(offset.into()).unwrap_or(0)) != 0
    }

    fn entries(&self) -> impl Iterator<Item = (u8, &Entry)> {
        (0u8..).step_by(GROUP).zip(&self.groups).flat_map(|(first, group)| {
            let entries = (first..).zip(group.iter().flat_map(|group| group.iter()));
            entries.filter_map(|(offset, entry)| Some((offset, entry.as_ref()?)))
        })
    }

    pub(super) fn get(&self, offset: u8) -> Option<&Arc<Record>> {
        let offset = usize::from(offset);
        let group = self.groups.get(offset / GROUP)?.as_ref()?;
        group[offset % GROUP].as_ref().map(|entry| &entry.record)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u8, &Arc<Record>)> {
        self.entries().map(|(offset, entry)| (offset, &entry.record))
    }

    /// The offset of the record that answers for `key`, whatever its family.
    pub(super) fn find(&self, key: &GrantKey) -> Option<u8> {
        let tag = tag(&key.owner);
        let mut same = self.entries().filter(|(_, entry)| entry.tag == tag);
        same.find(|(_, entry)| entry.record.owner.uid == key.owner && entry.record.slot == key.slot)
            .map(|(offset, _)| offset)
    }

    /// Puts `record` at `offset`, which is below 64, over whatever is there.
    pub(super) fn put(&mut self, offset: u8, record: Arc<Record>) {
        let at = usize::from(offset);
        if self.groups.len() <= at / GROUP {
            self.groups.resize(at / GROUP + 1, None);
        }
        let group = self.groups[at / GROUP].get_or_insert_default();
        own(group)[at % GROUP] = Some(Entry { tag: tag(&record.owner.uid), record });
        self.held |= 1 << offset;
    }

    pub(super) fn take(&mut self, offset: u8) -> Option<Arc<Record>> {
        if !self.has(offset) {
            return None;
        }
        let at = usize::from(offset);
        self.held &= !(1 << offset);
        let place = self.groups.get_mut(at / GROUP)?;
        let entry = own(place.as_mut()?)[at % GROUP].take();
        if self.held >> (at / GROUP * GROUP) & ((1 << GROUP) - 1) == 0 {
            *place = None;
            while self.groups.last().is_some_and(Option::is_none) {
                self.groups.pop();
            }
        }
        entry.map(|entry| entry.record)
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
