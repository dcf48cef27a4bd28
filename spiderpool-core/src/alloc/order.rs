//! The order in which a node goes through a pool's blocks: a keyed permutation, computed one element at a time.
//!
//! Nodes with different keys rarely want the same new block, and no node ever enumerates a pool: a /64 has 2^58
//! blocks of 64 addresses.

use std::collections::VecDeque;

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

/// The addresses of the first window. It doubles whenever it is used up.
const FIRST_WINDOW: u128 = 1024;

/// A part of a walk: a window, and how far it has come in it.
#[derive(Clone, Copy, Debug)]
struct Window {
    start: u128,
    len: u128,
    at: u128,
}

/// A walk over 0..count: window by window, each in an order of its own.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    key: u64,
    count: u128,
    window: Window,
    /// Where the next new window begins.
    end: u128,
    /// Windows that were left early, for the end.
    left: VecDeque<Window>,
}

impl Walk {
    pub(super) fn new(key: u64, count: u128, bits: BlockBits) -> Self {
        let len = (FIRST_WINDOW >> bits.get()).min(count);
        Self { key, count, window: Window { start: 0, len, at: 0 }, end: len, left: VecDeque::new() }
    }

    /// Goes on with a window that was not begun, if there is one; what this one still has comes at the end. False: there
    /// is none.
    pub(super) fn leave(&mut self) -> bool {
        let is_more = self.end < self.count;
        if is_more {
            self.left.push_back(self.window);
            self.open();
        }
        is_more
    }

    /// The next new window.
    fn open(&mut self) {
        let len = self.end.min(self.count - self.end);
        self.window = Window { start: self.end, len, at: 0 };
        self.end += len;
    }
}

impl Iterator for Walk {
    type Item = u128;

    fn next(&mut self) -> Option<u128> {
        while self.window.at >= self.window.len {
            if self.end < self.count {
                self.open();
            } else {
                self.window = self.left.pop_front()?;
            }
        }
        let Window { start, len, at } = self.window;
        self.window.at += 1;
        Some(start + permute(at, len, self.key ^ (start as u64).rotate_left(17)))
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

    fn bits(bits: u8) -> BlockBits {
        BlockBits::new(bits).unwrap()
    }

    proptest! {
        #[test]
        fn a_walk_visits_everything_once(key: u64, count in 0u128..2_000, leaves in prop::collection::vec(0usize..300, 0..9)) {
            let mut walk = Walk::new(key, count, bits(6));
            let mut seen = Vec::new();
            for steps in leaves {
                seen.extend(walk.by_ref().take(steps));
                walk.leave();
            }
            seen.extend(walk);
            prop_assert_eq!(seen.len() as u128, count);
            prop_assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), (0..count).collect::<BTreeSet<_>>());
        }

        #[test]
        fn windows_come_in_order(key: u64) {
            let seen: Vec<u128> = Walk::new(key, 64, bits(6)).collect();
            prop_assert!(seen[..16].iter().all(|n| *n < 16));
            prop_assert!(seen[16..32].iter().all(|n| (16..32).contains(n)));
        }

        #[test]
        fn a_window_that_is_left_comes_last(key: u64) {
            let mut walk = Walk::new(key, 64, bits(6));
            let first: Vec<u128> = walk.by_ref().take(3).collect();
            walk.leave();
            let rest: Vec<u128> = walk.collect();
            prop_assert!(rest[..48].iter().all(|n| (16..64).contains(n)));
            prop_assert!(first.iter().chain(&rest[48..]).all(|n| *n < 16));
        }
    }

    #[test]
    fn a_slash_64_costs_nothing() {
        let mut usable = IpSet::new(Family::V6);
        usable.insert_range(&"fd00::-fd00::ffff:ffff:ffff:ffff".parse::<AddressRange>().unwrap());
        let blocks = Blocks::of(&usable, BlockBits::MAX);
        assert_eq!(blocks.count(), 1 << 58);
        let first: BTreeSet<u128> = Walk::new(7, blocks.count(), BlockBits::MAX).take(1_000).collect();
        assert_eq!(first.len(), 1_000);
        assert!(first.iter().all(|n| *n < 1_024));
        assert_eq!(blocks.nth(5), Some((0xfd00u128 << 112 >> 6) + 5));
    }

    #[test]
    fn different_keys_differ() {
        let order = |key| Walk::new(key, 64, bits(6)).collect::<Vec<_>>();
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
