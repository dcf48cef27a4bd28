//! What is to be looked at when, and again after longer and longer pauses.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

/// The first pause: pods may still be declared.
const AGAIN: Duration = Duration::from_secs(2);
/// Each pause is twice the one before, up to this.
const LONGEST: Duration = Duration::from_secs(60);

/// How long to wait before the next look, if this one is not enough.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Pause(Duration);

/// Things that are due, each at a time of its own.
#[derive(Debug)]
pub(super) struct Due<K>(BTreeMap<K, (Instant, Pause)>);

impl<K> Default for Due<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord> Due<K> {
    /// There is news of it: it is due now.
    pub(super) fn add(&mut self, key: K) {
        self.0.insert(key, (Instant::now(), Pause(AGAIN)));
    }

    /// All that are due, once one is; never, where there is none. Cancellation: they stay due.
    pub(super) async fn next(&mut self) -> Vec<(K, Pause)> {
        match self.0.values().map(|(when, _)| *when).min() {
            Some(first) => tokio::time::sleep_until(first).await,
            None => std::future::pending().await,
        }
        let now = Instant::now();
        self.0.extract_if(.., |_, (when, _)| *when <= now).map(|(key, (_, pause))| (key, pause)).collect()
    }

    /// It is not done: it is due after this pause, unless there was news of it meanwhile.
    pub(super) fn again(&mut self, key: K, Pause(pause): Pause) {
        let next = Pause((pause * 2).min(LONGEST));
        self.0.entry(key).or_insert((Instant::now() + pause, next));
    }

    /// The same, until the pauses are as long as they get.
    pub(super) fn again_for_a_while(&mut self, key: K, pause: Pause) {
        if pause.0 < LONGEST {
            self.again(key, pause);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow() {
        let (mut due, mut seen) = (Due::default(), Vec::new());
        due.add("node");
        let begun = Instant::now();
        while seen.len() < 8 {
            for (node, pause) in due.next().await {
                seen.push(begun.elapsed().as_secs());
                due.again(node, pause);
            }
        }
        assert_eq!(seen, [0, 2, 6, 14, 30, 62, 122, 182]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_due_at_once_comes_at_once() {
        let mut due = Due::default();
        ["a", "b", "c"].into_iter().for_each(|key| due.add(key));
        tokio::time::advance(Duration::from_secs(1)).await;
        let all = due.next().await;
        assert_eq!(all.iter().map(|(key, _)| *key).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(due.0.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn some_are_given_up_and_news_begins_anew() {
        let mut due = Due::default();
        for _ in 0..2 {
            due.add("pod");
            let (begun, mut looks) = (Instant::now(), 0);
            while !due.0.is_empty() {
                for (pod, pause) in due.next().await {
                    looks += 1;
                    due.again_for_a_while(pod, pause);
                }
            }
            assert_eq!((looks, begun.elapsed().as_secs()), (6, 62));
        }
    }
}
