//! One request of an owner at a time, as a whole; and which containers are gone (rule 7).

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_lock::{Mutex as AsyncMutex, MutexGuardArc};
use parking_lot::Mutex;

use crate::{
    name::{ContainerId, OwnerUid},
    time::Moment,
};

/// How long a container's end is remembered: longer than any request for it can still be under way.
const MEMORY: Duration = Duration::from_secs(3600);
/// From how many on the old ones are looked for.
const SWEEP_AT: usize = 8192;

#[derive(Debug, Default)]
pub(super) struct Owners {
    turns: Mutex<HashMap<OwnerUid, Arc<AsyncMutex<()>>>>,
    gone: Mutex<HashMap<ContainerId, Moment>>,
}

/// An owner's turn; ends when dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    owners: &'a Owners,
    owner: OwnerUid,
    guard: Option<MutexGuardArc<()>>,
}

impl Owners {
    /// Waits for `owner`'s turn.
    pub(super) async fn turn(&self, owner: &OwnerUid) -> Turn<'_> {
        let lock = self.turns.lock().entry(owner.clone()).or_default().clone();
        let mut turn = Turn { owners: self, owner: owner.clone(), guard: None };
        turn.guard = Some(lock.lock_arc().await);
        turn
    }

    /// Marks `container` gone: an ADD for it that comes later is refused.
    pub(super) fn mark_gone(&self, container: &ContainerId, moment: Moment) {
        let mut gone = self.gone.lock();
        if gone.len() >= SWEEP_AT {
            gone.retain(|_, since| since.after(MEMORY) > moment);
        }
        gone.insert(container.clone(), moment);
    }

    /// Whether `container` was marked gone. To be asked in the owner's turn.
    pub(super) fn is_gone(&self, container: &ContainerId) -> bool {
        self.gone.lock().contains_key(container)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut turns = self.owners.turns.lock();
        self.guard = None;
        // Ours is the map's: nobody else waits.
        if turns.get(&self.owner).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            turns.remove(&self.owner);
        }
    }
}
