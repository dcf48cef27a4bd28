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

/// Exactly what one line of the processor's cache holds, with the counts of the reference to it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct Group {
    /// Of the records' owners. Different tags: different owners. 0 where there is no record.
    tags: [u32; GROUP],
    records: [Option<Arc<Record>>; GROUP],
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
        fetch(group.records.iter().flatten());
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

    /// The groups, each with its first offset.
    fn groups(&self) -> impl Iterator<Item = (u8, &Group)> {
        let groups = (0u8..).step_by(GROUP).zip(&self.groups);
        groups.filter_map(|(first, group)| Some((first, group.as_deref()?)))
    }

    pub(super) fn get(&self, offset: u8) -> Option<&Arc<Record>> {
        let offset = usize::from(offset);
        self.groups.get(offset / GROUP)?.as_ref()?.records[offset % GROUP].as_ref()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u8, &Arc<Record>)> {
        self.groups().flat_map(|(first, group)| {
            let records = (first..).zip(&group.records);
            records.filter_map(|(offset, record)| Some((offset, record.as_ref()?)))
        })
    }

    /// The offset of the record that answers for `key`, whatever its family.
    pub(super) fn find(&self, key: &GrantKey) -> Option<u8> {
        let tag = tag(&key.owner);
        let same = self.groups().flat_map(|(first, group)| {
            let tagged =
                (first..).zip(&group.tags).zip(&group.records).filter(move |((_, own), _)| **own == tag);
            tagged.filter_map(|((offset, _), record)| Some((offset, record.as_ref()?)))
        });
        let mut same = same.filter(|(_, record)| record.owner.uid == key.owner && record.slot == key.slot);
        same.next().map(|(offset, _)| offset)
    }

    /// Puts `record` at `offset`, which is below 64, over whatever is there.
    pub(super) fn put(&mut self, offset: u8, record: Arc<Record>) {
        let at = usize::from(offset);
        if self.groups.len() <= at / GROUP {
            self.groups.resize(at / GROUP + 1, None);
        }
        let group = own(self.groups[at / GROUP].get_or_insert_default());
        group.tags[at % GROUP] = tag(&record.owner.uid);
        group.records[at % GROUP] = Some(record);
        self.held |= 1 << offset;
    }

    pub(super) fn take(&mut self, offset: u8) -> Option<Arc<Record>> {
        if !self.has(offset) {
            return None;
        }
        let at = usize::from(offset);
        self.held &= !(1 << offset);
        let place = self.groups.get_mut(at / GROUP)?;
        let group = own(place.as_mut()?);
        group.tags[at % GROUP] = 0;
        let record = group.records[at % GROUP].take();
        if self.held >> (at / GROUP * GROUP) & ((1 << GROUP) - 1) == 0 {
            *place = None;
            while self.groups.last().is_some_and(Option::is_none) {
                self.groups.pop();
            }
        }
        record
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
