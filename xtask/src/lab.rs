//! `cargo xtask lab`: builds the programs that the lab needs and hands over to it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::packages::{self, Purpose};
use crate::problem::Problem;
use crate::workspace::Workspace;

/// Builds the programs and becomes `spiderpoolctl lab ARGS…`. Returns only if something went wrong before that.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<ExitCode, Problem> {
    if let Err(problem) = packages::ensure(workspace, Purpose::Lab) {
        println!("{problem}\nGoing on without: the lab shows what it can without network interfaces.\n");
    }
    workspace
        .cargo("build")
        .args(["--release", "-p", "spiderpool-cli", "--bin", "spiderpoolctl"])
        .args(["-p", "spiderpool-cni", "--bin", "spiderpool-agent"])
        .run()?;
    let plugin = build_plugin(workspace)?;
    let programs = workspace.target.join("lab-bin");
    std::fs::create_dir_all(&programs)
        .map_err(|error| Problem::failed(format!("cannot make {}: {error}", programs.display())))?;
    copy_into(&programs, &plugin)?;
    copy_into(&programs, &workspace.target.join("release/spiderpool-agent"))?;
    let lab = workspace
        .program(workspace.target.join("release/spiderpoolctl"))
        .args(["lab"])
        .option("--bin-dir", &programs)
        .args(args);
    Err(lab.replace_self())
}

/// Builds the plugin as it is installed on a node and says where it is.
pub(crate) fn build_plugin(workspace: &Workspace) -> Result<PathBuf, Problem> {
    workspace
        .cargo("build")
        .args(["-p", "spiderpool-cni", "--no-default-features", "--profile", "plugin", "--bin", "spiderpool"])
        .run()?;
    Ok(workspace.target.join("plugin/spiderpool"))
}

/// Copies a program into a folder under its own name. The name is replaced in one step, because a lab that is still
/// up may be running the old file.
fn copy_into(folder: &Path, program: &Path) -> Result<(), Problem> {
    let name = program.file_name().unwrap_or_default();
    let mut fresh_name = name.to_os_string();
    fresh_name.push(format!(".{}", std::process::id()));
    let fresh = folder.join(fresh_name);
    std::fs::copy(program, &fresh).and_then(|_| std::fs::rename(&fresh, folder.join(name))).map_err(|error| {
        Problem::failed(format!("cannot copy {} to {}: {error}", program.display(), folder.display()))
    })
}
