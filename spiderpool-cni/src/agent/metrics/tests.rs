use super::Metrics;
use crate::api::ErrorCode;
use spiderpool_core::alloc::{Conflicts, Spread};
use std::time::Duration;

#[test]
fn failures_are_told_apart() {
    let metrics = Metrics::new();
    let quick = Duration::from_millis(1);
    metrics.granted(quick, None);
    for code in
        ["NoPool", "Exhausted", "Cooling", "WrongInput", "Internal", "Unavailable", "Deadline", "Busy"]
    {
        metrics.granted(quick, Some(&ErrorCode::from(code.to_owned())));
    }
    metrics.released(Duration::from_secs(2), Some(&ErrorCode::Unavailable));
    let spread = |counts, sum| Spread { counts, sum };
    let now = Conflicts {
        grants: 3,
        releases: 1,
        merged: spread([0, 4, 1, 0, 0, 0, 0, 0], 6),
        repeats: spread([3, 1, 0, 0, 0, 0, 0, 1], 40),
    };
    metrics.conflicts(now);
    metrics.conflicts(Conflicts { grants: 2, releases: 1, ..Conflicts::default() });
    let text = metrics.render(5).unwrap();
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("spiderpool_{name} ")));
        line.unwrap_or_else(|| panic!("{name} is missing")).parse::<f64>().unwrap()
    };
    assert_eq!(value("ipam_allocation_counts_total"), 9.0);
    assert_eq!(value("ipam_allocation_failure_counts_total"), 8.0);
    assert_eq!(value("ipam_allocation_err_no_available_pool_counts_total"), 1.0);
    assert_eq!(value("ipam_allocation_err_ip_used_out_counts_total"), 2.0);
    assert_eq!(value("ipam_allocation_err_internal_counts_total"), 2.0);
    assert_eq!(value("ipam_allocation_err_retries_exhausted_counts_total"), 2.0);
    assert_eq!(value("ipam_allocation_update_ippool_conflict_counts_total"), 3.0);
    assert_eq!(value("ipam_allocation_duration_seconds_count"), 9.0);
    assert_eq!(value("ipam_block_write_operations_count"), 5.0);
    assert_eq!(value("ipam_block_write_operations_sum"), 6.0);
    assert_eq!(value("ipam_block_write_operations_bucket{le=\"1.0\"}"), 4.0);
    assert_eq!(value("ipam_block_write_conflicts_bucket{le=\"32.0\"}"), 4.0);
    assert_eq!(value("ipam_block_write_conflicts_bucket{le=\"+Inf\"}"), 5.0);
    assert_eq!(value("ipam_release_failure_counts_total"), 1.0);
    assert_eq!(value("ipam_release_latest_duration_seconds"), 2.0);
    assert_eq!(value("ipam_pending_releases"), 5.0);
}

#[test]
fn the_four_gauges_are_over_all_that_was_seen() {
    let metrics = Metrics::new();
    for seconds in [2, 1, 6, 3] {
        metrics.grant_waited(Duration::from_secs(seconds));
    }
    let text = metrics.render(0).unwrap();
    for (which, seconds) in [("average", "3.0"), ("max", "6.0"), ("min", "1.0"), ("latest", "3.0")] {
        let line = format!("spiderpool_ipam_allocation_{which}_limit_duration_seconds {seconds}");
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
}
