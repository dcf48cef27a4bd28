//! `cargo xtask crds`, `cargo xtask monitoring` and `cargo xtask chart`: write what is generated of the chart.

use std::process::ExitCode;

use crate::problem::Problem;
use crate::workspace::Workspace;

/// What is generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generated {
    /// The custom resource definitions.
    Crds,
    /// Alert rules, the Grafana dashboard and the page of both.
    Monitoring,
    /// README and schema of its values.
    Values,
}

impl Generated {
    /// The crate whose example writes it, the example, and where to.
    fn parts(self) -> (&'static str, &'static str, &'static [&'static str]) {
        match self {
            Self::Crds => {
                ("spiderpool-store-kube", "crds", &["charts/spiderpool/files/crds", "docs/reference/crds.md"])
            }
            Self::Monitoring => (
                "spiderpool-operator",
                "monitoring",
                &["charts/spiderpool/files", "docs/reference/metrics.md"],
            ),
            Self::Values => ("spiderpool-operator", "chart", &["charts/spiderpool"]),
        }
    }
}

pub(crate) fn run(workspace: &Workspace, what: Generated) -> Result<ExitCode, Problem> {
    let (package, example, places) = what.parts();
    let example = ["--quiet", "-p", package, "--example", example, "--"];
    workspace.cargo("run").args(example).args(places.iter().map(|place| workspace.root.join(place))).run()?;
    println!("{} up to date", places.join(" and "));
    Ok(ExitCode::SUCCESS)
}
