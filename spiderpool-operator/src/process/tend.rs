//! When the leader looks at what edits and crashes left half-done: soon after an object was made, changed or deleted, while one
//! waits for its addresses to be free, and now and then, as a crash tells nobody.

use std::{collections::BTreeMap, time::Duration};

use spiderpool_core::{
    alloc::Allocator,
    api::ObjectMeta,
    store::{Document, Key, Kind},
};
use tokio::{sync::mpsc, task::JoinSet, time::Instant};

use crate::objects::ObjectNews;

/// After a change, so that many are one look.
const GATHER: Duration = Duration::from_secs(1);
/// The shortest time from one look to the next, and the one while something waits.
const SOON: Duration = Duration::from_secs(5);
/// The longest.
const SELDOM: Duration = Duration::from_secs(60);

/// The kinds of objects that it hears of.
pub(super) const KINDS: &[Kind] = &[Kind::Pool, Kind::Subnet, Kind::Reservation];

/// Looks for ever; until nobody tells news any more.
pub(super) async fn tend(allocator: Allocator, mut news: mpsc::Receiver<ObjectNews>) {
    let mut known = Known::default();
    let mut looks = JoinSet::new();
    let (mut begun, mut due) = (None, Instant::now());
    loop {
        tokio::select! {
            heard = news.recv() => match heard {
                Some(news) if known.hear(&news) => {
                    let soon = Instant::now() + GATHER;
                    due = due.min(begun.map_or(soon, |begun: Instant| soon.max(begun + SOON)));
                }
                Some(_) => {}
                None => return,
            },
            () = tokio::time::sleep_until(due), if looks.is_empty() => {
                looks.spawn(look(allocator.clone()));
                begun = Some(Instant::now());
                due = Instant::now() + SELDOM;
            }
            Some(looked) = looks.join_next() => {
                let again = looked.unwrap_or(Left::Something);
                if again == Left::Something || known.any_terminating() {
                    due = due.min(Instant::now() + SOON);
                }
            }
        }
    }
}

/// What a look left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Left {
    Nothing,
    /// It did something, on which more may hang, or could not do it.
    Something,
}

async fn look(allocator: Allocator) -> Left {
    match allocator.tend_objects().await {
        Ok(tended) => {
            for object in &tended.deleted {
                tracing::info!(%object, "its deletion is finished");
            }
            for plan in tended.settled.iter().chain(&tended.buried) {
                tracing::info!(%plan, "settled");
            }
            if tended == Default::default() { Left::Nothing } else { Left::Something }
        }
        Err(error) => {
            tracing::warn!(%error, "what edits left half-done could not be finished; the next pass goes on");
            Left::Something
        }
    }
}

/// The objects, as far as their specs and deletions go: their status is news to nobody here.
#[derive(Debug, Default)]
struct Known(BTreeMap<Key, Version>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Version {
    generation: Option<i64>,
    terminating: bool,
}

fn metadata(document: &Document) -> Option<&ObjectMeta> {
    match document {
        Document::Pool(pool) => Some(&pool.metadata),
        Document::Subnet(subnet) => Some(&subnet.metadata),
        Document::Reservation(reservation) => Some(&reservation.metadata),
        _ => None,
    }
}

fn version(document: &Document) -> Option<Version> {
    let metadata = metadata(document)?;
    Some(Version { generation: metadata.generation, terminating: metadata.deletion_timestamp.is_some() })
}

impl Known {
    /// Takes in news; whether it is any.
    fn hear(&mut self, news: &ObjectNews) -> bool {
        match news {
            ObjectNews::Listed(kind, items) => {
                let known = std::mem::take(&mut self.0);
                let (before, others): (BTreeMap<_, _>, _) =
                    known.into_iter().partition(|(key, _)| key.kind() == *kind);
                let now = items.iter().filter_map(|item| Some((item.key.clone(), version(&item.document)?)));
                let now: BTreeMap<_, _> = now.collect();
                let changed = now != before;
                self.0 = others;
                self.0.extend(now);
                changed
            }
            ObjectNews::Put(item) => {
                let Some(version) = version(&item.document) else { return false };
                let before = self.0.insert(item.key.clone(), version);
                // Without generations, every change may be one of the spec.
                before != Some(version) || version.generation.is_none()
            }
            ObjectNews::Deleted(key) => self.0.remove(key).is_some(),
        }
    }

    fn any_terminating(&self) -> bool {
        self.0.values().any(|version| version.terminating)
    }
}

#[cfg(test)]
mod tests {
    use spiderpool_core::{
        api::SpiderIPPool,
        store::{Token, Versioned},
    };

    use super::*;

    fn pool(name: &str, generation: i64, deleted: Option<&str>) -> Versioned {
        let metadata = ObjectMeta {
            name: name.into(),
            generation: Some(generation),
            deletion_timestamp: deleted.map(Into::into),
            ..ObjectMeta::default()
        };
        let document = SpiderIPPool { metadata, ..SpiderIPPool::default() }.into();
        Versioned { key: Key::Pool(name.parse().unwrap()), document, token: Token::new("1") }
    }

    #[test]
    fn what_is_made_changed_or_deleted_is_news_and_a_status_is_not() {
        let mut known = Known::default();
        let list = |items| ObjectNews::Listed(Kind::Pool, items);
        assert!(!known.hear(&list(Vec::new())));
        assert!(known.hear(&list(vec![pool("a", 1, None)])));
        assert!(!known.hear(&ObjectNews::Put(pool("a", 1, None))));
        assert!(!known.hear(&list(vec![pool("a", 1, None)])));
        assert!(!known.hear(&ObjectNews::Listed(Kind::Subnet, Vec::new())));
        assert!(known.hear(&ObjectNews::Put(pool("b", 1, None))));
        assert!(known.hear(&ObjectNews::Put(pool("a", 2, None))));
        assert!(!known.any_terminating());
        assert!(known.hear(&ObjectNews::Put(pool("b", 2, Some("2026-11-28T00:00:00Z")))));
        assert!(known.any_terminating());
        assert!(known.hear(&list(vec![pool("a", 2, None)])));
        assert!(!known.any_terminating());
        let key = pool("a", 2, None).key;
        assert!(known.hear(&ObjectNews::Deleted(key.clone())));
        assert!(!known.hear(&ObjectNews::Deleted(key)));
    }
}
