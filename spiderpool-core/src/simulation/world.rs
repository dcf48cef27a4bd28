//! What all actors of a simulation share: time, chance, the ledger, and the processes.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    future::{Future, poll_fn},
    rc::Rc,
    sync::Arc,
    task::{Poll, Waker},
    time::Duration,
};

use parking_lot::{Mutex, MutexGuard};

use super::{
    dice::Dice,
    executor::{Local, ProcessId},
    ledger::Ledger,
    process::Process,
    profile::Profile,
    time::{Sleep, Time},
};
use crate::{
    alloc::Allocator,
    name::{ObjectName, OwnerUid},
    protocol::PoolRef,
    store::MemoryStore,
};

/// Something for the loop that runs everything, between two polls.
pub(super) enum Command {
    Spawn(ProcessId, Local),
    /// A process of the cluster ends at once.
    End(ProcessId),
    /// A process dies at once.
    Kill(ProcessId),
    Pause(ProcessId),
    Resume(ProcessId),
    /// Kill the process after this many further polls of it.
    KillAfter(ProcessId, u64),
    /// Nobody is to die after all.
    Spare,
}

/// The world.
pub(super) struct World {
    pub(super) time: Arc<Time>,
    pub(super) ledger: Arc<Mutex<Ledger>>,
    pub(super) store: MemoryStore,
    pub(super) profile: Profile,
    pub(super) processes: RefCell<Vec<Process>>,
    pub(super) commands: RefCell<Vec<Command>>,
    /// No faults, no edits, no new pods.
    pub(super) calm: Gate,
    /// Tasks that are in the middle of something that calm waits for.
    pub(super) unsettled: Cell<usize>,
    pub(super) numbers: Cell<u64>,
    /// Pods that a kubelet looks after.
    pub(super) attended: RefCell<BTreeSet<OwnerUid>>,
    /// The pools as each agent sees them.
    pub(super) views: RefCell<BTreeMap<ProcessId, View>>,
    /// ADDs of the last seconds.
    pub(super) windows: RefCell<Vec<Asked>>,
    /// Steps so far.
    pub(super) step: Cell<u64>,
    /// Where the noise is to end early.
    pub(super) cut: Cell<Option<u64>>,
    /// Everybody is to leave.
    pub(super) closing: Cell<bool>,
    pub(super) done: Cell<bool>,
    dice: RefCell<Dice>,
}

/// An ADD that an agent has, or had, in hand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) agent: ProcessId,
    pub(super) number: u64,
    /// When, in microseconds.
    pub(super) began: u64,
    pub(super) ended: Option<u64>,
}

/// Pools by their names.
pub(super) type View = BTreeMap<ObjectName, Arc<PoolRef>>;

/// A shared world.
pub(super) type Shared = Rc<World>;

impl World {
    pub(super) fn new(profile: Profile, dice: Dice, ledger: Arc<Mutex<Ledger>>, time: Arc<Time>) -> Self {
        Self {
            time,
            ledger,
            store: MemoryStore::new(),
            profile,
            processes: RefCell::new(Vec::new()),
            commands: RefCell::new(Vec::new()),
            calm: Gate::default(),
            unsettled: Cell::new(0),
            numbers: Cell::new(0),
            step: Cell::new(0),
            cut: Cell::new(None),
            closing: Cell::new(false),
            done: Cell::new(false),
            attended: RefCell::default(),
            views: RefCell::default(),
            windows: RefCell::default(),
            dice: RefCell::new(dice),
        }
    }

    /// Draws.
    pub(super) fn draw<T>(&self, draw: impl FnOnce(&mut Dice) -> T) -> T {
        draw(&mut self.dice.borrow_mut())
    }

    pub(super) fn chance(&self, percent: u64) -> bool {
        self.draw(|dice| dice.chance(percent))
    }

    /// A number that nobody had before.
    pub(super) fn number(&self) -> u64 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock()
    }

    pub(super) fn sleep(&self, duration: Duration) -> Sleep {
        self.time.sleep(duration)
    }

    /// Sleeps from 0 to twice `mean`.
    pub(super) fn rest(&self, mean: Duration) -> Sleep {
        let micros = u64::try_from(mean.as_micros()).unwrap_or(u64::MAX / 4);
        self.sleep(Duration::from_micros(self.draw(|dice| dice.below(2 * micros + 1))))
    }

    pub(super) fn spawn(&self, process: ProcessId, future: impl Future<Output = ()> + 'static) {
        self.command(Command::Spawn(process, Box::pin(future)));
    }

    pub(super) fn command(&self, command: Command) {
        self.commands.borrow_mut().push(command);
    }

    /// The allocator of a process, if it is up.
    pub(super) fn allocator(&self, process: ProcessId) -> Option<Allocator> {
        self.processes.borrow().get(process)?.allocator.clone()
    }

    /// Has `process` run `body` and waits for its answer; none if it is not up, or dies before.
    pub(super) async fn call<T: 'static, F: Future<Output = T> + 'static>(
        &self,
        process: ProcessId,
        body: impl FnOnce(Allocator) -> F,
    ) -> Option<T> {
        let allocator = self.allocator(process)?;
        let line = Rc::new(Line { answer: RefCell::new(None), waiting: RefCell::new(None) });
        let sender = Sender(line.clone());
        let work = body(allocator);
        self.command(Command::Spawn(
            process,
            Box::pin(async move {
                let answer = work.await;
                *sender.0.answer.borrow_mut() = Some(answer);
                drop(sender);
            }),
        ));
        poll_fn(move |context| {
            if let Some(answer) = line.answer.borrow_mut().take() {
                return Poll::Ready(Some(answer));
            }
            if Rc::strong_count(&line) == 1 {
                return Poll::Ready(None);
            }
            *line.waiting.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Marks that something is under way, until what is returned is dropped.
    pub(super) fn busy(self: &Rc<Self>) -> Busy {
        self.unsettled.set(self.unsettled.get() + 1);
        Busy(self.clone())
    }
}

struct Line<T> {
    answer: RefCell<Option<T>>,
    waiting: RefCell<Option<Waker>>,
}

struct Sender<T>(Rc<Line<T>>);

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if let Some(waker) = self.0.waiting.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// Something is under way.
pub(super) struct Busy(Rc<World>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.unsettled.set(self.0.unsettled.get() - 1);
    }
}

/// Closed or open; whoever waits goes on when it opens.
#[derive(Default)]
pub(super) struct Gate {
    closed: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

impl Gate {
    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    pub(super) fn set(&self, closed: bool) {
        self.closed.set(closed);
        let waiting = std::mem::take(&mut *self.waiting.borrow_mut());
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Waits until it is open.
    pub(super) async fn open(&self) {
        self.until(false).await;
    }

    /// Waits until it is closed, or open.
    pub(super) async fn until(&self, closed: bool) {
        poll_fn(|context| {
            if self.closed.get() == closed {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
