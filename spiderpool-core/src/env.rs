//! What core takes from outside: the time, waiting, and randomness.
//!
//! Core has none of its own, so the same code runs under a simulated clock with a seed. With the feature
//! `system`, [`Env::system`] brings the operating system's.

use std::{fmt::Debug, future::Future, pin::Pin, sync::Arc, time::Duration};

use crate::time::{Moment, Timestamp};

/// A boxed future without a lifetime.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Where the time comes from.
pub trait Clock: Debug + Send + Sync {
    /// The wall clock; it may jump in both directions.
    fn now(&self) -> Timestamp;
    /// The monotonic clock.
    fn monotonic(&self) -> Moment;
}

/// How to wait.
pub trait Timer: Debug + Send + Sync {
    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<()>;
}

/// Where randomness comes from. Ids need 128 unpredictable bits from it; jitter needs little.
pub trait Entropy: Debug + Send + Sync {
    /// The next 64 random bits.
    fn next_u64(&self) -> u64;
}

/// The surroundings that core runs in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Env {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Waiting.
    pub timer: Arc<dyn Timer>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl Env {
    /// A random id of 128 bits, as 32 hexadecimal digits in the form of a UUID.
    #[must_use]
    pub fn random_id(&self) -> String {
        let bits = (u128::from(self.entropy.next_u64()) << 64) | u128::from(self.entropy.next_u64());
        // Version 4, variant 1 (RFC 9562, section 5.4), so that tools which check uids accept it.
        let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
        let hex = format!("{bits:032x}");
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }
}

#[cfg(feature = "system")]
mod system {
    use super::{BoxFuture, Clock, Duration, Entropy, Env, Moment, Timer, Timestamp};
    use std::{
        sync::Arc,
        time::{Instant, SystemTime},
    };

    #[derive(Debug)]
    struct SystemClock {
        start: Instant,
    }

    #[expect(clippy::disallowed_methods, reason = "the one place where the system's clock comes in")]
    impl Clock for SystemClock {
        fn now(&self) -> Timestamp {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
        }

        fn monotonic(&self) -> Moment {
            Moment::from_millis(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX))
        }
    }

    #[derive(Debug)]
    struct SystemTimer;

    impl Timer for SystemTimer {
        fn sleep(&self, duration: Duration) -> BoxFuture<()> {
            Box::pin(futures_timer::Delay::new(duration))
        }
    }

    #[derive(Debug)]
    struct SystemEntropy;

    impl Entropy for SystemEntropy {
        fn next_u64(&self) -> u64 {
            let mut bytes = [0; 8];
            match getrandom::fill(&mut bytes) {
                Ok(()) => u64::from_le_bytes(bytes),
                // No random source this early in boot: the hasher's keys differ per process and call.
                Err(_) => {
                    use std::hash::{BuildHasher, RandomState};
                    RandomState::new().hash_one(0)
                }
            }
        }
    }

    impl Env {
        /// The operating system's clocks and random source, and a timer that needs no runtime.
        #[must_use]
        #[expect(clippy::disallowed_methods, reason = "the one place where the system's clock comes in")]
        pub fn system() -> Self {
            Self {
                clock: Arc::new(SystemClock { start: Instant::now() }),
                timer: Arc::new(SystemTimer),
                entropy: Arc::new(SystemEntropy),
            }
        }
    }
}
