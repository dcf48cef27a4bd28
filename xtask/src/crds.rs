//! `cargo xtask crds`: writes the custom resource definitions into the chart.

use std::process::ExitCode;

use crate::problem::Problem;
use crate::workspace::Workspace;

/// Where Helm looks for definitions.
const FOLDER: &str = "charts/spiderpool/crds";

pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode, Problem> {
    let example = ["--quiet", "-p", "spiderpool-store-kube", "--example", "crds", "--"];
    workspace.cargo("run").args(example).args([workspace.root.join(FOLDER)]).run()?;
    println!("{FOLDER} is up to date");
    Ok(ExitCode::SUCCESS)
}
