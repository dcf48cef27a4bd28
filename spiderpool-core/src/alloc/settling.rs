//! Missing plans: where many requests find at once that a pool has no plan yet, one of them settles it.

use std::{collections::hash_map::Entry, time::Duration};

use parking_lot::Mutex;

use crate::{
    hash::{Map, Seed},
    model::PlanId,
    time::Moment,
};

/// How long a request that settles a plan is waited for: should it be cut off, the next one takes its place.
const PATIENCE: Duration = Duration::from_millis(100);

/// Whose turn it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// Nobody else is at it.
    Mine,
    /// Another request is.
    Others,
}

/// The missing plans that somebody here is settling, and since when.
#[derive(Debug)]
pub(super) struct Settling(Mutex<Map<PlanId, Moment>>);

impl Settling {
    pub(super) fn new(seed: Seed) -> Self {
        Self(Mutex::new(Map::with_hasher(seed)))
    }

    /// Who settles `plan` now.
    pub(super) fn turn(&self, plan: PlanId, now: Moment) -> Turn {
        let mut settling = self.0.lock();
        settling.retain(|_, since| now < since.after(PATIENCE));
        match settling.entry(plan) {
            Entry::Vacant(nobody) => {
                nobody.insert(now);
                Turn::Mine
            }
            Entry::Occupied(_) => Turn::Others,
        }
    }
}
