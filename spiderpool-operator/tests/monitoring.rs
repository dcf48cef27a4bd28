//! Alerts and dashboard rest on figures that there are, and the tree has them as they are generated.

#[path = "../examples/monitoring/main.rs"]
#[allow(dead_code, reason = "its main function is not called")]
mod monitoring;

use std::{collections::BTreeSet, fs, path::Path};

/// The names in an expression that could be series of ours.
fn named(text: &str) -> BTreeSet<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_name(c)).filter(|word| word.starts_with("spiderpool_")).collect()
}

#[test]
fn every_expression_is_about_figures_that_there_are_and_every_figure_is_shown() {
    let figures: Vec<_> = monitoring::all().into_iter().flat_map(|(_, figures)| figures).collect();
    let series: BTreeSet<_> = figures.iter().flat_map(|figure| figure.series()).collect();
    assert!(series.len() > 40, "{series:?}");
    let folder = tempfile::tempdir().unwrap();
    monitoring::write(folder.path()).unwrap();
    let dashboard = fs::read_to_string(folder.path().join("grafana-dashboard.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let shown: Vec<_> = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten())
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    for expression in monitoring::alert_expressions().iter().chain(&shown) {
        let named = named(expression);
        assert!(!named.is_empty(), "{expression}");
        for name in named {
            assert!(series.contains(name), "{name} of {expression}");
        }
    }
    for figure in figures.iter().filter(|figure| !figure.series()[0].ends_with("_info")) {
        assert!(panels.iter().any(|panel| panel["description"] == figure.name.as_str()), "{figure:?}");
        assert!(!figure.help.is_empty(), "{figure:?}");
    }
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
