//! `cargo xtask sim`: builds the simulation and hands over to it.

use std::process::ExitCode;

use crate::problem::Problem;
use crate::workspace::Workspace;

/// Builds the program and becomes it. Returns only if something went wrong before that.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<ExitCode, Problem> {
    let features = ["--features", "simulation,mutations", "--example", "simulation"];
    workspace.cargo("build").args(["--release", "-p", "spiderpool-core"]).args(features).run()?;
    let program = workspace.program(workspace.target.join("release/examples/simulation")).args(args);
    Err(program.replace_self())
}
