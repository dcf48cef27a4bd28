//! Cargo tools that a check needs, installed on demand at a pinned version.

use std::path::PathBuf;

use crate::problem::Problem;
use crate::process::Program;
use crate::workspace::Workspace;

/// The version of cargo-deny that the checks were written for.
const CARGO_DENY: &str = "0.20.2";

/// cargo-deny, installed first if it is not there in the pinned version.
///
/// It goes where `cargo install` puts programs, outside the target directory, so a clean build does not cost it
/// again. It is built without optimisation: half a minute instead of several, and it runs for a second.
pub(crate) fn cargo_deny(workspace: &Workspace) -> Result<PathBuf, Problem> {
    let program = installed_programs()
        .ok_or_else(|| Problem::failed("neither CARGO_HOME nor HOME is set"))?
        .join("cargo-deny");
    let is_pinned = |program: &PathBuf| {
        let version = Program::new(program, &workspace.root).args(["--version"]).capture();
        version.is_ok_and(|version| version.split_whitespace().last() == Some(CARGO_DENY))
    };
    if is_pinned(&program) {
        return Ok(program);
    }
    let version = format!("cargo-deny@{CARGO_DENY}");
    let installed = workspace
        .cargo("install")
        .args([&version, "--debug", "--force"])
        .option("--target-dir", workspace.target.join("tools"))
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .run();
    match installed {
        Ok(()) if is_pinned(&program) => Ok(program),
        Ok(()) => {
            Err(missing(format!("it was installed, but {} is not version {CARGO_DENY}", program.display())))
        }
        Err(problem) => Err(missing(problem.to_string())),
    }
}

/// Where `cargo install` puts programs.
fn installed_programs() -> Option<PathBuf> {
    let home = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cargo_home = home("CARGO_HOME").or_else(|| Some(home("HOME")?.join(".cargo")))?;
    Some(home("CARGO_INSTALL_ROOT").unwrap_or(cargo_home).join("bin"))
}

fn missing(cause: String) -> Problem {
    Problem::Missing {
        what: format!("cargo-deny {CARGO_DENY}"),
        remedy: format!("cargo install --locked cargo-deny@{CARGO_DENY} ({cause})"),
    }
}
