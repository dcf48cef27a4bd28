//! Chunks in which many single addresses come and go: the bitmaps change their kind on the way (list, bits, runs),
//! and the set must not show it.

use std::collections::BTreeSet;

use proptest::prelude::*;
use spiderpool_core::addr::{Family, IpSet};

use crate::support::*;

/// How a few chunks are filled: which of their offsets, by a rule.
#[derive(Clone, Debug)]
enum Fill {
    /// Every so many-th offset from a start on.
    Every { step: u32, start: u32, count: u32 },
    /// A stretch.
    Stretch { start: u32, len: u32 },
    /// Offsets that look random.
    Scattered { seed: u32, count: u32 },
}

const SPAN: u32 = 3 << 16;

impl Fill {
    fn offsets(&self) -> Vec<u32> {
        match *self {
            Self::Every { step, start, count } => (0..count).map(|i| (start + i * step) % SPAN).collect(),
            Self::Stretch { start, len } => (0..len).map(|i| (start + i) % SPAN).collect(),
            Self::Scattered { seed, count } => {
                let mut state = seed;
                std::iter::repeat_with(|| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 8) % SPAN
                })
                .take(count as usize)
                .collect()
            }
        }
    }
}

fn fills() -> impl Strategy<Value = Fill> {
    prop_oneof![
        (2u32..9, 0..SPAN, 0u32..20_000).prop_map(|(step, start, count)| Fill::Every { step, start, count }),
        (0..SPAN, 0u32..70_000).prop_map(|(start, len)| Fill::Stretch { start, len }),
        (any::<u32>(), 0u32..9_000).prop_map(|(seed, count)| Fill::Scattered { seed, count }),
    ]
}

/// Where the three chunks lie.
fn bases() -> impl Strategy<Value = (Family, u128)> {
    prop_oneof![
        Just((Family::V4, 0)),
        Just((Family::V4, 0xffff_ffff - u128::from(SPAN - 1))),
        Just((Family::V6, (1 << 64) - (1 << 16))),
        Just((Family::V6, u128::MAX - u128::from(SPAN - 1))),
    ]
}

fn ranges_of(model: &BTreeSet<u128>) -> Vec<(u128, u128)> {
    let mut ranges: Vec<(u128, u128)> = Vec::new();
    for &value in model {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == value => *last = value,
            _ => ranges.push((value, value)),
        }
    }
    ranges
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn single_addresses_come_and_go(
        (family, base) in bases(),
        steps in proptest::collection::vec((any::<bool>(), fills()), 1..5),
    ) {
        let mut model = BTreeSet::new();
        let mut set = IpSet::new(family);
        for (insert, fill) in steps {
            for offset in fill.offsets() {
                let value = base + u128::from(offset);
                let (changed, expected) = if insert {
                    (set.insert(at(family, value)), model.insert(value))
                } else {
                    (set.remove(at(family, value)), model.remove(&value))
                };
                prop_assert_eq!(changed, expected);
            }
            let ranges = ranges_of(&model);
            prop_assert_eq!(&values(&set), &ranges);
            let rebuilt = IpSet::from_ranges(family, set.ranges()).unwrap();
            prop_assert_eq!(&rebuilt, &set);
            prop_assert_eq!(hash(&rebuilt), hash(&set));
            prop_assert_eq!(&set.complement().complement(), &set);
        }
    }

    #[test]
    fn operations_on_dense_chunks_are_those_of_the_model(
        (family, base) in bases(),
        left in proptest::collection::vec(fills(), 1..4),
        right in proptest::collection::vec(fills(), 1..4),
    ) {
        let model = |fills: &[Fill]| -> BTreeSet<u128> {
            fills.iter().flat_map(Fill::offsets).map(|offset| base + u128::from(offset)).collect()
        };
        let one_by_one = |model: &BTreeSet<u128>| {
            let mut set = IpSet::new(family);
            model.iter().for_each(|value| _ = set.insert(at(family, *value)));
            set
        };
        let by_ranges = |model: &BTreeSet<u128>| {
            let ranges = ranges_of(model).into_iter().map(|(first, last)| between(family, first, last));
            IpSet::from_ranges(family, ranges).unwrap()
        };
        let (a, b) = (model(&left), model(&right));
        // Both ways of making a set on both sides, so that all kinds of bitmaps meet.
        for x in [one_by_one(&a), by_ranges(&a)] {
            for y in [one_by_one(&b), by_ranges(&b)] {
                prop_assert_eq!(values(&x.union(&y)), ranges_of(&(&a | &b)));
                prop_assert_eq!(values(&x.intersection(&y)), ranges_of(&(&a & &b)));
                prop_assert_eq!(values(&x.difference(&y)), ranges_of(&(&a - &b)));
                prop_assert_eq!(x.is_subset(&y), a.is_subset(&b));
                prop_assert_eq!(x.is_disjoint(&y), a.is_disjoint(&b));
                prop_assert_eq!(x == y, a == b);
            }
        }
        prop_assert_eq!(one_by_one(&a), by_ranges(&a));
        prop_assert_eq!(hash(&one_by_one(&a)), hash(&by_ranges(&a)));
    }
}
