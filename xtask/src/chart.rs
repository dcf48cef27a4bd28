//! `cargo xtask crds`, `cargo xtask monitoring` and `cargo xtask chart`: write what is generated of the chart.

use std::process::ExitCode;

use crate::problem::Problem;
use crate::workspace::Workspace;

/// What is generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generated {
    /// The custom resource definitions.
    Crds,
    /// Alert rules and the Grafana dashboard.
    Monitoring,
    /// README and schema of its values.
    Values,
}

impl Generated {
    /// The crate whose example writes it, the example, and the folder.
    fn parts(self) -> [&'static str; 3] {
        match self {
            Self::Crds => ["spiderpool-store-kube", "crds", "charts/spiderpool/files/crds"],
            Self::Monitoring => ["spiderpool-operator", "monitoring", "charts/spiderpool/files"],
            Self::Values => ["spiderpool-operator", "chart", "charts/spiderpool"],
        }
    }
}

pub(crate) fn run(workspace: &Workspace, what: Generated) -> Result<ExitCode, Problem> {
    let [package, example, folder] = what.parts();
    let example = ["--quiet", "-p", package, "--example", example, "--"];
    workspace.cargo("run").args(example).args([workspace.root.join(folder)]).run()?;
    println!("{folder} is up to date");
    Ok(ExitCode::SUCCESS)
}
