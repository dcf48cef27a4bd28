//! Surroundings that a test controls: waiting only moves the clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use spiderpool_core::{
    env::{BoxFuture, Clock, Entropy, Env, Timer},
    time::{Moment, Timestamp},
};

#[derive(Debug, Default)]
pub(crate) struct Clockwork {
    micros: AtomicU64,
    numbers: AtomicU64,
}

impl Clockwork {
    pub(crate) fn env(self: &Arc<Self>) -> Env {
        Env { clock: self.clone(), timer: self.clone(), entropy: self.clone() }
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.micros.fetch_add(time.as_micros() as u64, Ordering::SeqCst);
    }
}

impl Clock for Clockwork {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis((self.micros.load(Ordering::SeqCst) / 1_000) as i64)
    }

    fn monotonic(&self) -> Moment {
        Moment::from_millis(self.micros.load(Ordering::SeqCst) / 1_000)
    }
}

impl Timer for Clockwork {
    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        self.pass(duration);
        Box::pin(std::future::ready(()))
    }
}

impl Entropy for Clockwork {
    fn next_u64(&self) -> u64 {
        let n = self.numbers.fetch_add(1, Ordering::SeqCst);
        (n ^ 0x5bd1_e995).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}
