//! One request of an owner at a time, as a whole; and which containers are gone (rule 7).

use std::{collections::HashSet, hash::BuildHasher, sync::Arc, time::Duration};

use parking_lot::Mutex;

use super::{
    driver::until,
    lock::{AsyncMutex, MutexGuardArc},
};
use crate::{
    env::Env,
    hash::{Map, Seed, mix},
    mutation::Mutation,
    name::{ContainerId, OwnerUid},
    time::Moment,
};

/// How long a container's end is remembered, at least: longer than any request for it can still be under way.
const MEMORY: Duration = Duration::from_secs(3600);

/// A container in 16 bytes. Should a new container have the same as one that is gone, its ADD is refused until the
/// runtime makes another sandbox; nothing worse comes of it, no address is granted twice or lost. With a million ends
/// remembered that happens to one ADD in 10^32, and under a key that is random for each process nobody can aim at it.
type Fingerprint = u128;

/// The containers that ended lately, in two generations of [`MEMORY`] each: an end is found in one of them for one to
/// two times as long. Forgetting drops a generation as a whole, so it reads nothing of what it forgets, which no cache
/// of the processor has had for an hour.
#[derive(Debug)]
struct Gone {
    keys: [Seed; 2],
    young: HashSet<Fingerprint, Seed>,
    old: HashSet<Fingerprint, Seed>,
    /// The beginning of `young`.
    since: Moment,
}

impl Gone {
    fn new(seed: Seed) -> Self {
        let keys = [seed, Seed(mix(!seed.0))];
        let (young, old) = (HashSet::with_hasher(seed), HashSet::with_hasher(seed));
        Self { keys, young, old, since: Moment::from_millis(0) }
    }

    fn fingerprint(&self, container: &ContainerId) -> Fingerprint {
        let [high, low] = self.keys.map(|key| u128::from(key.hash_one(container)));
        high << 64 | low
    }

    fn mark(&mut self, container: &ContainerId, moment: Moment) {
        if self.since.after(MEMORY) <= moment {
            // As many are likely to follow: room for them now, and none moves later.
            let room = self.young.len();
            let next = HashSet::with_capacity_and_hasher(room, *self.young.hasher());
            let ended = std::mem::replace(&mut self.young, next);
            // Where nothing was marked for that long, those are past their time too.
            let kept = self.since.after(MEMORY * 2) > moment;
            self.old = if kept { ended } else { HashSet::with_hasher(*ended.hasher()) };
            self.since = moment;
        }
        let fingerprint = self.fingerprint(container);
        self.young.insert(fingerprint);
    }

    fn has(&self, container: &ContainerId) -> bool {
        let fingerprint = self.fingerprint(container);
        self.young.contains(&fingerprint) || self.old.contains(&fingerprint)
    }
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
        let turns = Turns { taken: Map::with_hasher(seed), spare: Vec::new() };
        Self { turns: Mutex::new(turns), gone: Mutex::new(Gone::new(seed)) }
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
        self.gone.lock().mark(container, moment);
    }

    /// Whether `container` was marked gone. To be asked in the owner's turn.
    pub(super) fn is_gone(&self, container: &ContainerId) -> bool {
        self.gone.lock().has(container) && !Mutation::UnfencedAdd.active()
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
        let remembered =
            |all: u64| -> Vec<u64> { (0..all).filter(|n| owners.is_gone(&container(*n))).collect() };
        let start = Moment::from_millis(5_000_000);
        for n in 0..10 {
            owners.mark_gone(&container(n), start);
        }
        owners.mark_gone(&container(10), start.after(MEMORY - Duration::from_millis(1)));
        // The DEL of one of them comes again.
        owners.mark_gone(&container(3), start.after(MEMORY));
        assert_eq!(remembered(12), (0..=10).collect::<Vec<u64>>());
        owners.mark_gone(&container(11), start.after(MEMORY * 2));
        assert_eq!(remembered(12), [3, 11]);
        // After a long silence all are forgotten with the next mark.
        owners.mark_gone(&container(12), start.after(MEMORY * 4));
        assert_eq!(remembered(13), [12]);
    }

    #[test]
    fn an_end_is_never_forgotten_before_its_time() {
        let mut gone = Gone::new(Seed(7));
        let mut marks = Vec::new();
        let mut moment = Moment::from_millis(5_000_000);
        for n in 0..2_000_u64 {
            // Gaps from nothing to more than the memory.
            moment = moment.after(MEMORY / 1_000 * (mix(n) % 1_100) as u32 * u32::from(n % 5 == 0));
            let container = ContainerId::new(format!("c{n}")).unwrap();
            gone.mark(&container, moment);
            marks.push((container, moment));
            for (container, marked) in marks.iter().rev().take(40) {
                let due = marked.after(MEMORY) >= moment;
                assert!(!due || gone.has(container), "{container} at {marked:?}, forgotten at {moment:?}");
            }
        }
        assert!(!gone.has(&marks[0].0));
    }
}
