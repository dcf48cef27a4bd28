//! The one source of chance.

use crate::store::splitmix;

/// Numbers from a seed.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        splitmix(&mut self.0)
    }

    /// From 0 to `n` − 1; 0 if `n` is 0.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        let drawn = self.next();
        // The upper half of the product: no division, and no preference that matters here.
        ((u128::from(drawn) * u128::from(n)) >> 64) as u64
    }

    pub(super) fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// From `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True in `percent` of 100 cases.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}
