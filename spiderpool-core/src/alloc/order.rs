//! The order in which a node goes through a pool's blocks: a keyed permutation, computed one element at a time.
//!
//! Nodes with different keys rarely want the same new block, and no node ever enumerates a pool: a /64 has 2^58
//! blocks of 64 addresses.

use crate::{addr::IpSet, hash::mix, model::BlockBits};

/// The blocks that a set of addresses touches, as intervals of block indices; the n-th is found by bisection.
#[derive(Clone, Debug)]
pub(super) struct Blocks {
    /// First index, last index, and how many blocks stand before the interval.
    intervals: Vec<(u128, u128, u128)>,
    count: u128,
}

impl Blocks {
    pub(super) fn of(usable: &IpSet, bits: BlockBits) -> Self {
        let mut intervals: Vec<(u128, u128, u128)> = Vec::new();
        let mut count = 0u128;
        for range in usable.ranges() {
            let (mut first, last) = (range.first().value() >> bits.get(), range.last().value() >> bits.get());
            if let Some((_, before, _)) = intervals.last()
                && *before >= first
            {
                first = before.saturating_add(1);
            }
            if first > last {
                continue;
            }
            intervals.push((first, last, count));
            // Saturates only for all of IPv6 in blocks of one address; its last block is then never hinted.
            count = count.saturating_add((last - first).saturating_add(1));
        }
        Self { intervals, count }
    }

    pub(super) fn count(&self) -> u128 {
        self.count
    }

    pub(super) fn nth(&self, n: u128) -> Option<u128> {
        let at = self.intervals.partition_point(|(_, _, before)| *before <= n).checked_sub(1)?;
        let (first, last, before) = self.intervals[at];
        first.checked_add(n - before).filter(|index| *index <= last)
    }
}

/// The first window, in blocks. It doubles whenever it is used up.
const FIRST_WINDOW: u128 = 16;

/// A walk over 0..count: window by window, each in an order of its own.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    key: u64,
    count: u128,
    at: u128,
}

impl Walk {
    pub(super) fn new(key: u64, count: u128) -> Self {
        Self { key, count, at: 0 }
    }
}

impl Iterator for Walk {
    type Item = u128;

    fn next(&mut self) -> Option<u128> {
        if self.at >= self.count {
            return None;
        }
        // The window that holds position `at`: [0, 16), then [16, 32), [32, 64), …
        let (start, end) = match self.at < FIRST_WINDOW {
            true => (0, FIRST_WINDOW),
            false => {
                let start = 1u128 << (127 - self.at.leading_zeros());
                (start, start.saturating_mul(2))
            }
        };
        let len = end.min(self.count) - start;
        let place = permute(self.at - start, len, self.key ^ (start as u64).rotate_left(17));
        self.at += 1;
        Some(start + place)
    }
}

/// A permutation of 0..len: a four-round Feistel network over the next power of four, walked until it falls inside
/// (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002).
fn permute(value: u128, len: u128, key: u64) -> u128 {
    if len <= 1 {
        return 0;
    }
    let half = (128 - (len - 1).leading_zeros()).div_ceil(2);
    let mask = (1u128 << half) - 1;
    let mut value = value;
    loop {
        let (mut left, mut right) = (value >> half, value & mask);
        for round in 0..4u64 {
            let mixed =
                mix(right as u64 ^ (right >> 64) as u64 ^ key.wrapping_add(round.wrapping_mul(0x9e37)));
            (left, right) = (right, left ^ (u128::from(mixed) & mask));
        }
        value = (left << half) | right;
        if value < len {
            return value;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::addr::{AddressRange, Family};

    proptest! {
        #[test]
        fn a_walk_visits_everything_once(key: u64, count in 0u128..2_000) {
            let seen: Vec<u128> = Walk::new(key, count).collect();
            prop_assert_eq!(seen.len() as u128, count);
            prop_assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), (0..count).collect::<BTreeSet<_>>());
        }

        #[test]
        fn windows_come_in_order(key: u64) {
            let seen: Vec<u128> = Walk::new(key, 64).collect();
            prop_assert!(seen[..16].iter().all(|n| *n < 16));
            prop_assert!(seen[16..32].iter().all(|n| (16..32).contains(n)));
        }
    }

    #[test]
    fn a_slash_64_costs_nothing() {
        let mut usable = IpSet::new(Family::V6);
        usable.insert_range(&"fd00::-fd00::ffff:ffff:ffff:ffff".parse::<AddressRange>().unwrap());
        let blocks = Blocks::of(&usable, BlockBits::MAX);
        assert_eq!(blocks.count(), 1 << 58);
        let first: BTreeSet<u128> = Walk::new(7, blocks.count()).take(1_000).collect();
        assert_eq!(first.len(), 1_000);
        assert!(first.iter().all(|n| *n < 1_024));
        assert_eq!(blocks.nth(5), Some((0xfd00u128 << 112 >> 6) + 5));
    }

    #[test]
    fn different_keys_differ() {
        let order = |key| Walk::new(key, 64).collect::<Vec<_>>();
        assert_ne!(order(1), order(2));
    }

    #[test]
    fn ranges_inside_one_block_count_once() {
        let mut usable = IpSet::new(Family::V4);
        for range in ["10.0.0.1", "10.0.0.3", "10.0.0.15-10.0.0.17", "10.0.1.0"] {
            usable.insert_range(&range.parse::<AddressRange>().unwrap());
        }
        let blocks = Blocks::of(&usable, BlockBits::new(4).unwrap());
        let all: Vec<u128> = (0..blocks.count()).filter_map(|n| blocks.nth(n)).collect();
        assert_eq!(all, [0xa0_0000, 0xa0_0001, 0xa0_0010]);
        assert_eq!(blocks.nth(3), None);
    }
}
