//! Group commit (rule 10): all intents that wait for one block go into its next write.
//!
//! Whoever gets the block's turn writes for all. The machine of a write lives with the block, not with the request
//! that drives it: a request that is dropped in the middle leaves it to the next one, as a write whose reply was
//! lost.

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use parking_lot::Mutex;
use smallvec::SmallVec;

use super::{
    driver::{Driver, until},
    lock::AsyncMutex,
};
use crate::{
    hash::{Map, Seed},
    model::BlockId,
    protocol::{Commit, Failure, Intent, Machine, Op, Outcome, Reply, Step},
    store::Key,
};

#[derive(Debug)]
enum Place {
    Waiting,
    Running,
    Done(Outcome),
}

/// One intent and the request that waits for it.
#[derive(Debug)]
struct Ticket {
    intent: Intent,
    place: Mutex<Place>,
}

/// Mostly one: bursts on one block are rare, and their writes cost far more than an allocation.
type Tickets = SmallVec<[Arc<Ticket>; 1]>;

#[derive(Debug)]
struct Running {
    machine: Commit,
    tickets: Tickets,
    writes: Writes,
}

/// How the write of a block goes.
#[derive(Clone, Copy, Debug, Default)]
struct Writes {
    sent: u32,
    repeated: u32,
}

#[derive(Debug, Default)]
struct Lane {
    queue: Mutex<Tickets>,
    /// The write under way. Held while driving; left behind by a request that was cut off.
    turn: AsyncMutex<Option<Running>>,
    users: AtomicUsize,
}

impl Lane {
    /// Whether one request waits, and no more.
    fn is_alone(&self) -> bool {
        self.queue.lock().len() == 1
    }

    /// All that wait. They run from now on: a request that is dropped is either still in the queue, or running.
    fn take(&self) -> Tickets {
        let mut queue = self.queue.lock();
        queue.iter().for_each(|ticket| *ticket.place.lock() = Place::Running);
        std::mem::take(&mut *queue)
    }
}

/// The blocks that are being written.
#[derive(Debug)]
pub(super) struct Committer {
    lanes: Mutex<Lanes>,
}

#[derive(Debug)]
struct Lanes {
    used: Map<BlockId, Arc<Lane>>,
    /// Idle ones, for whoever comes next: most requests are alone on their block.
    spare: Vec<Arc<Lane>>,
}

/// How many idle lanes are kept: as many as are used at once in a burst.
const SPARE: usize = 64;

impl Lanes {
    fn enter(&mut self, id: &BlockId) -> Arc<Lane> {
        let Self { used, spare } = self;
        let lane = used.entry(id.clone()).or_insert_with(|| spare.pop().unwrap_or_default());
        lane.users.fetch_add(1, Ordering::Relaxed);
        lane.clone()
    }

    fn leave(&mut self, id: &BlockId, lane: &Lane) {
        // A write that was cut off stays for whoever comes next.
        let last = lane.users.fetch_sub(1, Ordering::Relaxed) == 1
            && lane.turn.try_lock().is_some_and(|running| running.is_none());
        if last
            && let Some(idle) = self.used.remove(id)
            && self.spare.len() < SPARE
        {
            self.spare.push(idle);
        }
    }
}

/// A request's place at a lane. Dropped in the middle, it takes the intent back, or leaves an open attempt.
pub(super) struct Waiter<'a> {
    committer: &'a Committer,
    driver: &'a Driver,
    id: BlockId,
    lane: Arc<Lane>,
    ticket: Arc<Ticket>,
}

