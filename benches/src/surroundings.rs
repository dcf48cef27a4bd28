//! Surroundings in which every run is the same.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use spiderpool_core::{
    env::{BoxFuture, Clock, Entropy, Env, Timer},
    time::{Moment, Timestamp},
};

/// A sequence of numbers that look random and are the same in every run: SplitMix64 (Steele, Lea, Flood, 2014).
#[derive(Debug)]
pub struct Numbers(AtomicU64);

impl Numbers {
    /// The sequence that begins with `seed`.
    #[must_use]
    pub const fn from(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next number.
    pub fn next(&self) -> u64 {
        let mut z =
            self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next number below `bound`; 0 for the bound 0.
    pub fn below(&self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }
}

impl Entropy for Numbers {
    fn next_u64(&self) -> u64 {
        self.next()
    }
}

/// The wall clock stands still: no cool-down ends and no verdict grows old while something is measured. The monotonic
/// one moves at each look, so that what an allocator remembers for an hour (the ends of containers) is that of a node
/// with a few DELs a second, not that of all operations since the start.
#[derive(Debug, Default)]
struct Steps(AtomicU64);

/// Milliseconds from one look at the monotonic clock to the next.
const STEP: u64 = 100;

impl Clock for Steps {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_767_225_600_000)
    }

    fn monotonic(&self) -> Moment {
        Moment::from_millis(1_000_000 + self.0.fetch_add(STEP, Ordering::Relaxed))
    }
}

/// Nothing that is measured waits; whoever does goes on at once.
#[derive(Debug)]
struct AtOnce;

impl Timer for AtOnce {
    fn sleep(&self, _: Duration) -> BoxFuture<()> {
        Box::pin(std::future::ready(()))
    }
}

/// A clock that moves by itself, no waiting, and numbers from a seed.
#[must_use]
pub fn fixed() -> Env {
    Env {
        clock: Arc::new(Steps::default()),
        timer: Arc::new(AtOnce),
        entropy: Arc::new(Numbers::from(20_260_101)),
    }
}
