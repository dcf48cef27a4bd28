//! Virtual time: it moves only when nobody can go on without it.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use parking_lot::Mutex;

use crate::{
    env::{BoxFuture, Clock, Entropy, Env, Timer},
    store::splitmix,
    time::{Moment, Timestamp},
};

/// 2026-01-01T00:00:00Z, in milliseconds: where every simulation's wall clock begins.
const START: i64 = 1_767_225_600_000;

/// The time of a simulation, in microseconds since its start, and who waits for which.
#[derive(Default)]
pub(super) struct Time {
    now: AtomicU64,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    timers: BTreeMap<(u64, u64), Waker>,
    numbers: u64,
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Time").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Time {
    pub(super) fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// Moves on to the next timer and wakes whoever waits for it. False: nobody waits.
    pub(super) fn advance(&self) -> bool {
        let mut woken = Vec::new();
        {
            let mut waiting = self.waiting.lock();
            let Some(((at, _), waker)) = waiting.timers.pop_first() else { return false };
            woken.push(waker);
            while let Some(entry) = waiting.timers.first_entry()
                && entry.key().0 == at
            {
                woken.push(entry.remove());
            }
            self.now.fetch_max(at, Ordering::Relaxed);
        }
        woken.into_iter().for_each(Waker::wake);
        true
    }

    pub(super) fn sleep(self: &Arc<Self>, duration: Duration) -> Sleep {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Sleep { time: self.clone(), at: self.now().saturating_add(micros), number: None }
    }
}

/// Completes at its time. Dropped before, it wakes nobody.
#[derive(Debug)]
pub(super) struct Sleep {
    time: Arc<Time>,
    at: u64,
    number: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.time.now() >= self.at {
            return Poll::Ready(());
        }
        let number = {
            let mut waiting = self.time.waiting.lock();
            let number = self.number.unwrap_or_else(|| {
                waiting.numbers += 1;
                waiting.numbers
            });
            waiting.timers.insert((self.at, number), context.waker().clone());
            number
        };
        self.number = Some(number);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.time.waiting.lock().timers.remove(&(self.at, number));
        }
    }
}

/// The clocks of one machine.
#[derive(Debug)]
pub(super) struct NodeClock {
    time: Arc<Time>,
    /// By how many milliseconds its wall clock is off.
    offset: AtomicI64,
    numbers: AtomicU64,
}

impl NodeClock {
    pub(super) fn new(time: Arc<Time>, seed: u64) -> Arc<Self> {
        Arc::new(Self { time, offset: AtomicI64::new(0), numbers: AtomicU64::new(seed) })
    }

    /// Sets the wall clock off by `millis`.
    pub(super) fn set_off(&self, millis: i64) {
        self.offset.store(millis, Ordering::Relaxed);
    }

    pub(super) fn env(self: &Arc<Self>) -> Env {
        Env { clock: self.clone(), timer: self.clone(), entropy: self.clone() }
    }
}

impl Clock for NodeClock {
    fn now(&self) -> Timestamp {
        let millis = (self.time.now() / 1_000) as i64;
        Timestamp::from_millis(START + millis + self.offset.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Moment {
        Moment::from_millis(self.time.now() / 1_000)
    }
}

impl Timer for NodeClock {
    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        Box::pin(self.time.sleep(duration))
    }
}

impl Entropy for NodeClock {
    fn next_u64(&self) -> u64 {
        let mut state = self.numbers.load(Ordering::Relaxed);
        let number = splitmix(&mut state);
        self.numbers.store(state, Ordering::Relaxed);
        number
    }
}
