//! Group commit: one thread takes all writes that wait, judges them in their order, makes them durable with one flush,
//! and only then shows and acknowledges them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use parking_lot::{Condvar, Mutex};
use spiderpool_core::{
    model::{Block, BlockId},
    store::{
        Document, Key, StoreError, Token, Versioned,
        local::{Action, Committed, Revision, Write},
    },
};

use crate::{
    block::{Checksums, delta},
    engine::Engine,
    keys::META,
    meta::Meta,
    reply::Sender,
    value::Unsealed,
};

/// The most writes that one flush serves.
const MOST: usize = 2048;

/// The keeper's times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// How often the keeper looks, while there is something to look at.
    pub(crate) period: Duration,
    /// How many periods a flush may take. sled 0.34 can wait for ever for a write that failed.
    pub(crate) periods: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { period: Duration::from_secs(1), periods: 30 }
    }
}

/// The answer to a write: the new token; for a deletion it has no meaning.
pub(crate) type Answer = Result<Token, StoreError>;

/// A write that waits, with as much of its encoding as can be done without knowing what it follows on.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) write: Write,
    /// The key in the database.
    pub(crate) bytes: Vec<u8>,
    /// The value; none for a deletion and for a block, of which only the difference is written.
    pub(crate) value: Option<Unsealed>,
    pub(crate) reply: Sender<Answer>,
}

/// Whether writes are taken.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Phase {
    Open,
    /// What waits is written, nothing else.
    Closing,
    /// Nothing is written any more, for this reason.
    Failed(String),
}

#[derive(Debug)]
struct Queue {
    phase: Phase,
    waiting: Vec<Request>,
    /// The answers to those whose flush is under way.
    under_way: Vec<(Sender<Answer>, Answer)>,
    flushing: bool,
    /// The number of the present or latest flush.
    flush: u64,
    keeper_sleeps: bool,
    writer_ended: bool,
}

/// What the writer's thread, the keeper's thread and the callers share.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) committed: Committed,
    queue: Mutex<Queue>,
    work: Condvar,
    keeper: Condvar,
    patience: Patience,
}

impl Desk {
    pub(crate) fn new(committed: Committed, patience: Patience) -> Self {
        let queue = Queue {
            phase: Phase::Open,
            waiting: Vec::new(),
            under_way: Vec::new(),
            flushing: false,
            flush: 0,
            keeper_sleeps: false,
            writer_ended: false,
        };
        Self { committed, queue: Mutex::new(queue), work: Condvar::new(), keeper: Condvar::new(), patience }
    }

    /// Hands `request` to the writer.
    pub(crate) fn submit(&self, request: Request) -> Result<(), StoreError> {
        let mut queue = self.queue.lock();
        match &queue.phase {
            Phase::Open => {}
            Phase::Closing => return Err(StoreError::unavailable("the store is being closed")),
            Phase::Failed(message) => return Err(StoreError::Stopped { message: message.clone() }),
        }
        queue.waiting.push(request);
        // The writer looks again before it sleeps.
        if queue.waiting.len() == 1 {
            self.work.notify_one();
        }
        Ok(())
    }

    /// Asks writer and keeper to end once what waits is written.
    pub(crate) fn close(&self) {
        let mut queue = self.queue.lock();
        if queue.phase == Phase::Open {
            queue.phase = Phase::Closing;
        }
        self.work.notify_all();
        self.keeper.notify_all();
    }

