//! What goes wrong, how often, and when exactly.

use std::{collections::BTreeMap, time::Duration};

/// One thing that goes wrong with one write. A read can only fail, whichever of these befalls it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fault {
    /// Nothing was written, and the caller is told so: `Unavailable`.
    Before,
    /// It was written, but the caller is not told: `UnknownOutcome`.
    After,
    /// Nothing was written, and the caller is not told: `UnknownOutcome`.
    Lost,
    /// Like [`Fault::Lost`], but the write is on its way: it reaches the store when this many further operations
    /// have begun, or at [`super::FaultStore::land`].
    Late(u32),
}

/// How often things go wrong, as probabilities from 0 to 1, drawn from a seed: the same operations in the same order
/// meet the same faults. [`FaultPlan::default`] is no faults at all.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct FaultPlan {
    /// Where the draws begin.
    pub seed: u64,
    /// Of a write: [`Fault::Before`].
    pub before: f64,
    /// Of a write: [`Fault::After`].
    pub after: f64,
    /// Of a write: [`Fault::Lost`].
    pub lost: f64,
    /// Of a write: [`Fault::Late`].
    pub late: f64,
    /// The most operations by which a late write is late.
    pub late_by: u32,
    /// Of a read or a listing: it fails.
    pub reads: f64,
    /// Of the beginning of a watch and of each of its changes: it fails, and the watch is over.
    pub watches: f64,
    /// Of any operation: it waits first, and once more before it answers. Needs [`super::FaultStore::with_timer`].
    pub delay: f64,
    /// The longest wait.
    pub delay_up_to: Duration,
}

/// The next number of SplitMix64 (Steele, Lea, Flood 2014): small, seedable, good enough to draw faults.
pub(crate) fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The numbers that follow on a seed.
#[derive(Clone, Debug)]
pub(super) struct Draws(pub(super) u64);

impl Draws {
    pub(super) fn next(&mut self) -> u64 {
        splitmix(&mut self.0)
    }

    /// From 0 up to 1.
    pub(super) fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// From 1 to `most`; 0 if that is 0.
    fn up_to(&mut self, most: u64) -> u64 {
        let drawn = self.next();
        if most == 0 { 0 } else { 1 + drawn % most }
    }
}

/// The kinds of operations, as faults tell them apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operation {
    Read,
    Write,
    Watch,
}

/// What was decided about one operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Verdict {
    pub(super) fault: Option<Fault>,
    pub(super) delays: [Option<Duration>; 2],
}

/// How many operations there were, and what was done to them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct FaultCounts {
    /// Reads, writes and watches begun.
    pub operations: u64,
    /// Reads and listings among them.
    pub reads: u64,
    /// Creations, updates and deletions among them.
    pub writes: u64,
    /// Operations that failed without effect, and said so.
    pub before: u64,
    /// Writes that took effect and did not say so.
    pub after: u64,
    /// Writes that took no effect and did not say so.
    pub lost: u64,
    /// Writes sent on a detour.
    pub late: u64,
}

/// The faults to come: drawn ones and scripted ones.
#[derive(Debug)]
pub(super) struct Decisions {
    pub(super) plan: FaultPlan,
    draws: Draws,
    pub(super) counts: FaultCounts,
    /// Scripted faults by the number of the write, or read, that meets them.
    pub(super) writes: BTreeMap<u64, Fault>,
    pub(super) reads: BTreeMap<u64, Fault>,
    /// From this operation on everything fails; what befalls that one itself.
    pub(super) crash: Option<(u64, Fault)>,
}

impl Decisions {
    pub(super) fn new(plan: FaultPlan) -> Self {
        let (writes, reads) = (BTreeMap::new(), BTreeMap::new());
        Self { plan, draws: Draws(plan.seed), counts: FaultCounts::default(), writes, reads, crash: None }
    }

    pub(super) fn crashed(&self) -> bool {
        self.crash.is_some_and(|(from, _)| self.counts.operations >= from)
    }

    /// Every operation takes the same number of draws, so that a script does not shift what the seed says of the
    /// operations around it.
    pub(super) fn decide(&mut self, operation: Operation) -> Verdict {
        let plan = self.plan;
        self.counts.operations += 1;
        let (luck, lateness) = (self.draws.fraction(), self.draws.up_to(plan.late_by.into()));
        let delays = [(); 2].map(|()| {
            let (waits, millis) =
                (self.draws.fraction(), self.draws.up_to(plan.delay_up_to.as_millis() as u64));
            (waits < plan.delay).then(|| Duration::from_millis(millis))
        });
        let (scripted, drawn) = match operation {
            Operation::Read => {
                self.counts.reads += 1;
                (self.reads.remove(&self.counts.reads), (luck < plan.reads).then_some(Fault::Before))
            }
            Operation::Watch => (None, (luck < plan.watches).then_some(Fault::Before)),
            Operation::Write => {
                self.counts.writes += 1;
                let late = Fault::Late(u32::try_from(lateness).unwrap_or(u32::MAX));
                let steps = [
                    (plan.before, Fault::Before),
                    (plan.after, Fault::After),
                    (plan.lost, Fault::Lost),
                    (plan.late, late),
                ];
                let mut below = 0.0;
                let drawn = steps.into_iter().find(|(chance, _)| {
                    below += chance;
                    luck < below
                });
                (self.writes.remove(&self.counts.writes), drawn.map(|(_, fault)| fault))
            }
        };
        let crash = match self.crash {
            Some((from, fault)) if self.counts.operations == from => Some(fault),
            Some((from, _)) if self.counts.operations > from => Some(Fault::Before),
            _ => None,
        };
        let fault = crash.or(scripted).or(drawn);
        match (operation, fault) {
            (_, None) => {}
            (Operation::Write, Some(Fault::After)) => self.counts.after += 1,
            (Operation::Write, Some(Fault::Lost)) => self.counts.lost += 1,
            (Operation::Write, Some(Fault::Late(_))) => self.counts.late += 1,
            (_, Some(_)) => self.counts.before += 1,
        }
        Verdict { fault, delays }
    }
}
