//! How long something takes: a histogram, and upstream's four gauges over the life of the process.

use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Upstream's buckets in seconds, and finer ones below, where this agent works.
const BUCKETS: [f64; 16] =
    [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5, 1.0, 3.0, 5.0, 7.0, 10.0, 15.0, 100.0];

type Seconds = Gauge<f64, AtomicU64>;

#[derive(Debug, Default)]
struct Seen {
    count: u32,
    sum: Duration,
    shortest: Option<Duration>,
    longest: Duration,
}

/// How long something takes.
#[derive(Debug)]
pub(super) struct Durations {
    histogram: Histogram,
    average: Seconds,
    max: Seconds,
    min: Seconds,
    latest: Seconds,
    seen: Mutex<Seen>,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            histogram: Histogram::new(BUCKETS),
            average: Seconds::default(),
            max: Seconds::default(),
            min: Seconds::default(),
            latest: Seconds::default(),
            seen: Mutex::default(),
        }
    }
}

impl Durations {
    /// Registers `{prefix}_{suffix}` and `{prefix}_{average,max,min,latest}_{suffix}`.
    pub(super) fn register(&self, registry: &mut Registry, prefix: &str, suffix: &str, help: &str) {
        registry.register(format!("{prefix}_{suffix}"), help, self.histogram.clone());
        for (which, gauge) in
            [("average", &self.average), ("max", &self.max), ("min", &self.min), ("latest", &self.latest)]
        {
            let help = format!("{help}: {which} since the agent began");
            registry.register(format!("{prefix}_{which}_{suffix}"), help, gauge.clone());
        }
    }

    pub(super) fn observe(&self, took: Duration) {
        self.histogram.observe(took.as_secs_f64());
        let mut seen = self.seen.lock();
        seen.count = seen.count.saturating_add(1);
        seen.sum = seen.sum.saturating_add(took);
        seen.longest = seen.longest.max(took);
        seen.shortest = Some(seen.shortest.map_or(took, |shortest| shortest.min(took)));
        self.average.set(seen.sum.as_secs_f64() / f64::from(seen.count));
        self.max.set(seen.longest.as_secs_f64());
        self.min.set(seen.shortest.unwrap_or_default().as_secs_f64());
        self.latest.set(took.as_secs_f64());
    }
}
