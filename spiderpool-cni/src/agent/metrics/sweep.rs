//! What the sweep did.

use super::durations::Durations;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use spiderpool_core::sweep::{Done, Swept, Verdict};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// The figures of the sweep.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    freed: Counter,
    failed: Counter,
    by_reason: Family<Reason, Counter>,
    passes_failed: Counter,
    waiting: Gauge,
    took: Durations,
}

impl Sweep {
    pub(super) fn register(&self, registry: &mut Registry) {
        let mut counter =
            |name: &str, help: &str, counter: &Counter| registry.register(name, help, counter.clone());
        counter("ip_gc_counts", "Addresses that the sweep freed", &self.freed);
        counter(
            "ip_gc_failure_counts",
            "Addresses that the sweep could not free although nobody uses them",
            &self.failed,
        );
        counter(
            "ip_gc_pass_failure_counts",
            "Passes of the sweep that the store did not let happen",
            &self.passes_failed,
        );
        registry.register(
            "ip_gc_freed_counts",
            "Addresses that the sweep freed, by what was said of their owner",
            self.by_reason.clone(),
        );
        registry.register(
            "ip_gc_waiting_ips",
            "Addresses that the last pass of the sweep is to look at again later",
            self.waiting.clone(),
        );
        self.took.register(registry, "ip_gc", "duration_seconds", "How long a pass of the sweep took");
    }

    pub(super) fn pass(&self, swept: &Swept, took: Duration) {
        self.took.observe(took);
        let mut waiting = 0;
        for judged in &swept.judged {
            match (&judged.done, &judged.verdict) {
                (Done::Freed, Verdict::Free { first, .. }) => {
                    self.freed.inc();
                    self.by_reason.get_or_create(&Reason { reason: first.word() }).inc();
                }
                (Done::Later(_), _) => drop(self.failed.inc()),
                (_, Verdict::Wait { .. }) => waiting += 1,
                _ => {}
            }
        }
        self.waiting.set(waiting);
    }

    /// Each figure has a series.
    pub(super) fn sample(&self) {
        drop(self.by_reason.get_or_create(&Reason { reason: "pod_absent" }));
    }

    pub(super) fn failed(&self) {
        self.passes_failed.inc();
    }
}
