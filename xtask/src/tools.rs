//! Cargo tools that a check needs, installed on demand at a pinned version.

use std::path::{Path, PathBuf};

use crate::problem::Problem;
use crate::process::Program;
use crate::workspace::Workspace;

/// A program of a crate, in the one version that the checks were written for.
#[derive(Debug)]
pub(crate) struct Tool {
    /// The crate and the program.
    name: &'static str,
    version: &'static str,
    /// What `cargo install` is told about features.
    features: &'static [&'static str],
}

/// Licences, bans and sources of dependencies.
pub(crate) const CARGO_DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2", features: &[] };

/// The book of `docs/`. Without its server and its watcher: half the crates to compile.
pub(crate) const MDBOOK: Tool =
    Tool { name: "mdbook", version: "0.5.4", features: &["--no-default-features", "--features", "search"] };

impl Tool {
    /// The program, installed first if it is not there in the pinned version.
    ///
    /// It goes where `cargo install` puts programs, outside the target directory, so a clean build does not cost it
    /// again. It is built without optimisation: a fraction of the time, and it runs for a second.
    pub(crate) fn program(&self, workspace: &Workspace) -> Result<PathBuf, Problem> {
        let program = installed_programs()?.join(self.name);
        if self.is_pinned(&program, workspace) {
            return Ok(program);
        }
        let installed = workspace
            .cargo("install")
            .args([&self.crate_and_version(), "--debug", "--force"])
            .args(self.features)
            .option("--target-dir", workspace.target.join("tools"))
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .run();
        match installed {
            Ok(()) if self.is_pinned(&program, workspace) => Ok(program),
            Ok(()) => Err(self.missing(&format!(
                "it was installed, but {} is not version {}",
                program.display(),
                self.version
            ))),
            Err(problem) => Err(self.missing(&problem.to_string())),
        }
    }

    fn is_pinned(&self, program: &Path, workspace: &Workspace) -> bool {
        let said = Program::new(program, &workspace.root).args(["--version"]).capture();
        said.is_ok_and(|said| self.is_version(&said))
    }

    /// Whether `said`, the answer to `--version`, is the pinned one: `NAME 1.2.3` or `NAME v1.2.3`.
    fn is_version(&self, said: &str) -> bool {
        said.split_whitespace().last().map(|last| last.trim_start_matches('v')) == Some(self.version)
    }

    fn crate_and_version(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    fn missing(&self, cause: &str) -> Problem {
        let features: String = self.features.iter().map(|word| format!(" {word}")).collect();
        Problem::Missing {
            what: format!("{} {}", self.name, self.version),
            remedy: format!("cargo install --locked {}{features} ({cause})", self.crate_and_version()),
        }
    }
}

fn folder(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Where cargo keeps what it fetched.
pub(crate) fn cargo_home() -> Result<PathBuf, Problem> {
    folder("CARGO_HOME")
        .or_else(|| Some(folder("HOME")?.join(".cargo")))
        .ok_or_else(|| Problem::failed("neither CARGO_HOME nor HOME is set"))
}

/// Where `cargo install` puts programs.
fn installed_programs() -> Result<PathBuf, Problem> {
    let root = folder("CARGO_INSTALL_ROOT").map_or_else(cargo_home, Ok)?;
    Ok(root.join("bin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_saying_a_version_are_understood() {
        let tool = Tool { name: "t", version: "0.5.4", features: &["--no-default-features"] };
        for (said, is_it) in [("t 0.5.4\n", true), ("t v0.5.4\n", true), ("t 0.5.40\n", false), ("", false)] {
            assert_eq!(tool.is_version(said), is_it, "{said}");
        }
    }

    #[test]
    fn the_remedy_is_the_command_that_was_tried() {
        let tool = Tool { name: "t", version: "1.2.3", features: &["--no-default-features"] };
        let remedy = "cargo install --locked t@1.2.3 --no-default-features (no network)".to_owned();
        assert_eq!(tool.missing("no network"), Problem::Missing { what: "t 1.2.3".to_owned(), remedy });
    }
}
