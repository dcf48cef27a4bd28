//! Operations on two sets, by one walk along the pieces of both. Cost: the number of pieces, whatever their size.

use super::pieces::{Builder, Cover, Iter, Pieces, Span, full_bitmap};

/// Chunks over which neither set changes; several only where neither has a bitmap.
struct Segment<'a> {
    first: u128,
    last: u128,
    left: Cover<'a>,
    right: Cover<'a>,
}

/// One side of the walk: the piece that is still ahead, from where it is still ahead.
struct Side<'a> {
    pieces: Iter<'a>,
    ahead: Option<Span<'a>>,
}

impl<'a> Side<'a> {
    fn new(mut pieces: Iter<'a>) -> Self {
        let ahead = pieces.next();
        Self { pieces, ahead }
    }

    fn first(&self) -> Option<u128> {
        self.ahead.map(|(first, _, _)| first)
    }

    /// What this side holds from `chunk` on, and up to where, if it changes there at all.
    fn cover(&self, chunk: u128) -> (Cover<'a>, Option<u128>) {
        match self.ahead {
            Some((first, last, cover)) if first <= chunk => (cover, Some(last)),
            Some((first, _, _)) => (Cover::Absent, Some(first - 1)),
            None => (Cover::Absent, None),
        }
    }

    /// Leaves everything up to `chunk` behind.
    fn pass(&mut self, chunk: u128) {
        match &mut self.ahead {
            Some((_, last, _)) if *last <= chunk => self.ahead = self.pieces.next(),
            Some((first, _, _)) if *first <= chunk => *first = chunk + 1,
            _ => {}
        }
    }
}

/// The segments in which at least one of the sets holds something, in order.
fn segments<'a>(left: &'a Pieces, right: &'a Pieces) -> impl Iterator<Item = Segment<'a>> {
    let mut left = Side::new(left.iter());
    let mut right = Side::new(right.iter());
    std::iter::from_fn(move || {
        let first = left.first().into_iter().chain(right.first()).min()?;
        let (left_cover, left_last) = left.cover(first);
        let (right_cover, right_last) = right.cover(first);
        let last = left_last.into_iter().chain(right_last).min()?;
        left.pass(last);
        right.pass(last);
        Some(Segment { first, last, left: left_cover, right: right_cover })
    })
}

pub(super) fn union(left: &Pieces, right: &Pieces) -> Pieces {
    let mut result = Builder::default();
    for Segment { first, last, left, right } in segments(left, right) {
        match (left, right) {
            (Cover::Full, _) | (_, Cover::Full) => result.full(first, last),
            (Cover::Part(a), Cover::Part(b)) => result.part(first, a | b),
            (Cover::Part(only), Cover::Absent) | (Cover::Absent, Cover::Part(only)) => {
                result.part(first, only.clone());
            }
            (Cover::Absent, Cover::Absent) => {}
        }
    }
    result.build()
}

pub(super) fn intersection(left: &Pieces, right: &Pieces) -> Pieces {
    let mut result = Builder::default();
    for Segment { first, last, left, right } in segments(left, right) {
        match (left, right) {
            (Cover::Full, Cover::Full) => result.full(first, last),
            (Cover::Part(a), Cover::Part(b)) => result.part(first, a & b),
            (Cover::Part(only), Cover::Full) | (Cover::Full, Cover::Part(only)) => {
                result.part(first, only.clone());
            }
            (Cover::Absent, _) | (_, Cover::Absent) => {}
        }
    }
    result.build()
}

pub(super) fn difference(left: &Pieces, right: &Pieces) -> Pieces {
    let mut result = Builder::default();
    for Segment { first, last, left, right } in segments(left, right) {
        match (left, right) {
            (Cover::Full, Cover::Absent) => result.full(first, last),
            (Cover::Full, Cover::Part(taken)) => result.part(first, full_bitmap() - taken),
            (Cover::Part(a), Cover::Part(taken)) => result.part(first, a - taken),
            (Cover::Part(only), Cover::Absent) => result.part(first, only.clone()),
            (Cover::Absent, _) | (_, Cover::Full) => {}
        }
    }
    result.build()
}

pub(super) fn is_subset(left: &Pieces, right: &Pieces) -> bool {
    segments(left, right).all(|segment| match (segment.left, segment.right) {
        (Cover::Absent, _) | (_, Cover::Full) => true,
        (Cover::Part(a), Cover::Part(b)) => a.is_subset(b),
        (Cover::Full, _) | (Cover::Part(_), Cover::Absent) => false,
    })
}

pub(super) fn is_disjoint(left: &Pieces, right: &Pieces) -> bool {
    segments(left, right).all(|segment| match (segment.left, segment.right) {
        (Cover::Absent, _) | (_, Cover::Absent) => true,
        (Cover::Part(a), Cover::Part(b)) => a.is_disjoint(b),
        (Cover::Full, _) | (_, Cover::Full) => false,
    })
}
