//! How writes of blocks went, as the allocator counts it.

use parking_lot::Mutex;
use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use spiderpool_core::alloc::{Conflicts, SPREAD_BOUNDS, Spread};
use std::fmt;
use std::sync::Arc;

/// A histogram that somebody else fills.
#[derive(Clone, Debug, Default)]
struct Shown(Arc<Mutex<Spread>>);

impl Shown {
    /// Whoever looked earlier may come later.
    fn is(&self, spread: Spread) {
        let mut shown = self.0.lock();
        let count = |spread: &Spread| spread.counts.iter().sum::<u64>();
        if count(&spread) >= count(&shown) {
            *shown = spread;
        }
    }
}

impl EncodeMetric for Shown {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let spread = *self.0.lock();
        let bounds = SPREAD_BOUNDS.iter().map(|bound| *bound as f64).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(spread.counts).collect();
        let count = spread.counts.iter().sum();
        encoder.encode_histogram::<NoLabelSet>(spread.sum as f64, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

/// The two of them.
#[derive(Debug, Default)]
pub(super) struct Spreads {
    merged: Shown,
    repeats: Shown,
}

impl Spreads {
    pub(super) fn register(&self, registry: &mut Registry) {
        let mut histogram =
            |name: &str, help: &str, shown: &Shown| registry.register(name, help, shown.clone());
        histogram(
            "ipam_block_write_operations",
            "How many grants and releases a write of a block did at once",
            &self.merged,
        );
        histogram(
            "ipam_block_write_conflicts",
            "How often a write of a block was repeated because somebody else had changed the block",
            &self.repeats,
        );
    }

    pub(super) fn are(&self, writes: &Conflicts) {
        self.merged.is(writes.merged);
        self.repeats.is(writes.repeats);
    }
}
