//! Figures for Prometheus, under upstream's documented names where it has one.

use std::sync::{Arc, atomic::AtomicU64};

use axum::{
    Router,
    http::{StatusCode, header},
    response::IntoResponse,
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, info::Info},
    registry::Registry,
};
use spiderpool_core::{
    api::{Condition, ConditionStatus},
    sweep::{Done, Swept, Verdict},
};

use crate::{
    auto::Looks,
    status::{Figures, Shown},
};

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The label of figures of one object, named by its kind as upstream's is.
type Of = [(&'static str, String); 1];

fn of_pool(name: &str) -> Of {
    [("SpiderIPPool", name.to_owned())]
}

fn of_subnet(name: &str) -> Of {
    [("SpiderSubnet", name.to_owned())]
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct ByReason {
    reason: &'static str,
}

/// A condition of a pool.
type OfCondition = [(&'static str, String); 2];

/// The conditions that are figures: those which somebody should look at.
const CONDITIONS: [&str; 4] = ["Ready", "Exhausted", "Narrowing", "Overlapping"];

type Count = Gauge<f64, AtomicU64>;

/// All figures of one controller.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    leads: Gauge,
    looks: Counter,
    looks_failed: Counter,
    status_writes: Counter,
    status_conflicts: Counter,
    swept: Counter,
    swept_by_reason: Family<ByReason, Counter>,
    sweep_failures: Counter,
    pools: Gauge,
    subnets: Gauge,
    pool_total: Family<Of, Count>,
    pool_available: Family<Of, Count>,
    pool_condition: Family<OfCondition, Gauge>,
    subnet_total: Family<Of, Count>,
    subnet_available: Family<Of, Count>,
    subnet_pools: Family<Of, Gauge>,
}

impl Metrics {
    /// Figures that all are zero.
    pub(super) fn new() -> Arc<Self> {
        let mut registry = Registry::with_prefix("spiderpool");
        let version = ("version", env!("CARGO_PKG_VERSION"));
        registry.register("build", "Which version runs", Info::new([version].to_vec()));
        let mut metrics = Self {
            registry: Registry::default(),
            leads: Gauge::default(),
            looks: Counter::default(),
            looks_failed: Counter::default(),
            status_writes: Counter::default(),
            status_conflicts: Counter::default(),
            swept: Counter::default(),
            swept_by_reason: Family::default(),
            sweep_failures: Counter::default(),
            pools: Gauge::default(),
            subnets: Gauge::default(),
            pool_total: Family::default(),
            pool_available: Family::default(),
            pool_condition: Family::default(),
            subnet_total: Family::default(),
            subnet_available: Family::default(),
            subnet_pools: Family::default(),
        };
        registry.register("controller_leads", "1 while this replica leads", metrics.leads.clone());
        registry.register(
            "auto_pool_looks",
            "Looks at applications that ask for pools",
            metrics.looks.clone(),
        );
        registry.register(
            "auto_pool_look_failures",
            "Looks that failed and are repeated",
            metrics.looks_failed.clone(),
        );
        registry.register("status_writes", "Writes of status of pools", metrics.status_writes.clone());
        registry.register(
            "status_conflicts",
            "Writes of status that met a newer version and were left to the next look",
            metrics.status_conflicts.clone(),
        );
        registry.register("ip_gc_counts", "Addresses that the sweep freed", metrics.swept.clone());
        registry.register(
            "ip_gc_freed_counts",
            "Addresses that the sweep freed, by what was said of their owner",
            metrics.swept_by_reason.clone(),
        );
        registry.register(
            "ip_gc_failure_counts",
            "Passes of the sweep that failed, and addresses that could not be freed yet",
            metrics.sweep_failures.clone(),
        );
        registry.register("total_ippool_counts", "Pools", metrics.pools.clone());
        registry.register("total_subnet_counts", "Subnets", metrics.subnets.clone());
        let pools = [
            ("debug_ippool_total_ip_counts", "Addresses of a pool", &metrics.pool_total),
            (
                "debug_ippool_available_ip_counts",
                "Addresses of a pool that nobody holds",
                &metrics.pool_available,
            ),
        ];
        for (name, help, family) in pools {
            registry.register(name, help, family.clone());
        }
        registry.register(
            "ippool_condition",
            "1 where a condition of a pool holds, else 0",
            metrics.pool_condition.clone(),
        );
        let subnets = [
            ("debug_subnet_total_ip_counts", "Addresses of a Subnet", &metrics.subnet_total),
            (
                "debug_subnet_available_ip_counts",
                "Addresses of a Subnet that no pool has",
                &metrics.subnet_available,
            ),
        ];
        for (name, help, family) in subnets {
            registry.register(name, help, family.clone());
        }
        registry.register(
            "debug_subnet_ippool_counts",
            "Pools that have addresses of a Subnet",
            metrics.subnet_pools.clone(),
        );
        metrics.registry = registry;
        Arc::new(metrics)
    }

    /// This replica does not lead: it has no figures about objects.
    pub(super) fn follows(&self) {
        self.leads.set(0);
        self.pools.set(0);
        self.subnets.set(0);
        self.pool_total.clear();
        self.pool_available.clear();
        self.pool_condition.clear();
        self.subnet_total.clear();
        self.subnet_available.clear();
        self.subnet_pools.clear();
    }

    /// This replica leads.
    pub(super) fn leads(&self) {
        self.leads.set(1);
    }

    /// Takes in a pass of the sweep.
    pub(super) fn swept(&self, swept: &Swept) {
        for judged in &swept.judged {
            match (&judged.done, &judged.verdict) {
                (Done::Freed, Verdict::Free { first, .. }) => {
                    self.swept.inc();
                    self.swept_by_reason.get_or_create(&ByReason { reason: first.word() }).inc();
                }
                (Done::Later(_), _) => {
                    self.sweep_failures.inc();
                }
                _ => {}
            }
        }
    }

    /// Counts a pass of the sweep that failed.
    pub(super) fn sweep_failed(&self) {
        self.sweep_failures.inc();
    }

    /// Each figure has a series.
    fn with_samples(&self) {
        let shown = Some(Shown { total: 3, taken: 1 });
        let full = CONDITIONS.map(|kind| Condition {
            kind: kind.into(),
            status: ConditionStatus::True,
            ..Condition::default()
        });
        self.pool("p", shown, &full);
        self.subnet("s", shown, 1);
        drop(self.swept_by_reason.get_or_create(&ByReason { reason: "pod_absent" }));
    }

    fn render(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// All figures of a controller in the text form of OpenMetrics, each with a series: for whoever makes dashboards.
#[must_use]
pub fn sample_metrics() -> String {
    let metrics = Metrics::new();
    metrics.with_samples();
    metrics.render().unwrap_or_default()
}

impl Looks for Metrics {
    fn looked(&self) {
        self.looks.inc();
    }

    fn failed(&self) {
        self.looks_failed.inc();
    }
}

impl Figures for Metrics {
    fn pools(&self, count: usize) {
        self.pools.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    fn subnets(&self, count: usize) {
        self.subnets.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    fn pool(&self, name: &str, shown: Option<Shown>, conditions: &[Condition]) {
        let label = of_pool(name);
        match shown {
            Some(Shown { total, taken }) => {
                self.pool_total.get_or_create(&label).set(total as f64);
                self.pool_available.get_or_create(&label).set((total - taken).max(0) as f64);
            }
            None => {
                self.pool_total.remove(&label);
                self.pool_available.remove(&label);
            }
        }
        let [pool] = label;
        for kind in CONDITIONS {
            let label = [pool.clone(), ("type", kind.to_owned())];
            match conditions.iter().find(|one| one.kind == kind) {
                Some(one) => {
                    let holds = i64::from(one.status == ConditionStatus::True);
                    self.pool_condition.get_or_create(&label).set(holds);
                }
                None => {
                    self.pool_condition.remove(&label);
                }
            }
        }
    }

    fn subnet(&self, name: &str, shown: Option<Shown>, pools: usize) {
        let label = of_subnet(name);
        match shown {
            Some(Shown { total, taken }) => {
                self.subnet_total.get_or_create(&label).set(total as f64);
                self.subnet_available.get_or_create(&label).set((total - taken).max(0) as f64);
                self.subnet_pools.get_or_create(&label).set(i64::try_from(pools).unwrap_or(i64::MAX));
            }
            None => {
                self.subnet_total.remove(&label);
                self.subnet_available.remove(&label);
                self.subnet_pools.remove(&label);
            }
        }
    }

    fn wrote(&self) {
        self.status_writes.inc();
    }

    fn conflicted(&self) {
        self.status_conflicts.inc();
    }
}

/// Any path, as upstream.
pub(super) fn router(metrics: Arc<Metrics>) -> Router {
    Router::new().fallback(move || {
        let metrics = Arc::clone(&metrics);
        async move {
            match metrics.render() {
                Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
                Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const DOCS: &str = include_str!("../../../docs/controller.md");

    #[test]
    fn the_docs_name_every_figure_and_no_other() {
        let text = sample_metrics();
        assert!(text.contains("debug_ippool_available_ip_counts{SpiderIPPool=\"p\"} 2.0"), "{text}");
        assert!(text.contains("ippool_condition{SpiderIPPool=\"p\",type=\"Exhausted\"} 1"), "{text}");
        let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE spiderpool_"));
        let names: BTreeSet<_> = names.map(|line| line.replacen(' ', " | ", 1)).collect();
        let (_, section) = DOCS.split_once("\n## Metrics\n").unwrap();
        let section = section.split("\n## ").next().unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
        let documented: BTreeSet<_> = rows
            .map(|row| {
                let mut cells = row.split(" | ");
                format!("{} | {}", cells.next().unwrap().trim_end_matches('`'), cells.next().unwrap())
            })
            .collect();
        assert_eq!(names, documented);
    }
}
