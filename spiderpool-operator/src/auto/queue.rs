//! Which applications are to be looked at, and when. Each at one place at a time.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    hash::Hash,
    time::Duration,
};

use tokio::time::Instant;

/// The first pause before something that failed is tried again; it doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A queue without duplicates: what is added while it is being looked at is looked at once more afterwards.
#[derive(Debug)]
pub(super) struct Queue<T> {
    due: BTreeSet<(Instant, T)>,
    at: HashMap<T, Instant>,
    running: HashSet<T>,
    again: HashSet<T>,
    failures: HashMap<T, u32>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            due: BTreeSet::new(),
            at: HashMap::new(),
            running: HashSet::new(),
            again: HashSet::new(),
            failures: HashMap::new(),
        }
    }
}

/// What became of a look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Looked {
    /// There is nothing more to do until something changes.
    Done,
    /// To be looked at again without anybody saying so; the pause grows each time.
    Again,
}

impl<T: Clone + Eq + Hash + Ord> Queue<T> {
    /// To be looked at as soon as possible.
    pub(super) fn add(&mut self, item: T, now: Instant) {
        if self.running.contains(&item) {
            self.again.insert(item);
            return;
        }
        self.put(item, now);
    }

    fn put(&mut self, item: T, when: Instant) {
        match self.at.get(&item) {
            Some(earlier) if *earlier <= when => return,
            Some(later) => drop(self.due.remove(&(*later, item.clone()))),
            None => {}
        }
        self.at.insert(item.clone(), when);
        self.due.insert((when, item));
    }

    /// What is to be looked at now; it counts as being looked at until [`Queue::done`].
    pub(super) fn take(&mut self, now: Instant) -> Option<T> {
        let first = self.due.first().filter(|(when, _)| *when <= now)?.clone();
        self.due.remove(&first);
        self.at.remove(&first.1);
        self.running.insert(first.1.clone());
        Some(first.1)
    }

    /// When something is due next.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.first().map(|(when, _)| *when)
    }

    /// The look at `item` is over.
    pub(super) fn done(&mut self, item: &T, looked: Looked, now: Instant) {
        self.running.remove(item);
        match looked {
            Looked::Done => drop(self.failures.remove(item)),
            Looked::Again => {
                let failures = self.failures.entry(item.clone()).or_default();
                let pause = PAUSE.saturating_mul(1 << (*failures).min(8)).min(LONGEST_PAUSE);
                *failures += 1;
                self.put(item.clone(), now + pause);
            }
        }
        if self.again.remove(item) {
            self.put(item.clone(), now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_looked_at_in_one_place_and_once_more_if_it_changed_meanwhile() {
        let now = Instant::now();
        let mut queue = Queue::default();
        for item in [1, 2, 1] {
            queue.add(item, now);
        }
        assert_eq!([queue.take(now), queue.take(now), queue.take(now)], [Some(1), Some(2), None]);
        queue.add(1, now);
        assert_eq!(queue.take(now), None, "it is being looked at");
        queue.done(&1, Looked::Done, now);
        assert_eq!(queue.take(now), Some(1));
        queue.done(&1, Looked::Done, now);
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn what_failed_waits_longer_each_time_unless_something_changes() {
        let mut now = Instant::now();
        let mut queue = Queue::default();
        queue.add(1, now);
        let mut pauses = Vec::new();
        for _ in 0..9 {
            assert_eq!(queue.take(now), Some(1));
            queue.done(&1, Looked::Again, now);
            let next = queue.next().unwrap();
            pauses.push((next - now).as_millis());
            now = next;
        }
        assert_eq!(pauses, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
        let earlier = now - Duration::from_secs(1);
        queue.add(1, earlier);
        assert_eq!(queue.take(earlier), Some(1));
        queue.done(&1, Looked::Done, now);
        queue.add(1, now);
        queue.take(now);
        queue.done(&1, Looked::Again, now);
        assert_eq!(queue.next(), Some(now + PAUSE), "it went well in between");
    }
}