impl Waiter<'_> {
    /// What becomes of the intent. At its deadline it is [`Outcome::Expired`], whatever others of the same block are
    /// still waiting for; a write that is under way then leaves an open attempt.
    pub(super) async fn outcome(self) -> Outcome {
        let env = &self.driver.env;
        loop {
            let turn = self.lane.turn.lock();
            let Some(mut turn) = until(env, self.ticket.intent.deadline, turn).await else {
                return Outcome::Expired;
            };
            if let Place::Done(outcome) = &*self.ticket.place.lock() {
                return outcome.clone();
            }
            self.committer.run(self.driver, &self, &mut turn).await;
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        {
            let mut queue = self.lane.queue.lock();
            if let Some(at) = queue.iter().position(|ticket| Arc::ptr_eq(ticket, &self.ticket)) {
                queue.remove(at);
            }
        }
        if matches!(*self.ticket.place.lock(), Place::Running)
            && let Some(key) = self.ticket.intent.key()
        {
            self.driver.index.open(key, self.id.clone(), None);
        }
        self.committer.lanes.lock().leave(&self.id, &self.lane);
    }
}

impl Committer {
    pub(super) fn new(seed: Seed) -> Self {
        let lanes = Lanes { used: Map::with_hasher(seed), spare: Vec::new() };
        Self { lanes: Mutex::new(lanes) }
    }

    /// Hands `intent` to block `id`; [`Waiter::outcome`] drives it.
    pub(super) fn submit<'a>(&'a self, driver: &'a Driver, id: BlockId, intent: Intent) -> Waiter<'a> {
        let ticket = Arc::new(Ticket { intent, place: Mutex::new(Place::Waiting) });
        let lane = self.lanes.lock().enter(&id);
        lane.queue.lock().push(ticket.clone());
        Waiter { committer: self, driver, id, lane, ticket }
    }

    /// Drives the write under way, or the next one, to its end.
    async fn run(&self, driver: &Driver, waiter: &Waiter<'_>, turn: &mut Option<Running>) {
        let mut reply = match turn {
            Some(running) => {
                // Only the running write itself still counts those whose requests are gone.
                let gone =
                    running.tickets.iter().enumerate().filter(|(_, ticket)| Arc::strong_count(ticket) == 1);
                let gone: Vec<usize> = gone.map(|(place, _)| place).collect();
                running.machine.abandon(gone);
                Reply::Failed(Failure::Unknown)
            }
            None => {
                if driver.shared && waiter.lane.is_alone() {
                    // Those who were woken together come together.
                    yield_now().await;
                }
                let tickets = waiter.lane.take();
                let intents = tickets.iter().map(|ticket| ticket.intent.clone()).collect();
                let belief = driver.cache.get(&waiter.id);
                let machine =
                    Commit::new(waiter.id.clone(), driver.setting.bits, driver.logging, intents, belief);
                *turn = Some(Running { machine, tickets, writes: Writes::default() });
                Reply::Start
            }
        };
        while let Some(running) = turn.as_mut() {
            if running.machine.takes_more() {
                // Whoever came while the block was read or made shares its write.
                let late = waiter.lane.take();
                running.machine.join(late.iter().map(|ticket| ticket.intent.clone()));
                running.tickets.extend(late);
            }
            match running.machine.step(driver.input(reply)) {
                Step::Do(op) => {
                    let writes = matches!(op, Op::Update(Key::Block(_), ..));
                    reply = driver.perform_basic(op).await;
                    running.writes.sent += u32::from(writes);
                    if writes && matches!(reply, Reply::Failed(Failure::Conflict | Failure::Missing)) {
                        running.writes.repeated += 1;
                        driver.conflicts.note(running.tickets.iter().map(|ticket| &ticket.intent));
                    }
                }
                Step::Done(committed) => {
                    if running.writes.sent > running.writes.repeated {
                        driver.conflicts.done(running.tickets.len(), running.writes.repeated);
                    }
                    driver.cache.put(&waiter.id, committed.block.clone());
                    if let Some((token, block)) = &committed.block {
                        driver.sightings.saw([(token, block.as_ref())]);
                        driver.finder.observe(block);
                    }
                    for (ticket, outcome) in running.tickets.iter().zip(committed.into_outcomes()) {
                        #[cfg(feature = "simulation")]
                        crate::simulation::coverage::outcome(&ticket.intent, &outcome);
                        driver.index.note(&waiter.id, &ticket.intent, &outcome);
                        *ticket.place.lock() = Place::Done(outcome);
                    }
                    *turn = None;
                    return;
                }
            }
        }
    }
}

/// Lets everybody else who is ready go first, once.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
