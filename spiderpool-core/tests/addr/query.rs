//! Finding and counting, against the ranges of the set.

use proptest::prelude::*;
use spiderpool_core::addr::IpSet;

use crate::support::*;

fn sets_and_values() -> impl Strategy<Value = (IpSet, Vec<u128>)> {
    families().prop_flat_map(|family| (sets(family), proptest::collection::vec(awkward(family), 1..16)))
}

/// What `nth` must find, by counting off ranges.
fn naive_nth(set: &IpSet, mut n: u128) -> Option<u128> {
    for (first, last) in values(set) {
        if n <= last - first {
            return Some(first + n);
        }
        n -= last - first;
        n -= 1;
    }
    None
}

proptest! {
    #[test]
    fn counts_and_ends_follow_from_the_ranges((set, _) in sets_and_values()) {
        let ranges = values(&set);
        let len = ranges.iter().fold(0u128, |len, (first, last)| len.saturating_add((last - first).saturating_add(1)));
        prop_assert_eq!(set.len_saturating(), len);
        prop_assert_eq!(set.is_empty(), ranges.is_empty());
        prop_assert_eq!(set.first().map(|a| a.value()), ranges.first().map(|r| r.0));
        prop_assert_eq!(set.last().map(|a| a.value()), ranges.last().map(|r| r.1));
    }

    #[test]
    fn nth_counts_and_rank_undoes_it((set, values) in sets_and_values(), more in 0u128..4) {
        let len = set.len_saturating();
        let members = values.iter().map(|value| value % len.max(1));
        for n in members.chain([0, len.saturating_sub(1), len.saturating_add(more)]) {
            let found = set.nth(n);
            prop_assert_eq!(found.map(|a| a.value()), naive_nth(&set, n), "n = {}", n);
            if let Some(address) = found {
                prop_assert_eq!(set.rank(address), n);
            }
        }
    }

    #[test]
    fn next_finds_the_nearest((set, values_to_try) in sets_and_values()) {
        let (ranges, holes) = (values(&set), values(&set.complement()));
        let nearest = |ranges: &[(u128, u128)], value: u128| {
            ranges.iter().find(|(_, last)| *last >= value).map(|(first, _)| value.max(*first))
        };
        for value in values_to_try {
            let address = at(set.family(), value);
            prop_assert_eq!(set.next_at_or_after(address).map(|a| a.value()), nearest(&ranges, value));
            prop_assert_eq!(set.next_absent_at_or_after(address).map(|a| a.value()), nearest(&holes, value));
            let below = set.rank(address);
            prop_assert_eq!(set.nth(below), set.next_at_or_after(address));
        }
    }

    #[test]
    fn a_window_is_its_addresses_one_by_one((set, values) in sets_and_values(), bits in 0u8..=6) {
        for value in values {
            let first = value >> bits << bits;
            let expected = (0..1u32 << bits)
                .filter(|i| set.contains(at(set.family(), first + u128::from(*i))))
                .fold(0u64, |mask, i| mask | 1 << i);
            prop_assert_eq!(set.window_mask(first, bits), expected);
            prop_assert_eq!(set.window_mask(value, bits), expected, "a value inside means its window");
        }
    }
}
