//! Strategies and the naive model that sets are compared with.

use proptest::prelude::*;
use spiderpool_core::addr::{Address, AddressRange, Family, IpSet};

pub(crate) fn address(text: &str) -> Address {
    text.parse().unwrap()
}

pub(crate) fn range(text: &str) -> AddressRange {
    text.parse().unwrap()
}

pub(crate) fn set(family: Family, ranges: &[&str]) -> IpSet {
    IpSet::from_ranges(family, ranges.iter().map(|text| range(text))).unwrap()
}

pub(crate) fn at(family: Family, value: u128) -> Address {
    Address::new(family, value).unwrap()
}

pub(crate) fn between(family: Family, first: u128, last: u128) -> AddressRange {
    AddressRange::new(at(family, first), at(family, last)).unwrap()
}

pub(crate) fn families() -> impl Strategy<Value = Family> {
    prop_oneof![Just(Family::V4), Just(Family::V6)]
}

/// Values near the places where something changes: the ends, borders of words, chunks, and powers of two.
pub(crate) fn awkward(family: Family) -> BoxedStrategy<u128> {
    let borders: Vec<u128> = match family {
        Family::V4 => vec![0, 1 << 16, 2 << 16, 3 << 16, 1 << 24, 1 << 31, 1 << 32],
        Family::V6 => vec![0, 1 << 16, 2 << 16, 1 << 32, 1 << 48, 1 << 64, (1 << 64) + (1 << 16), 1 << 127],
    };
    let top = family.max();
    let near_border = (proptest::sample::select(borders), -70i128..70)
        .prop_map(move |(border, step)| border.saturating_add_signed(step).min(top));
    let near_top = (0u128..140).prop_map(move |below| top - below);
    prop_oneof![8 => near_border, 2 => near_top, 1 => 0..=top].boxed()
}

/// A range whose ends are awkward: of any size, most often tiny or huge.
pub(crate) fn awkward_range(family: Family) -> BoxedStrategy<AddressRange> {
    let wide = (awkward(family), awkward(family)).prop_map(move |(a, b)| between(family, a.min(b), a.max(b)));
    let narrow = (awkward(family), 0u128..40)
        .prop_map(move |(first, more)| between(family, first, first.saturating_add(more).min(family.max())));
    prop_oneof![1 => wide, 3 => narrow].boxed()
}

/// One change of a set.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Insert(AddressRange),
    Remove(AddressRange),
}

pub(crate) fn changes(family: Family) -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        awkward_range(family).prop_map(Change::Insert),
        awkward_range(family).prop_map(Change::Remove),
    ];
    proptest::collection::vec(change, 0..24)
}

/// Applies changes; a range of one address by the operation on one address.
pub(crate) fn apply(set: &mut IpSet, changes: &[Change]) {
    for change in changes {
        match change {
            Change::Insert(range) if range.first() == range.last() => _ = set.insert(range.first()),
            Change::Remove(range) if range.first() == range.last() => _ = set.remove(range.first()),
            Change::Insert(range) => set.insert_range(range),
            Change::Remove(range) => set.remove_range(range),
        }
    }
}

pub(crate) fn sets(family: Family) -> impl Strategy<Value = IpSet> {
    changes(family).prop_map(move |changes| {
        let mut set = IpSet::new(family);
        apply(&mut set, &changes);
        set
    })
}

/// A family with sets of it.
pub(crate) fn three_sets() -> impl Strategy<Value = (IpSet, IpSet, IpSet)> {
    families().prop_flat_map(|family| (sets(family), sets(family), sets(family)))
}

/// The naive model: the list of changes. An address is in the set if the last change that covers it put it there.
pub(crate) struct Model {
    pub(crate) family: Family,
    pub(crate) changes: Vec<Change>,
}

impl Model {
    pub(crate) fn contains(&self, value: u128) -> bool {
        let address = at(self.family, value);
        self.changes
            .iter()
            .rev()
            .find_map(|change| match change {
                Change::Insert(range) => range.contains(address).then_some(true),
                Change::Remove(range) => range.contains(address).then_some(false),
            })
            .unwrap_or(false)
    }

    /// Membership is constant between the ends of changes, so looking at one address in each gap tells it all.
    pub(crate) fn ranges(&self) -> Vec<(u128, u128)> {
        let mut cuts = vec![0];
        for change in &self.changes {
            let (Change::Insert(range) | Change::Remove(range)) = change;
            cuts.push(range.first().value());
            cuts.extend(range.last().checked_add(1).map(Address::value));
        }
        cuts.sort_unstable();
        cuts.dedup();
        let mut ranges: Vec<(u128, u128)> = Vec::new();
        for (i, &first) in cuts.iter().enumerate() {
            let last = cuts.get(i + 1).map_or(self.family.max(), |next| next - 1);
            if self.contains(first) {
                match ranges.last_mut() {
                    Some((_, end)) if *end + 1 == first => *end = last,
                    _ => ranges.push((first, last)),
                }
            }
        }
        ranges
    }
}

pub(crate) fn models() -> impl Strategy<Value = Model> {
    families().prop_flat_map(|family| changes(family).prop_map(move |changes| Model { family, changes }))
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?}", self.family, self.changes)
    }
}

pub(crate) fn values(set: &IpSet) -> Vec<(u128, u128)> {
    set.ranges().map(|range| (range.first().value(), range.last().value())).collect()
}

pub(crate) fn hash(value: &impl std::hash::Hash) -> u64 {
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}
