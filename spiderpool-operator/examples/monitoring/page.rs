//! All figures and alerts, for people.

use std::fmt::Write as _;

use super::{
    alerts::ALERTS,
    figures::{Figure, Kind},
};

/// A page of the documentation.
pub(crate) fn page(programs: &[(&'static str, Vec<Figure>)]) -> String {
    let mut page = String::from(
        "# Metrics and alerts\n\n<!-- Written by `cargo xtask monitoring`. Do not edit. -->\n\n\
         Agents answer `/metrics` on port 5711, the controller on 5721, in the text form of OpenMetrics. Figures \
         about pools and Subnets come from the replica of the controller that leads. Alert rules for Prometheus' operator and a Grafana dashboard are in \
         `charts/spiderpool/files`; the chart installs them where `spiderpoolAgent.prometheus.prometheusRule.install` and \
         `grafanaDashboard.install` say so ([parameters](helm.md)).\n",
    );
    for (program, figures) in programs {
        let _ = write!(page, "\n## {program}\n\n| name | kind | labels | meaning |\n|---|---|---|---|\n");
        for figure in figures {
            let kind = match figure.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
                Kind::Info => "info",
            };
            let name = match figure.kind {
                Kind::Histogram => figure.name.clone(),
                _ => figure.series().swap_remove(0),
            };
            let labels: Vec<String> = figure.labels.iter().map(|label| format!("`{label}`")).collect();
            let _ = writeln!(page, "| `{name}` | {kind} | {} | {} |", labels.join(", "), figure.help);
        }
    }
    page.push_str("\n## Alerts\n");
    for alert in &ALERTS {
        let lasting = match alert.lasting {
            "0m" => "at once".to_owned(),
            lasting => format!("after {lasting}"),
        };
        let _ = write!(
            page,
            "\n### {}\n\n{}, {lasting}: {}. {}\n\n```promql\n{}\n```\n",
            alert.name,
            alert.severity,
            plain(alert.summary),
            plain(alert.description),
            alert.expression,
        );
    }
    page
}

/// Without the notation for a label's value.
fn plain(text: &str) -> String {
    text.replace("{{ $labels.instance }}", "an instance").replace("{{ $labels.SpiderIPPool }}", "`POOL`")
}
