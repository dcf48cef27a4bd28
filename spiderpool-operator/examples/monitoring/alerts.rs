//! When somebody should look.

use serde_json::{Value, json};

/// An alert. Those of upstream keep its names.
pub(crate) struct Alert {
    pub(crate) name: &'static str,
    pub(crate) expression: &'static str,
    /// How long it has to be so.
    pub(crate) lasting: &'static str,
    pub(crate) severity: &'static str,
    pub(crate) summary: &'static str,
    /// What to do.
    pub(crate) description: &'static str,
}

pub(crate) const ALERTS: [Alert; 12] = [
    Alert {
        name: "ipamAllocationFailure",
        expression: "sum by (instance) (increase(spiderpool_ipam_allocation_failure_counts_total[30m])) > 5",
        lasting: "0m",
        severity: "warning",
        summary: "Pods on {{ $labels.instance }} get no addresses",
        description: "The pods' Events name every pool that was refused, and why; spiderpoolctl explain POD does, too.",
    },
    Alert {
        name: "ipamAllocationOverTime",
        expression: "sum by (instance) (increase(spiderpool_ipam_allocation_err_retries_exhausted_counts_total[30m])) > 5",
        lasting: "0m",
        severity: "warning",
        summary: "Grants on {{ $labels.instance }} are not done by their deadline",
        description: "The store is slow, or edits of pools stand in the way: see the agent's log.",
    },
    Alert {
        name: "ipamHighAllocationDurations",
        expression: "histogram_quantile(0.99, sum by (instance, le) (rate(spiderpool_ipam_allocation_duration_seconds_bucket[10m]))) > 0.5",
        lasting: "10m",
        severity: "warning",
        summary: "A hundredth of the grants on {{ $labels.instance }} takes more than half a second",
        description: "Compare with the store's own latency, and with spiderpool_ipam_block_write_conflicts.",
    },
    Alert {
        name: "ipamReleaseFailure",
        expression: "sum by (instance) (increase(spiderpool_ipam_release_failure_counts_total[30m])) > 5",
        lasting: "0m",
        severity: "warning",
        summary: "Releases on {{ $labels.instance }} fail",
        description: "The runtime repeats them, and the sweep makes up for them; the agent's log says why they fail.",
    },
    Alert {
        name: "ipamReleaseOverTime",
        expression: "sum by (instance) (increase(spiderpool_ipam_release_err_retries_exhausted_counts_total[30m])) > 5",
        lasting: "0m",
        severity: "warning",
        summary: "Releases on {{ $labels.instance }} are not done by their deadline",
        description: "The store is slow: see the agent's log.",
    },
    Alert {
        name: "ipamReleasesPending",
        expression: "spiderpool_ipam_pending_releases > 0",
        lasting: "15m",
        severity: "warning",
        summary: "Releases that found no agent on {{ $labels.instance }} are still not done",
        description: "The agent's log says why. Their addresses stay held until then.",
    },
    Alert {
        name: "ipGCFailureCounts",
        expression: "sum by (instance) (increase(spiderpool_ip_gc_failure_counts_total[30m])) > 5",
        lasting: "0m",
        severity: "warning",
        summary: "The sweep of {{ $labels.instance }} cannot free addresses",
        description: "Nobody uses them, and they are not free: spiderpoolctl sweep --dry-run names them and says why.",
    },
    Alert {
        name: "controllerMissing",
        expression: "(sum(spiderpool_controller_leads) or vector(0)) < 1",
        lasting: "5m",
        severity: "critical",
        summary: "No spiderpool-controller leads",
        description: "Pods get addresses from the pools there are; no pool is made or resized, edits are refused, status is old.",
    },
    Alert {
        name: "autoPoolFailure",
        expression: "increase(spiderpool_auto_pool_look_failures_total[30m]) > 20",
        lasting: "0m",
        severity: "warning",
        summary: "Pools of applications cannot be made or sized",
        description: "They are tried again; the controller's log says what fails.",
    },
    Alert {
        name: "ippoolExhausted",
        expression: "spiderpool_ippool_condition{type=\"Exhausted\"} == 1 and on (SpiderIPPool) spiderpool_debug_ippool_total_ip_counts > 0",
        lasting: "10m",
        severity: "warning",
        summary: "Pool {{ $labels.SpiderIPPool }} has no free address",
        description: "kubectl describe sp {{ $labels.SpiderIPPool }} says what they are used for. A pool of exactly as many addresses as pods is always full.",
    },
    Alert {
        name: "ippoolNarrowing",
        expression: "spiderpool_ippool_condition{type=\"Narrowing\"} == 1",
        lasting: "30m",
        severity: "info",
        summary: "Addresses are held that pool {{ $labels.SpiderIPPool }} no longer has",
        description: "Each goes when its pod releases it. An edit went past the webhook: see the pool's conditions.",
    },
    Alert {
        name: "ippoolOverlapping",
        expression: "spiderpool_ippool_condition{type=\"Overlapping\"} == 1",
        lasting: "10m",
        severity: "warning",
        summary: "Pool {{ $labels.SpiderIPPool }} shares addresses with another pool",
        description: "Nothing is granted twice, but both show addresses that the other may take: see the pool's conditions.",
    },
];

/// A PrometheusRule with all of them.
pub(crate) fn rule() -> Value {
    let rules: Vec<Value> = ALERTS
        .iter()
        .map(|alert| {
            json!({
                "alert": alert.name,
                "expr": alert.expression,
                "for": alert.lasting,
                "labels": {"severity": alert.severity},
                "annotations": {"summary": alert.summary, "description": alert.description},
            })
        })
        .collect();
    json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "spiderpool"},
        "spec": {"groups": [{"name": "spiderpool", "rules": rules}]},
    })
}
