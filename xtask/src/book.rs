//! `cargo xtask book`: the pages of `docs/` as a book, in `target/book`.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::problem::Problem;
use crate::tools;
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode, Problem> {
    let folder = build(workspace)?;
    println!("{}", folder.join("index.html").display());
    Ok(ExitCode::SUCCESS)
}

/// Builds it, and says where it is. The folder is named here although `docs/book.toml` names one too: the target
/// directory is where the user has put it.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf, Problem> {
    let program = tools::MDBOOK.program(workspace)?;
    let folder = workspace.target.join("book");
    workspace.program(program).args(["build", "docs"]).option("--dest-dir", &folder).run()?;
    Ok(folder)
}
