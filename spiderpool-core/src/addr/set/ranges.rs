use std::iter::{FlatMap, FusedIterator};

use super::super::{AddressRange, Family};
use super::pieces::{CHUNK_MAX, Cover, Iter, Pieces, Span, join};

/// The ranges of an [`IpSet`](super::IpSet), ascending, as long as they can be; made by
/// [`IpSet::ranges`](super::IpSet::ranges). Each step costs as much as the range has pieces: chunks that hold
/// only some of their addresses, and runs of full ones.
#[derive(Clone)]
pub struct Ranges<'a> {
    family: Family,
    /// The ranges of each piece, not yet joined across pieces.
    parts: FlatMap<Iter<'a>, Within<'a>, fn(Span<'a>) -> Within<'a>>,
    /// The range that the next part may still lengthen.
    open: Option<(u128, u128)>,
}

/// The ranges inside one piece.
#[derive(Clone)]
enum Within<'a> {
    Run(Option<(u128, u128)>),
    Chunk(u128, roaring::bitmap::Iter<'a>),
}

impl<'a> Ranges<'a> {
    pub(super) fn new(family: Family, pieces: &'a Pieces) -> Self {
        Self { family, parts: pieces.iter().flat_map(Within::new as _), open: None }
    }
}

impl<'a> Within<'a> {
    fn new((first, last, cover): Span<'a>) -> Self {
        match cover {
            Cover::Absent => Self::Run(None),
            Cover::Full => Self::Run(Some((join(first, 0), join(last, CHUNK_MAX)))),
            Cover::Part(bitmap) => Self::Chunk(first, bitmap.iter()),
        }
    }
}

impl Iterator for Within<'_> {
    type Item = (u128, u128);

    fn next(&mut self) -> Option<(u128, u128)> {
        match self {
            Self::Run(run) => run.take(),
            Self::Chunk(chunk, offsets) => {
                let offsets = offsets.next_range()?;
                Some((join(*chunk, *offsets.start()), join(*chunk, *offsets.end())))
            }
        }
    }
}

impl Iterator for Ranges<'_> {
    type Item = AddressRange;

    fn next(&mut self) -> Option<AddressRange> {
        let done = loop {
            match (self.open, self.parts.next()) {
                // A later part exists, so the open range does not end at the top and `+ 1` cannot overflow.
                (Some((first, last)), Some((from, to))) if last + 1 == from => self.open = Some((first, to)),
                (None, Some(part)) => self.open = Some(part),
                (done, part) => {
                    self.open = part;
                    break done;
                }
            }
        };
        done.map(|(first, last)| AddressRange::from_ordered(self.family, first, last))
    }
}

impl FusedIterator for Ranges<'_> {}
