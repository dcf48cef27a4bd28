//! How a set is kept: the address space is cut into chunks of 2^16 addresses, and only chunks that hold anything
//! are kept, in order. Chunks that are full stand as runs of chunk indices, others as one bitmap each.
//!
//! The chunk is one container of a roaring bitmap. A larger one would make a chunk that lacks a single address
//! cost a container for each 2^16 addresses in it; with this one it costs one, so taking thousands of scattered
//! addresses out of a /64 stays cheap.

use std::collections::{BTreeMap, btree_map};
use std::ops::RangeInclusive;

use roaring::RoaringBitmap;

/// The width of a chunk in bits.
const CHUNK_BITS: u32 = 16;
/// The highest offset in a chunk.
pub(super) const CHUNK_MAX: u32 = (1 << CHUNK_BITS) - 1;
/// The number of addresses in a chunk.
pub(super) const CHUNK_LEN: u64 = 1 << CHUNK_BITS;

/// How many addresses a chunk gains or loses between two looks at how it is best kept.
const TIDY_EVERY: u64 = 512;

/// The chunk of a value, and the offset in it.
pub(super) const fn split(value: u128) -> (u128, u32) {
    (value >> CHUNK_BITS, value as u32 & CHUNK_MAX)
}

/// The value at an offset of a chunk.
pub(super) const fn join(chunk: u128, offset: u32) -> u128 {
    (chunk << CHUNK_BITS) | offset as u128
}

/// What a key of the map stands for. The key is the (first) chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// All chunks from the key to this one are full.
    Full {
        /// The last full chunk.
        last: u128,
    },
    /// The chunk of the key holds the offsets of the bitmap: some, but not all.
    Part(RoaringBitmap),
}

/// What is kept of one chunk, or of each of several.
#[derive(Clone, Copy)]
pub(super) enum Cover<'a> {
    /// Nothing.
    Absent,
    /// Everything.
    Full,
    /// Some offsets.
    Part(&'a RoaringBitmap),
}

/// What is kept from a first to a last chunk.
pub(super) type Span<'a> = (u128, u128, Cover<'a>);

fn span<'a>((&first, piece): (&'a u128, &'a Piece)) -> Span<'a> {
    match piece {
        Piece::Full { last } => (first, *last, Cover::Full),
        Piece::Part(bitmap) => (first, first, Cover::Part(bitmap)),
    }
}

/// The pieces of a set in order.
#[derive(Clone)]
pub(super) struct Iter<'a>(btree_map::Iter<'a, u128, Piece>);

impl<'a> Iterator for Iter<'a> {
    type Item = Span<'a>;

    fn next(&mut self) -> Option<Span<'a>> {
        self.0.next().map(span)
    }
}

impl<'a> DoubleEndedIterator for Iter<'a> {
    fn next_back(&mut self) -> Option<Span<'a>> {
        self.0.next_back().map(span)
    }
}

/// The pieces of a set. In canonical form, so that equal sets have equal pieces: no bitmap is empty or full, no
/// two runs touch, nothing overlaps.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Pieces(BTreeMap<u128, Piece>);

impl Pieces {
    /// All chunks up to this one, full.
    pub(super) fn full(last: u128) -> Self {
        Self(BTreeMap::from([(0, Piece::Full { last })]))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The pieces, in order from either end.
    pub(super) fn iter(&self) -> Iter<'_> {
        Iter(self.0.iter())
    }

