//! Sets of addresses against a model that can be seen to be right.

use arbitrary::{Arbitrary, Result, Unstructured};
use spiderpool_core::addr::{Address, AddressRange, Family, IpSet};

/// Any sequence of changes to two sets.
///
/// Law: after each change, every question that a set answers is answered as the model answers it.
///
/// The model: a handful of addresses is drawn first, and only they begin or end a range. So the address space falls
/// into segments, each such address and each gap between two of them, and a segment is in a set as a whole or not at
/// all. A set is one `bool` per segment, and the algebra is that of `bool`.
pub fn ip_set(data: &[u8]) {
    // Too few bytes only mean a shorter sequence.
    let _ = run(&mut Unstructured::new(data));
}

fn run(input: &mut Unstructured<'_>) -> Result<()> {
    let family = if input.arbitrary()? { Family::V4 } else { Family::V6 };
    let world = World::draw(family, input)?;
    let mut pair = [Subject::empty(&world), Subject::empty(&world)];
    while !input.is_empty() {
        let [this, other] = &mut pair;
        match input.arbitrary::<Change>()? {
            Change::InsertRange(a, b) => {
                let (from, to) = world.ends(a, b);
                this.set.insert_range(&world.between(from, to));
                this.model[2 * from..=2 * to].fill(true);
            }
            Change::RemoveRange(a, b) => {
                let (from, to) = world.ends(a, b);
                this.set.remove_range(&world.between(from, to));
                this.model[2 * from..=2 * to].fill(false);
            }
            Change::Insert(a) => {
                let (at, _) = world.ends(a, a);
                assert_eq!(this.set.insert(world.address(at)), !this.model[2 * at]);
                this.model[2 * at] = true;
            }
            Change::Remove(a) => {
                let (at, _) = world.ends(a, a);
                assert_eq!(this.set.remove(world.address(at)), this.model[2 * at]);
                this.model[2 * at] = false;
            }
            Change::Unite => this.combine(other, IpSet::union, |a, b| a || b),
            Change::Subtract => this.combine(other, IpSet::difference, |a, b| a && !b),
            Change::Intersect => this.combine(other, IpSet::intersection, |a, b| a && b),
            Change::Complement => {
                this.set = this.set.complement();
                this.model.iter_mut().for_each(|held| *held = !*held);
            }
            Change::Swap => pair.swap(0, 1),
        }
        let [this, other] = &pair;
        this.check(&world);
        let both = || this.model.iter().zip(&other.model).enumerate();
        let shared = both().any(|(segment, (a, b))| *a && *b && world.len(segment) > 0);
        assert_eq!(this.set.is_disjoint(&other.set), !shared);
        let beyond = both().any(|(segment, (a, b))| *a && !*b && world.len(segment) > 0);
        assert_eq!(this.set.is_subset(&other.set), !beyond);
    }
    Ok(())
}

/// A change to the first of the two sets. Numbers choose one of the addresses drawn.
#[derive(Arbitrary, Debug)]
enum Change {
    InsertRange(u8, u8),
    RemoveRange(u8, u8),
    Insert(u8),
    Remove(u8),
    Unite,
    Subtract,
    Intersect,
    Complement,
    Swap,
}

/// The addresses drawn, ascending. Segment 2 i is the i-th of them, segment 2 i + 1 the gap after it.
struct World {
    family: Family,
    points: Vec<u128>,
}

impl World {
    /// The lowest and the highest address of the family, and a few more: anywhere, close to each other, and at the
    /// borders of the chunks of 2^16 addresses that a set is kept in.
    fn draw(family: Family, input: &mut Unstructured<'_>) -> Result<Self> {
        let mut points = vec![0, family.max()];
        for _ in 0..input.int_in_range(1..=10)? {
            let last = points[points.len() - 1];
            let chosen = match input.int_in_range(0..=4)? {
                0 => input.arbitrary::<u128>()?,
                1 => last.wrapping_add(u128::from(input.arbitrary::<u8>()?)),
                2 => last.wrapping_sub(u128::from(input.arbitrary::<u8>()?)),
                3 => (last | 0xffff).wrapping_add(u128::from(input.arbitrary::<bool>()?)),
                _ => last.wrapping_add(u128::from(input.arbitrary::<u8>()?) << 16) & !0xffff,
            };
            points.push(chosen & family.max());
        }
        points.sort_unstable();
        points.dedup();
        Ok(Self { family, points })
    }

    /// Two numbers as the indices of two points, in order.
    fn ends(&self, a: u8, b: u8) -> (usize, usize) {
        let (a, b) = (usize::from(a) % self.points.len(), usize::from(b) % self.points.len());
        (a.min(b), a.max(b))
    }

