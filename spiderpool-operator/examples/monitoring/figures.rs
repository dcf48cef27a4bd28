//! The figures of a program, read from what Prometheus would scrape.

/// What Prometheus takes a figure for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Info,
}

/// A figure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Figure {
    /// Without what Prometheus adds: `spiderpool_ip_gc_counts`.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) help: String,
    /// The names of its labels.
    pub(crate) labels: Vec<String>,
}

impl Figure {
    /// The names of its series.
    pub(crate) fn series(&self) -> Vec<String> {
        let ends: &[&str] = match self.kind {
            Kind::Counter => &["_total"],
            Kind::Gauge => &[""],
            Kind::Histogram => &["_bucket", "_count", "_sum"],
            Kind::Info => &["_info"],
        };
        ends.iter().map(|end| format!("{}{end}", self.name)).collect()
    }
}

/// The figures in `text`, each of which has a series there.
pub(crate) fn figures(text: &str) -> Vec<Figure> {
    let kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    kinds
        .map(|(name, kind)| {
            let kind = match kind {
                "counter" => Kind::Counter,
                "histogram" => Kind::Histogram,
                "info" => Kind::Info,
                _ => Kind::Gauge,
            };
            let help = text.lines().find_map(|line| line.strip_prefix(&format!("# HELP {name} ")));
            let help = help.unwrap_or_default().trim_end_matches('.').to_owned();
            let figure = Figure { name: name.to_owned(), kind, help, labels: Vec::new() };
            let series = figure.series().swap_remove(0);
            let labels =
                text.lines().find_map(|line| line.strip_prefix(&format!("{series}{{"))?.split_once('}'));
            let labels = labels.map_or("", |(labels, _)| labels);
            let labels = labels
                .split(',')
                .filter_map(|label| label.split_once('='))
                .map(|(label, _)| label.to_owned());
            Figure { labels: labels.filter(|label| label != "le").collect(), ..figure }
        })
        .collect()
}
