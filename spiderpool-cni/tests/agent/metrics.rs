//! What Prometheus scrapes has the documented names.

use crate::http::get;
use crate::support::{FakeIpam, Node, add_request, attachment};
use std::collections::BTreeSet;

/// The documented names, without the prefix `spiderpool_`: counters.
const COUNTERS: [&str; 15] = [
    "ipam_allocation_counts",
    "ipam_allocation_failure_counts",
    "ipam_allocation_update_ippool_conflict_counts",
    "ipam_allocation_err_internal_counts",
    "ipam_allocation_err_no_available_pool_counts",
    "ipam_allocation_err_retries_exhausted_counts",
    "ipam_allocation_err_ip_used_out_counts",
    "ipam_release_counts",
    "ipam_release_failure_counts",
    "ipam_release_update_ippool_conflict_counts",
    "ipam_release_err_internal_counts",
    "ipam_release_err_retries_exhausted_counts",
    "ip_gc_counts",
    "ip_gc_failure_counts",
    // Ours.
    "ip_gc_pass_failure_counts",
];

/// The documented names of what takes time: each is a histogram and four gauges.
const DURATIONS: [(&str, &str); 5] = [
    ("ipam_allocation", "duration_seconds"),
    ("ipam_allocation", "limit_duration_seconds"),
    ("ipam_release", "duration_seconds"),
    ("ipam_release", "limit_duration_seconds"),
    ("ip_gc", "duration_seconds"),
];

#[tokio::test]
async fn the_scraped_names_are_the_documented_ones() {
    let (node, ipam) = (Node::new(), FakeIpam::new());
    let agent = node.start(&ipam).await;
    node.client().add(&add_request("c1", "eth0")).await.unwrap();
    node.client().del(&attachment("c1", "eth0")).await.unwrap();

    let (status, text) = get(agent.bound.metrics.unwrap(), "/metrics").await;
    assert_eq!(status, 200);
    assert!(text.ends_with("# EOF\n"), "a whole OpenMetrics text");
    let mut expected = BTreeSet::new();
    for name in COUNTERS {
        // OpenMetrics: the sample of a counter ends in _total.
        expected.insert(format!("spiderpool_{name}_total"));
    }
    for (prefix, suffix) in DURATIONS {
        for part in ["bucket", "count", "sum"] {
            expected.insert(format!("spiderpool_{prefix}_{suffix}_{part}"));
        }
        for which in ["average", "max", "min", "latest"] {
            expected.insert(format!("spiderpool_{prefix}_{which}_{suffix}"));
        }
    }
    // Ours.
    for which in ["operations", "conflicts"] {
        for part in ["bucket", "count", "sum"] {
            expected.insert(format!("spiderpool_ipam_block_write_{which}_{part}"));
        }
    }
    expected.insert("spiderpool_ipam_pending_releases".into());
    expected.insert("spiderpool_ip_gc_waiting_ips".into());
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let scraped: BTreeSet<_> =
        samples.map(|line| line.split([' ', '{']).next().unwrap().to_owned()).collect();
    assert_eq!(scraped, expected);

    for line in [
        "spiderpool_ipam_allocation_counts_total 1",
        "spiderpool_ipam_release_counts_total 1",
        "spiderpool_ipam_allocation_update_ippool_conflict_counts_total 3",
        "spiderpool_ipam_release_update_ippool_conflict_counts_total 2",
        "spiderpool_ipam_allocation_duration_seconds_count 1",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}");
    }
    assert_eq!(get(agent.bound.metrics.unwrap(), "/anything").await.0, 200, "any path, as upstream");
    agent.stop().await;
}
