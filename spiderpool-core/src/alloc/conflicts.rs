//! How writes of blocks went: what they merged, and how often somebody else was faster.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::protocol::{Action, Intent};

/// Upper bounds of the classes of a [`Spread`]; what is above all of them is in the last class.
pub const SPREAD_BOUNDS: [u64; 7] = [0, 1, 2, 4, 8, 16, 32];

/// How small numbers are spread.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Spread {
    /// How many numbers there were in each class, not cumulated.
    pub counts: [u64; SPREAD_BOUNDS.len() + 1],
    /// The sum of all.
    pub sum: u64,
}

/// Writes of blocks since the allocator was opened, and those of them that were repeated because somebody else had changed
/// the block meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Conflicts {
    /// Repeated writes with a grant, or with an address taken over. A write that grants and releases counts for both.
    pub grants: u64,
    /// Repeated writes with a release.
    pub releases: u64,
    /// How many operations each write that was done had merged (rule 10).
    pub merged: Spread,
    /// How often each write that was done had to be repeated.
    pub repeats: Spread,
}

#[derive(Debug, Default)]
struct Counts {
    counts: [AtomicU64; SPREAD_BOUNDS.len() + 1],
    sum: AtomicU64,
}

impl Counts {
    fn add(&self, number: u64) {
        let class = SPREAD_BOUNDS.iter().position(|bound| number <= *bound).unwrap_or(SPREAD_BOUNDS.len());
        self.counts[class].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(number, Ordering::Relaxed);
    }

    fn now(&self) -> Spread {
        let mut spread = Spread { sum: self.sum.load(Ordering::Relaxed), ..Spread::default() };
        for (to, from) in spread.counts.iter_mut().zip(&self.counts) {
            *to = from.load(Ordering::Relaxed);
        }
        spread
    }
}

#[derive(Debug, Default)]
pub(super) struct Counted {
    grants: AtomicU64,
    releases: AtomicU64,
    merged: Counts,
    repeats: Counts,
}

impl Counted {
    /// A write for `intents` met somebody else's.
    pub(super) fn note<'a>(&self, intents: impl Iterator<Item = &'a Intent>) {
        let (mut grants, mut releases) = (false, false);
        for intent in intents {
            match intent.action {
                Action::Grant(_) | Action::Reattach(..) | Action::Probe(_) => grants = true,
                Action::Release(_) | Action::Withdraw(_) => releases = true,
                Action::Close(..) | Action::Install(_) => {}
            }
        }
        self.grants.fetch_add(grants.into(), Ordering::Relaxed);
        self.releases.fetch_add(releases.into(), Ordering::Relaxed);
    }

    /// A write of `merged` operations is done, after so many repetitions.
    pub(super) fn done(&self, merged: usize, repeats: u32) {
        self.merged.add(merged as u64);
        self.repeats.add(repeats.into());
    }

    pub(super) fn now(&self) -> Conflicts {
        let [grants, releases] = [&self.grants, &self.releases].map(|count| count.load(Ordering::Relaxed));
        Conflicts { grants, releases, merged: self.merged.now(), repeats: self.repeats.now() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fall_into_their_class() {
        let counted = Counted::default();
        for (merged, repeats) in [(1, 0), (1, 1), (3, 2), (4, 33), (1000, 0)] {
            counted.done(merged, repeats);
        }
        let now = counted.now();
        assert_eq!(now.merged, Spread { counts: [0, 2, 0, 2, 0, 0, 0, 1], sum: 1009 });
        assert_eq!(now.repeats, Spread { counts: [2, 1, 1, 0, 0, 0, 0, 1], sum: 36 });
    }
}