    /// The first piece that begins at `chunk` or after.
    pub(super) fn beginning_at_or_after(&self, chunk: u128) -> Option<Span<'_>> {
        self.0.range(chunk..).next().map(span)
    }

    /// What is kept of a chunk, and up to which chunk the same holds (for an absent one: itself).
    pub(super) fn at(&self, chunk: u128) -> (Cover<'_>, u128) {
        match self.0.range(..=chunk).next_back() {
            Some((_, Piece::Full { last })) if *last >= chunk => (Cover::Full, *last),
            Some((&first, Piece::Part(bitmap))) if first == chunk => (Cover::Part(bitmap), chunk),
            _ => (Cover::Absent, chunk),
        }
    }

    /// Empties the chunks, cutting a run that reaches into them.
    pub(super) fn clear(&mut self, chunks: RangeInclusive<u128>) {
        let (first, last) = chunks.into_inner();
        // The one piece that can begin before the chunks and reach into them.
        if let Some((_, Piece::Full { last: end })) = self.0.range_mut(..first).next_back()
            && *end >= first
        {
            // A run that begins before `first` makes `first` at least 1.
            let end = std::mem::replace(end, first - 1);
            if end > last {
                self.0.insert(last + 1, Piece::Full { last: end });
                return;
            }
        }
        while let Some((&key, piece)) = self.0.range(first..=last).next() {
            let end = if let Piece::Full { last } = piece { *last } else { key };
            self.0.remove(&key);
            if end > last {
                self.0.insert(last + 1, Piece::Full { last: end });
            }
        }
    }

    /// Fills the chunks, joining the runs on either side.
    pub(super) fn fill(&mut self, chunks: RangeInclusive<u128>) {
        let (mut first, mut last) = (*chunks.start(), *chunks.end());
        self.clear(chunks);
        if let Some((&key, Piece::Full { last: end })) = self.0.range(..first).next_back()
            && end + 1 == first
        {
            first = key;
        }
        if let Some(Piece::Full { last: end }) = self.0.get(&(last + 1)) {
            let end = *end;
            self.0.remove(&(last + 1));
            last = end;
        }
        self.0.insert(first, Piece::Full { last });
    }

    /// Changes the offsets of one chunk. The change either adds or takes away, it does not do both; and it does
    /// not reach over the whole chunk, which is what [`fill`](Self::fill) and [`clear`](Self::clear) are for.
    pub(super) fn edit<R>(&mut self, chunk: u128, change: impl FnOnce(&mut RoaringBitmap) -> R) -> R {
        if let Some(Piece::Part(bitmap)) = self.0.get_mut(&chunk) {
            let answer = change(bitmap);
            match bitmap.len() {
                0 => _ = self.0.remove(&chunk),
                CHUNK_LEN => self.fill(chunk..=chunk),
                // Roaring never leaves a run container on its own, however many runs a long series of changes
                // makes of it. Looking now and then costs next to nothing.
                len if len % TIDY_EVERY == 0 => _ = bitmap.optimize(),
                _ => {}
            }
            return answer;
        }
        let mut bitmap = match self.at(chunk).0 {
            Cover::Full => full_bitmap(),
            Cover::Absent | Cover::Part(_) => RoaringBitmap::new(),
        };
        let before = bitmap.len();
        let answer = change(&mut bitmap);
        if bitmap.len() != before {
            debug_assert!((1..CHUNK_LEN).contains(&bitmap.len()), "whole chunks are filled and cleared");
            self.clear(chunk..=chunk);
            self.0.insert(chunk, Piece::Part(bitmap));
        }
        answer
    }
}

/// Puts pieces together that come in ascending order, in canonical form.
#[derive(Default)]
pub(super) struct Builder(Vec<(u128, Piece)>);

impl Builder {
    /// Adds full chunks above all that were added.
    pub(super) fn full(&mut self, first: u128, last: u128) {
        match self.0.last_mut() {
            Some((_, Piece::Full { last: end })) if *end + 1 == first => *end = last,
            _ => self.0.push((first, Piece::Full { last })),
        }
    }

    /// Adds a chunk above all that were added, holding these offsets: none, some or all.
    pub(super) fn part(&mut self, chunk: u128, mut bitmap: RoaringBitmap) {
        match bitmap.len() {
            0 => {}
            CHUNK_LEN => self.full(chunk, chunk),
            _ => {
                bitmap.optimize();
                self.0.push((chunk, Piece::Part(bitmap)));
            }
        }
    }

    pub(super) fn build(self) -> Pieces {
        Pieces(self.0.into_iter().collect())
    }
}

/// The bitmap of a full chunk, to take something out of it.
pub(super) fn full_bitmap() -> RoaringBitmap {
    let mut bitmap = RoaringBitmap::new();
    bitmap.insert_range(0..=CHUNK_MAX);
    bitmap
}
