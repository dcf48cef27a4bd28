//! Waiting for what another process does, which sends no event.

use std::time::{Duration, Instant};

use crate::Problem;

/// Looks, with a pause of `step` in between, until there is an answer. `what` completes "waited 60 s for …".
#[expect(clippy::disallowed_methods, reason = "another process gives no event to wait for")]
pub(crate) fn until<T>(
    limit: Duration,
    step: Duration,
    what: &str,
    mut look: impl FnMut() -> Result<Option<T>, Problem>,
) -> Result<T, Problem> {
    let start = Instant::now();
    loop {
        if let Some(answer) = look()? {
            return Ok(answer);
        }
        if start.elapsed() > limit {
            return Err(Problem::failed(format!("waited {} s for {what}", limit.as_secs())));
        }
        std::thread::sleep(step);
    }
}

/// A value for several threads. This crate is std only, and a thread that panicked here left the value whole.
#[derive(Debug, Default)]
pub(crate) struct Guarded<T>(#[expect(clippy::disallowed_types, reason = "std only")] std::sync::Mutex<T>);

impl<T> Guarded<T> {
    pub(crate) fn lock(&self) -> std::sync::MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
