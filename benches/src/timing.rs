//! The one thing that the rest of the project must not look at.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How long `work` takes; with it, some 40 ns for reading the clock twice.
#[expect(clippy::disallowed_methods, reason = "here time is what is measured")]
pub fn timed(work: &mut dyn FnMut()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Starts a watch; it says how long ago that was.
#[expect(clippy::disallowed_methods, reason = "here time is what is measured")]
#[must_use]
pub fn stopwatch() -> Arc<dyn Fn() -> Duration + Send + Sync> {
    let start = Instant::now();
    Arc::new(move || start.elapsed())
}
