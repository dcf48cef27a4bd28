//! Sets of addresses of one family.

mod pieces;
mod ranges;
mod sweep;
mod text;
mod walk;

use super::{Address, AddressRange, Family, RangeError};
use pieces::{CHUNK_MAX, Cover, Pieces, split};
pub use ranges::Ranges;

/// A set of addresses of one family, from nothing to everything.
///
/// Addresses are never walked: an operation costs as much as the pieces it meets, and a piece is a run of full
/// chunks of 2^16 addresses of any length, or one chunk of which some addresses are in the set (as a roaring
/// bitmap, at most 8 KiB). So `::/0` is one piece, and so is a /64; a thousand addresses scattered over a /64 are
/// a thousand pieces. Equality and hash are those of the contents, whatever way the set was made.
///
/// A set sees only addresses of its own family. Those of the other one are never in it: to insert or remove them
/// changes nothing, and an operation with a set of the other family takes that set as empty. The result of an
/// operation has the family of the set it is called on.
///
/// ```
/// use spiderpool_core::addr::{Family, IpSet};
///
/// let mut free = IpSet::new(Family::V4);
/// free.insert_range(&"10.0.0.1-10.0.0.9".parse()?);
/// free.remove("10.0.0.5".parse()?);
/// assert_eq!(free.to_string(), "10.0.0.1-10.0.0.4, 10.0.0.6-10.0.0.9");
/// assert_eq!(free.len_saturating(), 8);
/// assert_eq!(free.next_at_or_after("10.0.0.5".parse()?), Some("10.0.0.6".parse()?));
/// # Ok::<(), spiderpool_core::addr::RangeError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct IpSet {
    family: Family,
    pieces: Pieces,
}

impl IpSet {
    /// The empty set of a family.
    pub fn new(family: Family) -> Self {
        Self { family, pieces: Pieces::default() }
    }

    /// All addresses of a family: `0.0.0.0/0` or `::/0`.
    ///
    /// ```
    /// use spiderpool_core::addr::{Family, IpSet};
    ///
    /// assert_eq!(IpSet::everything(Family::V4).len_saturating(), 1 << 32);
    /// assert_eq!(IpSet::everything(Family::V6).len_saturating(), u128::MAX);
    /// ```
    pub fn everything(family: Family) -> Self {
        Self { family, pieces: Pieces::full(split(family.max()).0) }
    }

    /// The addresses of these ranges, which may come in any order and overlap.
    ///
    /// # Errors
    ///
    /// [`RangeError::WrongFamily`] at the first range of the other family.
    ///
    /// ```
    /// use spiderpool_core::addr::{Family, IpSet};
    ///
    /// let set = IpSet::from_ranges(Family::V6, ["fd00::5-fd00::9".parse()?, "fd00::1-fd00::6".parse()?])?;
    /// assert_eq!(set.to_string(), "fd00::1-fd00::9");
    /// assert!(IpSet::from_ranges(Family::V4, set.ranges()).is_err());
    /// # Ok::<(), spiderpool_core::addr::RangeError>(())
    /// ```
    pub fn from_ranges(
        family: Family,
        ranges: impl IntoIterator<Item = AddressRange>,
    ) -> Result<Self, RangeError> {
        let mut set = Self::new(family);
        for range in ranges {
            if range.family() != family {
                let found = range.family();
                return Err(RangeError::WrongFamily { input: range.to_string(), found, expected: family });
            }
            set.insert_range(&range);
        }
        Ok(set)
    }

    /// The family of every address in the set.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Whether no address is in the set.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Adds an address; whether it was new.
    pub fn insert(&mut self, address: Address) -> bool {
        let (chunk, offset) = split(address.value());
        address.family() == self.family
            && !matches!(self.pieces.at(chunk).0, Cover::Full)
            && self.pieces.edit(chunk, |bitmap| bitmap.insert(offset))
    }

    /// Takes an address away; whether it was there.
    pub fn remove(&mut self, address: Address) -> bool {
        let (chunk, offset) = split(address.value());
        address.family() == self.family
            && !matches!(self.pieces.at(chunk).0, Cover::Absent)
            && self.pieces.edit(chunk, |bitmap| bitmap.remove(offset))
    }

    /// Adds all addresses of a range.
    pub fn insert_range(&mut self, range: &AddressRange) {
        if range.family() == self.family {
            let Cut { whole, edges } = Cut::new(range);
            if let Some((first, last)) = whole {
                self.pieces.fill(first..=last);
            }
            for (chunk, from, to) in edges.into_iter().flatten() {
                self.pieces.edit(chunk, |bitmap| bitmap.insert_range(from..=to));
            }
        }
    }

