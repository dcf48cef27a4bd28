//! A clock that moves only when the exploration says so, and then to the first moment that anybody waits for.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use parking_lot::Mutex;
use spiderpool_core::{
    env::{BoxFuture, Clock, Entropy, Env, Timer},
    time::{Moment, Timestamp},
};

#[derive(Debug, Default)]
struct Inside {
    micros: u64,
    last: u64,
    /// Number, time and waker of those who wait.
    waiting: Vec<(u64, u64, Option<Waker>)>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Hourglass(Arc<Mutex<Inside>>);

impl Hourglass {
    /// The surroundings of one agent, in its `life`-th life.
    pub(crate) fn env(&self, agent: usize, life: u64) -> Env {
        let numbers = Numbers(AtomicU64::new((agent as u64) << 40 | life << 20));
        Env { clock: Arc::new(self.clone()), timer: Arc::new(self.clone()), entropy: Arc::new(numbers) }
    }

    pub(crate) fn micros(&self) -> u64 {
        self.0.lock().micros
    }

    /// Moves to the first moment that somebody waits for. False if nobody waits.
    pub(crate) fn turn(&self) -> bool {
        let mut inside = self.0.lock();
        let Some(first) = inside.waiting.iter().map(|(_, until, _)| *until).min() else { return false };
        inside.micros = inside.micros.max(first);
        let now = inside.micros;
        let due = inside.waiting.iter_mut().filter(|(_, until, _)| *until <= now);
        due.filter_map(|(.., waker)| waker.take()).for_each(Waker::wake);
        true
    }

    pub(crate) fn is_awaited(&self) -> bool {
        !self.0.lock().waiting.is_empty()
    }
}

impl Clock for Hourglass {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis((self.micros() / 1_000) as i64)
    }

    fn monotonic(&self) -> Moment {
        Moment::from_millis(self.micros() / 1_000)
    }
}

struct Sleep(Arc<Mutex<Inside>>, u64);

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut inside = self.0.lock();
        let now = inside.micros;
        let own = inside.waiting.iter_mut().find(|(number, ..)| *number == self.1);
        match own {
            Some((_, until, waker)) if *until > now => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.0.lock().waiting.retain(|(number, ..)| *number != self.1);
    }
}

impl Timer for Hourglass {
    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        let mut inside = self.0.lock();
        inside.last += 1;
        // The clock counts whole milliseconds.
        let until = (inside.micros + duration.as_micros() as u64).div_ceil(1_000) * 1_000;
        let number = inside.last;
        inside.waiting.push((number, until, None));
        Box::pin(Sleep(self.0.clone(), number))
    }
}

#[derive(Debug)]
struct Numbers(AtomicU64);

impl Entropy for Numbers {
    fn next_u64(&self) -> u64 {
        let n = self.0.fetch_add(1, Ordering::Relaxed);
        (n ^ 0x5bd1_e995).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17)
    }
}