    fn address(&self, point: usize) -> Address {
        at(self.family, self.points[point])
    }

    fn between(&self, from: usize, to: usize) -> AddressRange {
        range(self.family, self.points[from], self.points[to])
    }

    /// The first and the last address of a segment; none if it is a gap between neighbours.
    fn bounds(&self, segment: usize) -> Option<(u128, u128)> {
        let point = self.points[segment / 2];
        if segment.is_multiple_of(2) {
            return Some((point, point));
        }
        let next = self.points[segment / 2 + 1];
        (next - point > 1).then(|| (point + 1, next - 1))
    }

    /// The number of addresses of a segment. None is all of IPv6, because its ends are always points.
    fn len(&self, segment: usize) -> u128 {
        self.bounds(segment).map_or(0, |(first, last)| last - first + 1)
    }
}

/// A set and what it should be.
struct Subject {
    set: IpSet,
    model: Vec<bool>,
}

impl Subject {
    fn empty(world: &World) -> Self {
        Self { set: IpSet::new(world.family), model: vec![false; 2 * world.points.len() - 1] }
    }

    fn combine(&mut self, other: &Self, set: fn(&IpSet, &IpSet) -> IpSet, model: fn(bool, bool) -> bool) {
        self.set = set(&self.set, &other.set);
        for (this, &other) in self.model.iter_mut().zip(&other.model) {
            *this = model(*this, other);
        }
    }

    /// The runs of addresses that the model holds, as long as they can be.
    fn runs(&self, world: &World) -> Vec<(u128, u128)> {
        let mut runs: Vec<(u128, u128)> = Vec::new();
        for segment in (0..self.model.len()).filter(|&segment| self.model[segment]) {
            let Some((first, last)) = world.bounds(segment) else { continue };
            match runs.last_mut() {
                Some((_, end)) if first.checked_sub(1) == Some(*end) => *end = last,
                _ => runs.push((first, last)),
            }
        }
        runs
    }

    fn check(&self, world: &World) {
        let Self { set, model } = self;
        let family = world.family;
        let runs = self.runs(world);
        let ranges: Vec<AddressRange> =
            runs.iter().map(|&(first, last)| range(family, first, last)).collect();
        assert_eq!(set.ranges().collect::<Vec<_>>(), ranges);
        let len = runs
            .iter()
            .fold(0u128, |sum, (first, last)| sum.saturating_add((last - first).saturating_add(1)));
        assert_eq!(set.len_saturating(), len);
        assert_eq!(set.is_empty(), runs.is_empty());
        assert_eq!(set.first(), ranges.first().map(AddressRange::first));
        assert_eq!(set.last(), ranges.last().map(AddressRange::last));
        assert_eq!(IpSet::from_ranges(family, ranges.iter().rev().copied()).as_ref(), Ok(set));
        for (segment, &held) in model.iter().enumerate() {
            let Some((first, last)) = world.bounds(segment) else { continue };
            assert_eq!(set.contains_range(&range(family, first, last)), held);
            for value in [first, last] {
                self.check_at(family, value, &runs);
            }
        }
    }

    /// What the set says about one address.
    fn check_at(&self, family: Family, value: u128, runs: &[(u128, u128)]) {
        let set = &self.set;
        let address = at(family, value);
        let around = runs.iter().find(|(first, last)| (*first..=*last).contains(&value));
        assert_eq!(set.contains(address), around.is_some());
        let next =
            runs.iter().find(|(_, last)| *last >= value).map(|(first, _)| at(family, value.max(*first)));
        assert_eq!(set.next_at_or_after(address), next);
        let absent = match around {
            None => Some(address),
            Some((_, last)) => at(family, *last).checked_add(1),
        };
        assert_eq!(set.next_absent_at_or_after(address), absent);
        let below = runs.iter().filter(|(first, _)| *first < value);
        let rank = below.map(|(first, last)| (value - 1).min(*last) - first + 1).sum::<u128>();
        assert_eq!(set.rank(address), rank);
        assert_eq!(set.nth(rank), next);
    }
}

/// The address with this value, which fits the family.
fn at(family: Family, value: u128) -> Address {
    Address::new(family, value).unwrap_or_else(|| unreachable!("{value:x} is within {family}"))
}

/// The range between these values, which are in order.
fn range(family: Family, first: u128, last: u128) -> AddressRange {
    AddressRange::new(at(family, first), at(family, last)).unwrap_or_else(|error| unreachable!("{error}"))
}