    /// Takes all addresses of a range away.
    pub fn remove_range(&mut self, range: &AddressRange) {
        if range.family() == self.family {
            let Cut { whole, edges } = Cut::new(range);
            if let Some((first, last)) = whole {
                self.pieces.clear(first..=last);
            }
            for (chunk, from, to) in edges.into_iter().flatten() {
                self.pieces.edit(chunk, |bitmap| bitmap.remove_range(from..=to));
            }
        }
    }

    /// Whether the address is in the set.
    pub fn contains(&self, address: Address) -> bool {
        let (chunk, offset) = split(address.value());
        address.family() == self.family
            && match self.pieces.at(chunk).0 {
                Cover::Absent => false,
                Cover::Full => true,
                Cover::Part(bitmap) => bitmap.contains(offset),
            }
    }

    /// Whether all addresses of the range are in the set.
    pub fn contains_range(&self, range: &AddressRange) -> bool {
        let Cut { whole, edges } = Cut::new(range);
        range.family() == self.family
            && whole.is_none_or(|(first, last)| match self.pieces.at(first) {
                (Cover::Full, end) => end >= last,
                _ => false,
            })
            && edges.into_iter().flatten().all(|(chunk, from, to)| match self.pieces.at(chunk).0 {
                Cover::Absent => false,
                Cover::Full => true,
                Cover::Part(bitmap) => bitmap.contains_range(from..=to),
            })
    }

    /// The addresses in either set.
    pub fn union(&self, other: &Self) -> Self {
        self.combine(other, sweep::union)
    }

    /// The addresses of this set that are not in the other.
    ///
    /// ```
    /// use spiderpool_core::addr::{Family, IpSet};
    ///
    /// let reserved = IpSet::from_ranges(Family::V6, ["fd00::1".parse()?, "fd00::f-fd00::ff".parse()?])?;
    /// let free = IpSet::everything(Family::V6).difference(&reserved);
    /// assert_eq!(free, reserved.complement());
    /// # Ok::<(), spiderpool_core::addr::RangeError>(())
    /// ```
    pub fn difference(&self, other: &Self) -> Self {
        self.combine(other, sweep::difference)
    }

    /// The addresses in both sets.
    pub fn intersection(&self, other: &Self) -> Self {
        self.combine(other, sweep::intersection)
    }

    fn combine(&self, other: &Self, operation: fn(&Pieces, &Pieces) -> Pieces) -> Self {
        let pieces = if other.family == self.family {
            operation(&self.pieces, &other.pieces)
        } else {
            operation(&self.pieces, &Pieces::default())
        };
        Self { family: self.family, pieces }
    }

    /// All addresses of the family that are not in the set.
    pub fn complement(&self) -> Self {
        Self::everything(self.family).difference(self)
    }

    /// Whether every address of this set is in the other.
    pub fn is_subset(&self, other: &Self) -> bool {
        if other.family == self.family {
            sweep::is_subset(&self.pieces, &other.pieces)
        } else {
            self.is_empty()
        }
    }

    /// Whether the sets have no address in common.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        other.family != self.family || sweep::is_disjoint(&self.pieces, &other.pieces)
    }

    /// The ranges of the set, ascending and as long as they can be. Made one by one as they are asked for.
    pub fn ranges(&self) -> Ranges<'_> {
        Ranges::new(self.family, &self.pieces)
    }
}

impl From<AddressRange> for IpSet {
    fn from(range: AddressRange) -> Self {
        let mut set = Self::new(range.family());
        set.insert_range(&range);
        set
    }
}

/// A range cut at the borders of chunks.
struct Cut {
    /// The first and the last chunk that lie wholly in the range.
    whole: Option<(u128, u128)>,
    /// Chunks that lie partly in it: from and to which offset.
    edges: [Option<(u128, u32, u32)>; 2],
}

impl Cut {
    fn new(range: &AddressRange) -> Self {
        let (first_chunk, from) = split(range.first().value());
        let (last_chunk, to) = split(range.last().value());
        if first_chunk == last_chunk && (from, to) != (0, CHUNK_MAX) {
            return Self { whole: None, edges: [Some((first_chunk, from, to)), None] };
        }
        let low_edge = (from != 0).then_some((first_chunk, from, CHUNK_MAX));
        let high_edge = (to != CHUNK_MAX).then_some((last_chunk, 0, to));
        // A high edge lies above the first chunk, so its own chunk is at least 1.
        let first = first_chunk + u128::from(low_edge.is_some());
        let last = last_chunk - u128::from(high_edge.is_some());
        Self { whole: (first <= last).then_some((first, last)), edges: [low_edge, high_edge] }
    }
}