    /// Whether the writer's thread is stuck in a flush that will never end.
    pub(crate) fn is_stuck(&self) -> bool {
        let queue = self.queue.lock();
        matches!(queue.phase, Phase::Failed(_)) && queue.flushing
    }

    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.queue.lock().phase, Phase::Failed(_))
    }

    /// Ends everything: after a failed flush nobody can say what is on the disk, and trying again could acknowledge
    /// what is not. Opening the database again tells.
    fn fail(&self, cause: &str) {
        let message = format!(
            "the database could not be written ({cause}). Nothing more is read or written, since nobody can say what \
             reached the disk: make room or mend the disk, then start again"
        );
        tracing::error!("{message}");
        let (under_way, waiting) = {
            let mut queue = self.queue.lock();
            queue.phase = Phase::Failed(message.clone());
            self.keeper.notify_all();
            (std::mem::take(&mut queue.under_way), std::mem::take(&mut queue.waiting))
        };
        self.committed.close(message.clone());
        for (reply, answer) in under_way {
            reply.send(match answer {
                Ok(_) => Err(StoreError::unknown(message.clone())),
                Err(_) => Err(StoreError::Stopped { message: message.clone() }),
            });
        }
        for request in waiting {
            request.reply.send(Err(StoreError::Stopped { message: message.clone() }));
        }
    }

    /// Saves how far is acknowledged, at most once per period, and ends a flush that does not. Runs until
    /// [`Desk::close`] or a failure.
    pub(crate) fn keep(&self, mut save: impl FnMut(Revision)) {
        let mut saved = self.committed.revision();
        let (mut watched, mut periods) = (0, 0);
        loop {
            let mut queue = self.queue.lock();
            while queue.phase == Phase::Open && !queue.flushing && self.committed.revision() == saved {
                queue.keeper_sleeps = true;
                self.keeper.wait(&mut queue);
            }
            queue.keeper_sleeps = false;
            if queue.phase == Phase::Open {
                self.keeper.wait_for(&mut queue, self.patience.period);
            }
            if matches!(queue.phase, Phase::Failed(_))
                || (queue.phase == Phase::Closing && queue.writer_ended)
            {
                return;
            }
            if queue.phase == Phase::Closing {
                self.keeper.wait_for(&mut queue, self.patience.period);
            }
            let stalled = queue.flushing && queue.flush == watched;
            periods = if stalled { periods + 1 } else { 0 };
            watched = queue.flush;
            drop(queue);
            if periods > self.patience.periods {
                self.fail("a flush does not end");
                return;
            }
            let reached = self.committed.revision();
            if reached != saved {
                save(reached);
                saved = reached;
            }
        }
    }
}

/// The thread that writes, and what only it knows.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) desk: Arc<Desk>,
    pub(crate) engine: Engine,
    pub(crate) meta: Meta,
    pub(crate) checksums: HashMap<BlockId, Checksums>,
}

/// Tells the keeper that the writer's thread ends, however it does.
struct Ended(Arc<Desk>);

impl Drop for Ended {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail("the thread that writes gave up");
        }
        let mut queue = self.0.queue.lock();
        queue.writer_ended = true;
        self.0.keeper.notify_all();
    }
}

/// What a batch will have done, once it is durable.
#[derive(Debug, Default)]
struct Prepared {
    batch: sled::Batch,
    outcomes: Vec<(Revision, Key, Option<Versioned>)>,
    answers: Vec<(Sender<Answer>, Answer)>,
    /// What stands under the keys that the batch changes, as far as it is judged.
    changed: BTreeMap<Key, Option<Versioned>>,
    checksums: HashMap<BlockId, Option<Checksums>>,
}

impl Writer {
    /// Writes until the store is closed or fails.
    pub(crate) fn run(mut self) {
        let _ended = Ended(self.desk.clone());
        while let Some(requests) = self.next() {
            let mut meta = self.meta.clone();
            let mut prepared = Prepared::default();
            for request in requests {
                let answer =
                    self.prepare(&mut prepared, &mut meta, request.write, &request.bytes, request.value);
                prepared.answers.push((request.reply, answer));
            }
            let Prepared { mut batch, outcomes, answers, checksums, .. } = prepared;
            if outcomes.is_empty() {
                send(answers);
                continue;
            }
            batch.insert(META, meta.encode());
            self.begin_flush(answers);
            let committed = self.engine.commit(batch);
            let answers = self.end_flush();
            if let Err(cause) = committed {
                self.desk.queue.lock().under_way = answers;
                self.desk.fail(&cause.to_string());
                break;
            }
            if self.desk.has_failed() {
                break;
            }
            self.meta = meta;
            for (id, list) in checksums {
                match list {
                    Some(list) => self.checksums.insert(id, list),
                    None => self.checksums.remove(&id),
                };
            }
            self.desk.committed.publish(outcomes);
            send(answers);
        }
        // sled flushes once more when it goes.
        self.engine.close();
    }

