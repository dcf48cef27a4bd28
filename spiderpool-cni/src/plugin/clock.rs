//! The time. A plugin process lives for milliseconds and has nobody to hand it a clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a request may take in all, as upstream.
const REQUEST: Duration = Duration::from_secs(100);

/// The instant at which an answer is of no use any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    start: Instant,
    limit: Duration,
}

#[expect(clippy::disallowed_methods, reason = "the plugin's only reading of the monotonic clock")]
fn monotonic() -> Instant {
    Instant::now()
}

impl Deadline {
    /// 100 s from now.
    pub(super) fn of_a_request() -> Self {
        Self::after(REQUEST)
    }

    /// `limit` from now.
    pub(super) fn after(limit: Duration) -> Self {
        Self { start: monotonic(), limit }
    }

    /// What is left; `None` when it has passed.
    pub(super) fn remaining(&self) -> Option<Duration> {
        self.limit.checked_sub(self.elapsed()).filter(|left| !left.is_zero())
    }

    /// The time since the start.
    pub(super) fn elapsed(&self) -> Duration {
        monotonic().duration_since(self.start)
    }

    /// This deadline, or `least` from now if that is later.
    pub(super) fn at_least(self, least: Duration) -> Self {
        match self.remaining() {
            Some(left) if left >= least => self,
            _ => Self::after(least),
        }
    }
}

/// The wall clock as time since 1970 in UTC.
#[expect(clippy::disallowed_methods, reason = "the plugin's only reading of the wall clock, for its log")]
pub(super) fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
