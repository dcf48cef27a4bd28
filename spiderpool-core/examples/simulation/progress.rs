//! How far a long run is.

use std::time::Instant;

use spiderpool_core::simulation::{Coverage, Report};

/// Real time, which only this program looks at.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

#[expect(
    clippy::disallowed_methods,
    reason = "how long a person has waited; nothing simulated depends on it"
)]
impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn seconds(self) -> u64 {
        self.0.elapsed().as_secs()
    }

    fn exact(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// Seconds between two lines.
const PERIOD: u64 = 5;

/// What was done so far.
pub(crate) struct Progress {
    watch: Stopwatch,
    shown: u64,
    seeds: u64,
    requests: u64,
    operations: u64,
    steps: u64,
    seconds: u64,
    coverage: Coverage,
}

impl Progress {
    pub(crate) fn new(watch: Stopwatch) -> Self {
        let coverage = Coverage::default();
        Self { watch, shown: 0, seeds: 0, requests: 0, operations: 0, steps: 0, seconds: 0, coverage }
    }

    pub(crate) fn add(&mut self, report: &Report) {
        self.seeds += 1;
        self.requests += report.requests;
        self.operations += report.store_operations;
        self.steps += report.steps;
        self.seconds += report.seconds;
        self.coverage.add(&report.coverage);
        if self.watch.seconds() >= self.shown + PERIOD {
            self.shown = self.watch.seconds();
            println!("{}", self.line());
        }
    }

    fn line(&self) -> String {
        let all = self.coverage.all().count();
        let taken = all - self.coverage.missing().count();
        let rate = (self.operations + self.requests) as f64 / self.watch.exact().max(0.001);
        format!(
            "{:>5} s: {} seeds, {} requests and {} store operations ({rate:.0} a second), {taken} of {all} branches",
            self.watch.seconds(),
            self.seeds,
            self.requests,
            self.operations,
        )
    }

    /// Everything, with each branch's count.
    pub(crate) fn summary(&self) {
        for (name, count) in self.coverage.all() {
            println!("{count:>12}  {name}");
        }
        println!("{}", self.line());
        println!("no violation; {} steps, {:.1} virtual days", self.steps, self.seconds as f64 / 86_400.0);
    }

    pub(crate) fn missing(&self) -> Vec<&'static str> {
        self.coverage.missing().collect()
    }
}
