//! Finding and counting addresses of a set.

use super::super::{Address, Family};
use super::IpSet;
use super::pieces::{CHUNK_LEN, CHUNK_MAX, Cover, join, split};

impl IpSet {
    /// The number of addresses. A set of 2^128 - 1 or more counts as `u128::MAX`. Cost: the number of pieces.
    pub fn len_saturating(&self) -> u128 {
        // Only all of IPv6 needs to be saturated, and that is one piece.
        self.pieces.iter().map(|(first, last, cover)| cover_len(first, last, cover)).sum()
    }

    /// The lowest address.
    pub fn first(&self) -> Option<Address> {
        let (chunk, _, cover) = self.pieces.iter().next()?;
        let offset = if let Cover::Part(bitmap) = cover { bitmap.min()? } else { 0 };
        Some(self.address(chunk, offset))
    }

    /// The highest address.
    pub fn last(&self) -> Option<Address> {
        let (_, chunk, cover) = self.pieces.iter().next_back()?;
        let offset = if let Cover::Part(bitmap) = cover { bitmap.max()? } else { CHUNK_MAX };
        Some(self.address(chunk, offset))
    }

    /// The address that has `n` addresses of the set below it; none if the set has no more than `n`. Cost: the
    /// number of pieces below it.
    ///
    /// ```
    /// use spiderpool_core::addr::{Family, IpSet};
    ///
    /// let everything = IpSet::everything(Family::V6);
    /// assert_eq!(everything.nth(u128::MAX), everything.last());
    /// ```
    pub fn nth(&self, mut n: u128) -> Option<Address> {
        for (first, last, cover) in self.pieces.iter() {
            let Some(beyond) = n.checked_sub(cover_len(first, last, cover)) else {
                return self.nth_of(first, cover, n);
            };
            // All of IPv6 has one address more than its saturated length, and that one is its last.
            if beyond == 0 && (first, last) == (0, split(u128::MAX).0) {
                return self.last();
            }
            n = beyond;
        }
        None
    }

    fn nth_of(&self, first: u128, cover: Cover<'_>, n: u128) -> Option<Address> {
        let (chunk, offset) = match cover {
            Cover::Absent => return None,
            Cover::Full => {
                let (chunks, offset) = split(n);
                (first + chunks, offset)
            }
            Cover::Part(bitmap) => (first, bitmap.select(u32::try_from(n).ok()?)?),
        };
        Some(self.address(chunk, offset))
    }

    /// The number of addresses of the set below this one (of the other family: 0). So `nth(rank(a))` is `a` for
    /// each address of the set. Cost: the number of pieces below it.
    pub fn rank(&self, address: Address) -> u128 {
        if address.family() != self.family {
            return 0;
        }
        let (chunk, offset) = split(address.value());
        let mut below = 0;
        for (first, last, cover) in self.pieces.iter().take_while(|&(first, _, _)| first <= chunk) {
            below += match cover {
                _ if last < chunk => cover_len(first, last, cover),
                Cover::Absent => 0,
                Cover::Full => join(chunk, offset) - join(first, 0),
                // An offset of 0 has nothing below it in its chunk.
                Cover::Part(bitmap) => offset.checked_sub(1).map_or(0, |top| bitmap.rank(top).into()),
            };
        }
        below
    }

    /// The lowest address of the set that is not below this one. Cost: one look-up.
    pub fn next_at_or_after(&self, address: Address) -> Option<Address> {
        if address.family() != self.family {
            return None;
        }
        let (chunk, offset) = split(address.value());
        match self.pieces.at(chunk).0 {
            Cover::Full => return Some(address),
            Cover::Part(bitmap) => {
                if let Some(found) = bitmap.range(offset..).next() {
                    return Some(self.address(chunk, found));
                }
            }
            Cover::Absent => {}
        }
        let (chunk, _, cover) = self.pieces.beginning_at_or_after(chunk + 1)?;
        let offset = if let Cover::Part(bitmap) = cover { bitmap.min()? } else { 0 };
        Some(self.address(chunk, offset))
    }

    /// The lowest address of the family that is not in the set and not below this one. Cost: a few look-ups.
    ///
    /// ```
    /// use spiderpool_core::addr::{Family, IpSet};
    ///
    /// let held = IpSet::from_ranges(Family::V4, ["255.255.255.0-255.255.255.255".parse()?])?;
    /// assert_eq!(held.next_absent_at_or_after("10.0.0.1".parse()?), Some("10.0.0.1".parse()?));
    /// assert_eq!(held.next_absent_at_or_after("255.255.255.9".parse()?), None);
    /// # Ok::<(), spiderpool_core::addr::RangeError>(())
    /// ```
    pub fn next_absent_at_or_after(&self, address: Address) -> Option<Address> {
        if address.family() != self.family {
            return None;
        }
        let top = split(self.family.max()).0;
        let (mut chunk, mut offset) = split(address.value());
        // No two runs touch and no bitmap is full, so this goes round four times at most.
        while chunk <= top {
            let last = match self.pieces.at(chunk) {
                (Cover::Absent, _) => return Some(self.address(chunk, offset)),
                (Cover::Full, last) => last,
                (Cover::Part(bitmap), last) => {
                    let hole = match bitmap.range(offset..).next_range() {
                        Some(held) if *held.start() == offset => *held.end() + 1,
                        _ => offset,
                    };
                    if hole <= CHUNK_MAX {
                        return Some(self.address(chunk, hole));
                    }
                    last
                }
            };
            (chunk, offset) = (last + 1, 0);
        }
        None
    }

    /// Which of the 2^`bits` addresses from the value `first` on are in the set: bit i stands for `first + i`.
    ///
    /// `bits` is at most 6 (more counts as 6). `first` is a multiple of 2^`bits` (otherwise the window is the one it
    /// lies in). Nothing is in the set above the end of the family. Cost: one look-up, some tens of nanoseconds.
    ///
    /// ```
    /// use spiderpool_core::addr::{Family, IpSet};
    ///
    /// let set = IpSet::from_ranges(Family::V4, ["10.0.0.17-10.0.0.18".parse()?])?;
    /// assert_eq!(set.window_mask(0x0a00_0010, 4), 0b110);
    /// # Ok::<(), spiderpool_core::addr::RangeError>(())
    /// ```
    pub fn window_mask(&self, first: u128, bits: u8) -> u64 {
        let width = 1u32 << bits.min(6);
        let everything = u64::MAX >> (u64::BITS - width);
        let (chunk, offset) = split(first);
        match self.pieces.at(chunk).0 {
            Cover::Absent => 0,
            Cover::Full => everything,
            Cover::Part(bitmap) => {
                let low = offset & !(width - 1);
                let mut mask = 0;
                let mut members = bitmap.range(low..low + width);
                while let Some(run) = members.next_range() {
                    let (from, to) = (run.start() - low, run.end() - low);
                    mask |= (u64::MAX >> (u64::BITS - 1 - (to - from))) << from;
                }
                mask
            }
        }
    }

    /// The address at an offset of a chunk in which the set has pieces.
    fn address(&self, chunk: u128, offset: u32) -> Address {
        Address::from_fitting(self.family, join(chunk, offset))
    }
}

/// The number of addresses of a piece, saturated.
fn cover_len(first: u128, last: u128, cover: Cover<'_>) -> u128 {
    match cover {
        Cover::Absent => 0,
        Cover::Full => (last - first + 1).saturating_mul(CHUNK_LEN.into()),
        Cover::Part(bitmap) => bitmap.len().into(),
    }
}

const _: () = assert!(Family::V6.max() == u128::MAX, "the arithmetic above saturates at the end of IPv6");
