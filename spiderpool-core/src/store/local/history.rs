//! The latest changes, for watches.

use std::collections::VecDeque;

use super::Revision;
use crate::store::{Change, Document, Key, Selector, StoreError, Versioned, key::Facet};

/// One committed write: what stood under a key before and what stands there now.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its number.
    pub revision: Revision,
    /// Where.
    pub key: Key,
    /// What stood there; none for a creation.
    pub before: Option<Before>,
    /// What stands there; none after a deletion.
    pub after: Option<Versioned>,
}

/// What is kept of a document that was replaced: enough to tell which watches saw it, and of a block no more than that. A
/// block is replaced at every grant, and it goes at once, while it is in the processor's caches.
#[derive(Clone, Debug)]
pub enum Before {
    /// A block.
    Block {
        /// Whether it had room.
        roomy: bool,
    },
    /// Anything else.
    Other(Document),
}

impl From<&Document> for Before {
    fn from(document: &Document) -> Self {
        match Facet::of(document) {
            Facet::Block { roomy } => Self::Block { roomy },
            _ => Self::Other(document.clone()),
        }
    }
}

impl Before {
    fn facet(&self) -> Facet<'_> {
        match self {
            Self::Block { roomy } => Facet::Block { roomy: *roomy },
            Self::Other(document) => Facet::of(document),
        }
    }
}

impl Event {
    /// What a watch of `selector` sees of it: a document that leaves the selection is deleted for that watch.
    #[must_use]
    pub fn seen_by(&self, selector: &Selector) -> Option<Change> {
        match (&self.before, &self.after) {
            (_, Some(after)) if selector.matches(&self.key, &after.document) => {
                Some(Change::Put(after.clone()))
            }
            (Some(before), _) if selector.matches_facet(&self.key, before.facet()) => {
                Some(Change::Deleted(self.key.clone()))
            }
            _ => None,
        }
    }
}

/// The latest events, a bounded number of them.
#[derive(Debug)]
pub struct History {
    /// Everything up to and including this revision is forgotten.
    forgotten: Revision,
    /// Ascending by revision.
    events: VecDeque<Event>,
    capacity: usize,
}

impl History {
    /// A history that begins after `revision` and keeps up to `capacity` events.
    #[must_use]
    pub fn new(revision: Revision, capacity: usize) -> Self {
        Self { forgotten: revision, events: VecDeque::new(), capacity }
    }

    /// Appends `event`, whose revision is the highest so far, and gives the event that has to make room for it.
    pub fn push(&mut self, event: Event) -> Option<Event> {
        let dropped = if self.events.len() >= self.capacity { self.events.pop_front() } else { None };
        if let Some(dropped) = &dropped {
            self.forgotten = dropped.revision;
        }
        if self.capacity == 0 {
            self.forgotten = event.revision;
            return Some(event);
        }
        self.events.push_back(event);
        dropped
    }

    /// The latest revision.
    #[must_use]
    pub fn latest(&self) -> Revision {
        self.events.back().map_or(self.forgotten, |event| event.revision)
    }

    /// The first change after `from` that a watch of `selector` sees, with its revision; without one, how far the
    /// history was searched.
    ///
    /// # Errors
    /// [`StoreError::Expired`] if something after `from` is forgotten, or `from` is of another history.
    pub fn after(
        &self,
        from: Revision,
        selector: &Selector,
    ) -> Result<(Option<Change>, Revision), StoreError> {
        if from < self.forgotten || from > self.latest() {
            return Err(StoreError::Expired);
        }
        let start = self.events.partition_point(|event| event.revision <= from);
        for event in self.events.range(start..) {
            if let Some(change) = event.seen_by(selector) {
                return Ok((Some(change), event.revision));
            }
        }
        Ok((None, self.latest()))
    }
}
