//! Committed documents that any number of readers and watches share.

use std::{
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Poll, Waker},
};

use async_trait::async_trait;
use parking_lot::RwLock;

use super::{Before, Event, History, Revision, Table, Write};
use crate::store::{Change, Key, Listing, Position, Selector, StoreError, Token, Versioned, Watch};

/// How many changes a watch may fall behind before it has to list again. Each keeps the document that it wrote, which in a
/// history of thousands has left the processor's caches by the time it is forgotten.
const HISTORY: usize = 256;

/// Committed documents with their history. Cloning gives another handle on the same ones.
///
/// A read takes one shared lock and copies reference counts; listings show one instant; a watch is woken without
/// any runtime.
#[derive(Clone)]
pub struct Committed(Arc<RwLock<State>>);

struct State {
    table: Table,
    history: History,
    revision: Revision,
    /// Why nothing is answered any more.
    closed: Option<String>,
    /// Watches that wait, each under its own number.
    waiting: Vec<(u64, Waker)>,
    watches: u64,
}

impl fmt::Debug for Committed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.read();
        f.debug_struct("Committed")
            .field("documents", &state.table.len())
            .field("revision", &state.revision)
            .finish_non_exhaustive()
    }
}

impl State {
    fn open(&self) -> Result<(), StoreError> {
        match &self.closed {
            None => Ok(()),
            Some(message) => Err(StoreError::Stopped { message: message.clone() }),
        }
    }

    /// Makes the outcome of one write visible. What it replaced, and the event that had to make room, are the caller's to
    /// drop, outside of the lock.
    fn commit(
        &mut self,
        revision: Revision,
        key: Key,
        after: Option<Versioned>,
    ) -> (Option<Versioned>, Option<Event>) {
        let before = match &after {
            Some(put) => self.table.put(put.clone()),
            None => self.table.remove(&key),
        };
        self.revision = revision;
        let trace = before.as_ref().map(|old| Before::from(&old.document));
        (before, self.history.push(Event { revision, key, before: trace, after }))
    }
}

impl Committed {
    /// `table`, whose latest write was `revision`, with an empty history.
    #[must_use]
    pub fn new(table: Table, revision: Revision) -> Self {
        Self::with_history(table, revision, HISTORY)
    }

    /// The same with a history of at most `events` changes.
    #[must_use]
    pub fn with_history(table: Table, revision: Revision, events: usize) -> Self {
        let history = History::new(revision, events);
        let (closed, waiting) = (None, Vec::new());
        Self(Arc::new(RwLock::new(State { table, history, revision, closed, waiting, watches: 0 })))
    }

    /// The latest revision.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.0.read().revision
    }

    /// The document under `key`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] after [`Committed::close`].
    pub fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        let state = self.0.read();
        state.open()?;
        Ok(state.table.get(key))
    }

    /// The documents that `selector` selects at this instant.
    ///
    /// # Errors
    /// As [`Committed::get`].
    pub fn list(&self, selector: &Selector) -> Result<Listing, StoreError> {
        let state = self.0.read();
        state.open()?;
        Ok(Listing { items: state.table.list(selector), position: state.revision.position() })
    }

    /// The keys and tokens of what `selector` selects at this instant.
    ///
    /// # Errors
    /// As [`Committed::get`].
    pub fn tokens(&self, selector: &Selector) -> Result<Vec<(Key, Token)>, StoreError> {
        let state = self.0.read();
        state.open()?;
        Ok(state.table.list(selector).into_iter().map(|item| (item.key, item.token)).collect())
    }

    /// Judges `write` against what is committed, and commits it as the next revision, in one step. Gives the
    /// revision as a token.
    ///
    /// # Errors
    /// As [`Write::judge`], and [`StoreError::Unavailable`] after [`Committed::close`].
    pub fn write(&self, write: Write) -> Result<Token, StoreError> {
        let mut state = self.0.write();
        state.open()?;
        write.judge(state.table.token(&write.key))?;
        let revision = state.revision.next();
        let (key, after) = write.outcome(revision);
        let token = after.as_ref().map_or_else(|| revision.token(), |put| put.token.clone());
        let forgotten = state.commit(revision, key, after);
        let wake = std::mem::take(&mut state.waiting);
        drop(state);
        drop(forgotten);
        wake.into_iter().for_each(|(_, waker)| waker.wake());
        Ok(token)
    }

    /// Makes writes visible that were judged and made durable elsewhere, ascending by revision, all at one instant.
    pub fn publish(&self, outcomes: impl IntoIterator<Item = (Revision, Key, Option<Versioned>)>) {
        let mut state = self.0.write();
        let commits = outcomes.into_iter().map(|(revision, key, after)| state.commit(revision, key, after));
        let forgotten: Vec<_> = commits.collect();
        let wake = std::mem::take(&mut state.waiting);
        drop(state);
        drop(forgotten);
        wake.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Refuses everything from now on; `message` says why and what to do. Watches end with it.
    pub fn close(&self, message: impl Into<String>) {
        let mut state = self.0.write();
        state.closed.get_or_insert(message.into());
        let wake = std::mem::take(&mut state.waiting);
        drop(state);
        wake.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Watches what `selector` selects, from the changes after `from` on.
    ///
    /// # Errors
    /// [`StoreError::Expired`] when `from` is too old or of another store, and as [`Committed::get`].
    pub fn watch(&self, selector: &Selector, from: &Position) -> Result<Box<dyn Watch>, StoreError> {
        let at = Revision::of_position(from).ok_or(StoreError::Expired)?;
        let mut state = self.0.write();
        state.open()?;
        state.history.after(at, selector)?;
        state.watches += 1;
        let number = state.watches;
        drop(state);
        Ok(Box::new(LocalWatch { committed: self.clone(), selector: selector.clone(), at, number }))
    }
}

struct LocalWatch {
    committed: Committed,
    selector: Selector,
    /// Everything up to here was handed out, or is not selected.
    at: Revision,
    number: u64,
}

#[async_trait]
impl Watch for LocalWatch {
    async fn next(&mut self) -> Result<(Change, Position), StoreError> {
        poll_fn(|context| {
            let mut state = self.committed.0.write();
            if let Err(closed) = state.open() {
                return Poll::Ready(Err(closed));
            }
            match state.history.after(self.at, &self.selector) {
                Err(expired) => Poll::Ready(Err(expired)),
                Ok((found, searched)) => {
                    self.at = searched;
                    if let Some(change) = found {
                        return Poll::Ready(Ok((change, searched.position())));
                    }
                    let number = self.number;
                    match state.waiting.iter_mut().find(|(other, _)| *other == number) {
                        Some((_, waker)) => waker.clone_from(context.waker()),
                        None => state.waiting.push((number, context.waker().clone())),
                    }
                    Poll::Pending
                }
            }
        })
        .await
    }
}
