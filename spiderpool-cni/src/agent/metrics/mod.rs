//! Figures for Prometheus. The names are upstream's documented ones (its prefix `spiderpool_`); counters carry
//! the suffix `_total` that OpenMetrics requires.

mod durations;
mod metered;
mod spread;
mod sweep;

pub use metered::Metered;

use crate::api::ErrorCode;
use durations::Durations;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use spiderpool_core::alloc::Conflicts;
use spiderpool_core::sweep::Swept;
use spread::Spreads;
use std::sync::atomic::Ordering;
use std::time::Duration;
use sweep::Sweep;

/// The content type of [`Metrics::render`].
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All figures of one agent.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    allocation: Operation,
    no_available_pool: Counter,
    ip_used_out: Counter,
    release: Operation,
    pending_releases: Gauge,
    writes: Spreads,
    sweep: Sweep,
}

/// The figures that grants and releases have in common.
#[derive(Debug, Default)]
struct Operation {
    all: Counter,
    failed: Counter,
    conflicts: Counter,
    internal: Counter,
    retries_exhausted: Counter,
    took: Durations,
    waited: Durations,
}

impl Operation {
    fn register(&self, registry: &mut Registry, name: &str, what: &str) {
        let inside = what.to_lowercase();
        let mut counter = |suffix: &str, help: String, counter: &Counter| {
            registry.register(format!("ipam_{name}_{suffix}"), help, counter.clone());
        };
        counter("counts", format!("{what}s that were asked for"), &self.all);
        counter("failure_counts", format!("{what}s that failed"), &self.failed);
        counter(
            "update_ippool_conflict_counts",
            format!(
                "Writes for {inside}s that were repeated because somebody else had changed the same block"
            ),
            &self.conflicts,
        );
        counter(
            "err_internal_counts",
            format!("{what}s that failed in the agent or its store"),
            &self.internal,
        );
        counter(
            "err_retries_exhausted_counts",
            format!("{what}s that were not done by their deadline"),
            &self.retries_exhausted,
        );
        self.took.register(
            registry,
            &format!("ipam_{name}"),
            "duration_seconds",
            &format!("How long {inside}s took"),
        );
        self.waited.register(
            registry,
            &format!("ipam_{name}"),
            "limit_duration_seconds",
            &format!("How long {inside}s waited before they were begun"),
        );
    }

    fn count(&self, took: Duration, error: Option<&ErrorCode>) {
        self.all.inc();
        self.took.observe(took);
        let Some(code) = error else { return };
        self.failed.inc();
        match code {
            ErrorCode::Internal | ErrorCode::Unavailable | ErrorCode::Other(_) => self.internal.inc(),
            ErrorCode::Deadline | ErrorCode::Busy => self.retries_exhausted.inc(),
            _ => 0,
        };
    }
}

impl Metrics {
    /// Figures that all are zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("spiderpool");
        let (allocation, release) = (Operation::default(), Operation::default());
        allocation.register(&mut registry, "allocation", "Grant");
        release.register(&mut registry, "release", "Release");
        let no_available_pool = Counter::default();
        registry.register(
            "ipam_allocation_err_no_available_pool_counts",
            "Grants that failed because no pool may serve the pod",
            no_available_pool.clone(),
        );
        let ip_used_out = Counter::default();
        registry.register(
            "ipam_allocation_err_ip_used_out_counts",
            "Grants that failed because no address was free",
            ip_used_out.clone(),
        );
        let pending_releases = Gauge::default();
        registry.register(
            "ipam_pending_releases",
            "Releases that found no agent and are still to be done",
            pending_releases.clone(),
        );
        let writes = Spreads::default();
        writes.register(&mut registry);
        let sweep = Sweep::default();
        sweep.register(&mut registry);
        Self {
            registry,
            allocation,
            no_available_pool,
            ip_used_out,
            release,
            pending_releases,
            writes,
            sweep,
        }
    }

    /// Counts a grant.
    pub fn granted(&self, took: Duration, error: Option<&ErrorCode>) {
        self.allocation.count(took, error);
        match error {
            Some(ErrorCode::NoPool) => self.no_available_pool.inc(),
            Some(ErrorCode::Exhausted | ErrorCode::Cooling) => self.ip_used_out.inc(),
            _ => 0,
        };
    }

    /// Counts a release.
    pub fn released(&self, took: Duration, error: Option<&ErrorCode>) {
        self.release.count(took, error);
    }

    /// How long a grant waited for other requests before it was begun.
    pub fn grant_waited(&self, waited: Duration) {
        self.allocation.waited.observe(waited);
    }

    /// How long a release waited for other requests before it was begun.
    pub fn release_waited(&self, waited: Duration) {
        self.release.waited.observe(waited);
    }

    /// How writes went until now.
    pub fn conflicts(&self, until_now: Conflicts) {
        // Whoever looked earlier may come later.
        self.allocation.conflicts.inner().fetch_max(until_now.grants, Ordering::Relaxed);
        self.release.conflicts.inner().fetch_max(until_now.releases, Ordering::Relaxed);
        self.writes.are(&until_now);
    }

    /// Takes in a pass of the sweep.
    pub fn swept(&self, swept: &Swept, took: Duration) {
        self.sweep.pass(swept, took);
    }

    /// Counts a pass of the sweep that failed.
    pub fn sweep_failed(&self) {
        self.sweep.failed();
    }

    /// Everything in the text form of OpenMetrics.
    pub(super) fn render(&self, pending_releases: usize) -> Result<String, std::fmt::Error> {
        self.pending_releases.set(i64::try_from(pending_releases).unwrap_or(i64::MAX));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// All figures of an agent that has just begun in the text form of OpenMetrics, each with a series: for whoever makes dashboards.
pub fn sample() -> String {
    let metrics = Metrics::new();
    metrics.sweep.sample();
    metrics.render(0).unwrap_or_default()
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