    /// The writes that wait; none when there will be no more.
    fn next(&self) -> Option<Vec<Request>> {
        let mut queue = self.desk.queue.lock();
        while queue.waiting.is_empty() {
            if queue.phase != Phase::Open {
                return None;
            }
            self.desk.work.wait(&mut queue);
        }
        if queue.waiting.len() <= MOST {
            return Some(std::mem::take(&mut queue.waiting));
        }
        let rest = queue.waiting.split_off(MOST);
        Some(std::mem::replace(&mut queue.waiting, rest))
    }

    fn begin_flush(&self, answers: Vec<(Sender<Answer>, Answer)>) {
        let mut queue = self.desk.queue.lock();
        queue.under_way = answers;
        queue.flushing = true;
        queue.flush += 1;
        if std::mem::take(&mut queue.keeper_sleeps) {
            self.desk.keeper.notify_one();
        }
    }

    fn end_flush(&self) -> Vec<(Sender<Answer>, Answer)> {
        let mut queue = self.desk.queue.lock();
        queue.flushing = false;
        std::mem::take(&mut queue.under_way)
    }

    /// Judges one write against what stands there and what the batch did to it, and adds it to the batch.
    fn prepare(
        &self,
        prepared: &mut Prepared,
        meta: &mut Meta,
        write: Write,
        bytes: &[u8],
        value: Option<Unsealed>,
    ) -> Answer {
        let current = match prepared.changed.get(&write.key) {
            Some(changed) => changed.clone(),
            None => self.desk.committed.get(&write.key)?,
        };
        write.judge(current.as_ref().map(|found| &found.token))?;
        let revision = meta.last.next();
        let old = current.as_ref().and_then(|found| Revision::of_token(&found.token));
        let base = current.as_ref().and_then(|found| found.document.as_block()).map(|block| &**block);
        match (&write.action, &write.key) {
            (
                Action::Create(Document::Block(new)) | Action::Update(_, Document::Block(new)),
                Key::Block(id),
            ) => {
                self.put_block(prepared, (&write.key, id), bytes, base, new, revision)?;
            }
            (Action::Delete(_), Key::Block(id)) => {
                prepared.batch.remove(bytes);
                for (offset, _) in base.into_iter().flat_map(Block::records) {
                    prepared.batch.remove(crate::keys::record(bytes, offset));
                }
                prepared.checksums.insert(id.clone(), None);
            }
            (Action::Delete(_), _) => prepared.batch.remove(bytes),
            (Action::Create(_) | Action::Update(..), _) => {
                let value =
                    value.ok_or_else(|| StoreError::unavailable("a write came without its document"))?;
                prepared.batch.insert(bytes, value.seal(revision).0);
            }
        }
        meta.last = revision;
        if let Some(old) = old {
            meta.subtract(bytes, old);
        }
        let (key, after) = write.outcome(revision);
        let token = after.as_ref().map_or_else(|| revision.token(), |put| put.token.clone());
        if after.is_some() {
            meta.add(bytes, revision);
        }
        prepared.changed.insert(key.clone(), after.clone());
        prepared.outcomes.push((revision, key, after));
        Ok(token)
    }

    fn put_block(
        &self,
        prepared: &mut Prepared,
        (key, id): (&Key, &BlockId),
        bytes: &[u8],
        base: Option<&Block>,
        new: &Block,
        revision: Revision,
    ) -> Result<(), StoreError> {
        let known = match prepared.checksums.get(id) {
            Some(changed) => changed.as_ref(),
            None => self.checksums.get(id),
        };
        let none = Checksums::new();
        let base = base.map(|block| (block, known.unwrap_or(&none)));
        let delta = delta(key, bytes, base, new, revision)?;
        for place in delta.removals {
            prepared.batch.remove(place);
        }
        for (place, value) in delta.puts {
            prepared.batch.insert(place, value);
        }
        prepared.checksums.insert(id.clone(), (!delta.checksums.is_empty()).then_some(delta.checksums));
        Ok(())
    }
}

fn send(answers: Vec<(Sender<Answer>, Answer)>) {
    for (reply, answer) in answers {
        reply.send(answer);
    }
}
