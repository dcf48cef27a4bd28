//! Alerts and dashboard rest on figures that there are, and the tree has them as they are generated.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod promql;

#[path = "../../examples/monitoring/main.rs"]
#[allow(dead_code, reason = "its main function is not called")]
mod monitoring;

use std::{fs, path::Path};

use promql::{Labels, Scraped};
use rstest::rstest;
use serde_json::Value;

fn scraped() -> Scraped {
    Scraped::of(&[spiderpool_cni::agent::sample_metrics(), spiderpool_operator::process::sample_metrics()])
}

fn written(name: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    monitoring::write(folder.path()).unwrap();
    fs::read_to_string(folder.path().join(name)).unwrap()
}

/// The labels that stand between `start` and the next braces.
fn shown(text: &str, start: &str) -> Labels {
    text.split(start).skip(1).map(|rest| rest.split("}}").next().unwrap().trim().to_owned()).collect()
}

/// The labels of what `expression` gives, all of those that are shown of it among them.
fn checked(expression: &str, shown: &Labels) {
    let labels = scraped().labels(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    assert!(shown.is_subset(&labels), "{expression} has {labels:?}, not {shown:?}");
}

#[test]
fn every_alert_is_about_what_there_is() {
    let rule: Value = serde_saphyr::from_str(&written("prometheus-rule.yaml")).unwrap();
    let rules = rule["spec"]["groups"][0]["rules"].as_array().unwrap();
    assert!(!rules.is_empty());
    for rule in rules {
        checked(rule["expr"].as_str().unwrap(), &shown(&rule["annotations"].to_string(), "{{ $labels."));
    }
}

#[test]
fn every_panel_is_about_what_there_is_and_every_figure_has_one() {
    let dashboard: Value = serde_json::from_str(&written("grafana-dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    for target in panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten()) {
        let expression = target["expr"].as_str().unwrap().replace("$__rate_interval", "1m");
        checked(&expression, &shown(target["legendFormat"].as_str().unwrap(), "{{"));
    }
    let figures: Vec<_> = monitoring::all().into_iter().flat_map(|(_, figures)| figures).collect();
    assert!(figures.len() > 30, "{figures:?}");
    for figure in figures.iter().filter(|figure| !figure.series()[0].ends_with("_info")) {
        assert!(panels.iter().any(|panel| panel["description"] == figure.name.as_str()), "{figure:?}");
        assert!(!figure.help.is_empty(), "{figure:?}");
    }
}

#[test]
fn the_dashboards_instances_are_those_of_a_series_that_there_is() {
    let dashboard: Value = serde_json::from_str(&written("grafana-dashboard.json")).unwrap();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let asked = variables.iter().filter(|variable| variable["type"] == "query");
    let asked: Vec<&str> = asked.map(|variable| variable["query"].as_str().unwrap()).collect();
    assert_eq!(asked.len(), 1, "{asked:?}");
    let values = asked[0].strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
    let (series, label) = values.unwrap().split_once(", ").unwrap();
    checked(series, &Labels::from([label.to_owned()]));
}

#[rstest]
#[case::no_expression("sum by (instance (spiderpool_controller_leads)", "unclosed")]
#[case::a_counter_without_its_end("rate(spiderpool_ipam_release_counts[1m])", "no program exposes")]
#[case::a_histogram_itself("spiderpool_ipam_allocation_duration_seconds", "no program exposes")]
#[case::a_rate_of_an_instant("rate(spiderpool_ipam_release_counts_total)", "expected")]
#[case::a_label_that_is_none("spiderpool_controller_leads{pool='x'}", "no label pool")]
#[case::a_value_that_is_none("spiderpool_ippool_condition{type='Full'}", "is never Full")]
#[case::by_a_label_that_is_none("sum by (pool) (spiderpool_ippool_condition)", "no label pool")]
#[case::on_a_label_of_one_side(
    "spiderpool_ippool_condition and on (type) spiderpool_debug_ippool_total_ip_counts",
    "no label type"
)]
#[case::a_quantile_of_what_is_no_bucket(
    "histogram_quantile(0.5, sum(rate(spiderpool_ipam_release_duration_seconds_bucket[1m])))",
    "no label le"
)]
fn a_wrong_expression_is_found(#[case] expression: &str, #[case] says: &str) {
    let error = scraped().labels(expression).unwrap_err();
    assert!(error.contains(says), "{error}");
}

#[test]
fn the_tree_has_them_as_they_are_generated() {
    let (fresh, root) = (tempfile::tempdir().unwrap(), Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    monitoring::write(fresh.path()).unwrap();
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    for name in ["prometheus-rule.yaml", "grafana-dashboard.json"] {
        let tree = root.join("charts/spiderpool/files").join(name);
        assert!(
            read(&fresh.path().join(name)) == read(&tree),
            "{name} is out of date: run `cargo xtask monitoring`"
        );
    }
    let page = root.join("docs/reference/metrics.md");
    assert!(monitoring::page() == read(&page), "metrics.md is out of date: run `cargo xtask monitoring`");
}
