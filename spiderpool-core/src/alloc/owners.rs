//! One request of an owner at a time, as a whole; and which containers are gone (rule 7).

use std::{collections::VecDeque, sync::Arc, time::Duration};

use parking_lot::Mutex;

use super::{
    driver::until,
    lock::{AsyncMutex, MutexGuardArc},
};
use crate::{
    env::Env,
    hash::{Map, Seed},
    mutation::Mutation,
    name::{ContainerId, OwnerUid},
    time::Moment,
};

/// How long a container's end is remembered: longer than any request for it can still be under way.
const MEMORY: Duration = Duration::from_secs(3600);

/// Containers and when each was marked last. A mark costs the same however many there are.
#[derive(Debug)]
struct Gone {
    marked: Map<ContainerId, Moment>,
    /// In the order of the marks; one that was renewed stands here again.
    order: VecDeque<(Moment, ContainerId)>,
}

#[derive(Debug)]
struct Turns {
    taken: Map<OwnerUid, Arc<AsyncMutex<()>>>,
    /// Idle ones, for whoever comes next: most requests are alone.
    spare: Vec<Arc<AsyncMutex<()>>>,
}

/// How many idle locks are kept: as many as are used at once in a burst.
const SPARE: usize = 64;

#[derive(Debug)]
pub(super) struct Owners {
    turns: Mutex<Turns>,
    gone: Mutex<Gone>,
}

/// An owner's turn; ends when dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    owners: &'a Owners,
    owner: OwnerUid,
    guard: Option<MutexGuardArc<()>>,
}

impl Owners {
    pub(super) fn new(seed: Seed) -> Self {
        let gone = Gone { marked: Map::with_hasher(seed), order: VecDeque::new() };
        let turns = Turns { taken: Map::with_hasher(seed), spare: Vec::new() };
        Self { turns: Mutex::new(turns), gone: Mutex::new(gone) }
    }

    /// Waits for `owner`'s turn; none if it does not come by `deadline`.
    pub(super) async fn turn(&self, env: &Env, owner: &OwnerUid, deadline: Moment) -> Option<Turn<'_>> {
        let lock = {
            let mut turns = self.turns.lock();
            let Turns { taken, spare } = &mut *turns;
            taken.entry(owner.clone()).or_insert_with(|| spare.pop().unwrap_or_default()).clone()
        };
        let mut turn = Turn { owners: self, owner: owner.clone(), guard: None };
        if Mutation::UnorderedRequests.active() {
            return Some(turn);
        }
        turn.guard = Some(until(env, deadline, lock.lock_arc()).await?);
        Some(turn)
    }

    /// Marks `container` gone: an ADD for it that comes later is refused.
    pub(super) fn mark_gone(&self, container: &ContainerId, moment: Moment) {
        let mut gone = self.gone.lock();
        while let Some((since, _)) = gone.order.front()
            && since.after(MEMORY) <= moment
            && let Some((since, old)) = gone.order.pop_front()
        {
            if gone.marked.get(&old) == Some(&since) {
                gone.marked.remove(&old);
            }
        }
        if gone.marked.insert(container.clone(), moment) != Some(moment) {
            gone.order.push_back((moment, container.clone()));
        }
    }

    /// Whether `container` was marked gone. To be asked in the owner's turn.
    pub(super) fn is_gone(&self, container: &ContainerId) -> bool {
        self.gone.lock().marked.contains_key(container) && !Mutation::UnfencedAdd.active()
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut turns = self.owners.turns.lock();
        self.guard = None;
        // Ours is the map's: nobody else waits.
        if turns.taken.get(&self.owner).is_some_and(|lock| Arc::strong_count(lock) == 1)
            && let Some(idle) = turns.taken.remove(&self.owner)
            && turns.spare.len() < SPARE
        {
            turns.spare.push(idle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_remembered_for_their_time_and_then_forgotten() {
        let owners = Owners::new(Seed(7));
        let container = |n: u64| ContainerId::new(format!("c{n}")).unwrap();
        let start = Moment::from_millis(0);
        for n in 0..10 {
            owners.mark_gone(&container(n), start);
        }
        // The DEL of one of them comes again.
        owners.mark_gone(&container(3), start.after(MEMORY / 2));
        owners.mark_gone(&container(10), start.after(MEMORY));
        let remembered: Vec<u64> = (0..=10).filter(|n| owners.is_gone(&container(*n))).collect();
        assert_eq!(remembered, [3, 10]);
        assert_eq!(owners.gone.lock().order.len(), 2);
    }
}
