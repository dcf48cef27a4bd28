//! A panel for each figure.

use serde_json::{Value, json};

use super::figures::{Figure, Kind};

const WIDTH: usize = 8;
const HEIGHT: usize = 7;
const PER_ROW: usize = 24 / WIDTH;

/// Grafana's dashboard: a row for each program.
pub(crate) fn dashboard(programs: &[(&'static str, Vec<Figure>)]) -> Value {
    let (mut panels, mut y, mut id) = (Vec::new(), 0, 0);
    for (program, figures) in programs {
        id += 1;
        panels.push(json!({
            "id": id, "type": "row", "title": program, "collapsed": false, "panels": [],
            "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
        }));
        y += 1;
        for (place, figure) in figures.iter().filter(|figure| figure.kind != Kind::Info).enumerate() {
            id += 1;
            let at = json!({"x": place % PER_ROW * WIDTH, "y": y + place / PER_ROW * HEIGHT, "w": WIDTH, "h": HEIGHT});
            panels.push(panel(id, figure, &at));
        }
        y += figures.len().div_ceil(PER_ROW) * HEIGHT;
    }
    json!({
        "uid": "spiderpool",
        "title": "Spiderpool",
        "tags": ["spiderpool"],
        "timezone": "browser",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [
            {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"},
            {
                "name": "instance", "type": "query", "label": "Instance", "multi": true, "includeAll": true,
                "datasource": {"type": "prometheus", "uid": "${datasource}"},
                "query": "label_values(spiderpool_build_info, instance)", "refresh": 2,
            },
        ]},
        "panels": panels,
    })
}

fn panel(id: usize, figure: &Figure, at: &Value) -> Value {
    let targets: Vec<Value> = expressions(figure)
        .into_iter()
        .zip('A'..)
        .map(|((expression, legend), name)| json!({"refId": name.to_string(), "expr": expression, "legendFormat": legend}))
        .collect();
    let unit = match figure.kind {
        _ if figure.name.ends_with("_seconds") => "s",
        Kind::Counter => "ops",
        _ => "short",
    };
    json!({
        "id": id,
        "type": "timeseries",
        "title": figure.help,
        "description": figure.name,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "gridPos": at,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": targets,
    })
}

/// What is shown of a figure, each with its legend.
fn expressions(figure: &Figure) -> Vec<(String, String)> {
    let Figure { name, kind, labels, .. } = figure;
    let chosen = "{instance=~\"$instance\"}";
    let legend = match labels.is_empty() {
        true => "{{instance}}".to_owned(),
        false => labels.iter().map(|label| format!("{{{{{label}}}}}")).collect::<Vec<_>>().join(" "),
    };
    let by =
        std::iter::once("instance").chain(labels.iter().map(String::as_str)).collect::<Vec<_>>().join(", ");
    match kind {
        Kind::Counter => {
            vec![(format!("sum by ({by}) (rate({name}_total{chosen}[$__rate_interval]))"), legend)]
        }
        Kind::Histogram => ["0.5", "0.99"]
            .into_iter()
            .map(|quantile| {
                let rate = format!("sum by (le) (rate({name}_bucket{chosen}[$__rate_interval]))");
                (format!("histogram_quantile({quantile}, {rate})"), format!("{quantile} of all"))
            })
            .collect(),
        Kind::Gauge | Kind::Info => vec![(format!("{name}{chosen}"), legend)],
    }
}
