//! Running other programs: shown before they start, checked when they end.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::problem::Problem;

/// A program about to be run, always from the root of the repository and without standard input.
#[derive(Debug)]
pub(crate) struct Program {
    command: Command,
}

impl Program {
    /// The program `name`, found on `PATH` if it is not a path, run in `directory`.
    pub(crate) fn new(name: impl AsRef<OsStr>, directory: &Path) -> Self {
        let mut command = Command::new(name);
        command.current_dir(directory).stdin(Stdio::null());
        Self { command }
    }

    /// Cargo, with the lock file taken as it is.
    ///
    /// The variables that `cargo run` set for xtask itself are taken out, so that builds started from here and builds
    /// started by hand share their caches.
    pub(crate) fn cargo(directory: &Path, subcommand: &str) -> Self {
        let mut program = Self::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), directory);
        for (name, _) in std::env::vars_os() {
            if is_set_by_cargo_run(&name) {
                program.command.env_remove(name);
            }
        }
        program.args([subcommand, "--locked"])
    }

    /// Adds arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    /// Adds an option and its value, where the value may be a path.
    pub(crate) fn option(self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.args([OsStr::new(name), value.as_ref()])
    }

    /// Sets one environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts with no environment at all, for runs that must not depend on it.
    pub(crate) fn without_environment(mut self) -> Self {
        self.command.env_clear();
        self
    }

    /// Runs it with its output on the terminal; anything but exit code 0 is a failure.
    pub(crate) fn run(mut self) -> Result<(), Problem> {
        let shown = self.to_string();
        println!("$ {shown}");
        let status = self
            .command
            .status()
            .map_err(|error| Problem::failed(format!("cannot start {shown}: {error}")))?;
        if status.success() { Ok(()) } else { Err(Problem::failed(format!("{shown}: {status}"))) }
    }

    /// Runs it silently and gives its standard output; anything but exit code 0 is a failure that quotes what the
    /// program said.
    pub(crate) fn capture(mut self) -> Result<String, Problem> {
        let shown = self.to_string();
        let output = self
            .command
            .output()
            .map_err(|error| Problem::failed(format!("cannot start {shown}: {error}")))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said = if said.trim().is_empty() { String::from_utf8_lossy(&output.stdout) } else { said };
        Err(Problem::failed(format!("{shown}: {}\n{}", output.status, last_lines(&said, 20))))
    }

    /// Replaces this process by the program, so that signals and the terminal are the program's own. Returns only if
    /// that did not work.
    pub(crate) fn replace_self(mut self) -> Problem {
        use std::os::unix::process::CommandExt as _;
        let shown = self.to_string();
        println!("$ {shown}");
        self.command.stdin(Stdio::inherit());
        let error = self.command.exec();
        Problem::failed(format!("cannot start {shown}: {error}"))
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Path::new(self.command.get_program());
        write!(f, "{}", name.file_name().unwrap_or(name.as_os_str()).to_string_lossy())?;
        for arg in self.command.get_args() {
            write!(f, " {}", arg.to_string_lossy())?;
        }
        Ok(())
    }
}

/// Whether `cargo run` sets this variable for the program that it starts.
fn is_set_by_cargo_run(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
}

/// The last `count` lines of `text`, for error messages.
fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Where `name` is on `PATH` or in the system folders that an ordinary user's `PATH` leaves out.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_is_quoted() {
        let problem = Program::new("sh", Path::new("/")).args(["-c", "echo because >&2; exit 3"]).capture();
        let Err(Problem::Failed(reason)) = problem else { panic!("{problem:?}") };
        assert!(reason.contains("exit status: 3") && reason.ends_with("because"), "{reason}");
    }

    #[test]
    fn only_the_end_of_a_long_output_is_quoted() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a", 2), "a");
    }

    #[test]
    fn programs_are_found_by_name() {
        assert!(find_program("sh").is_some());
        assert_eq!(find_program("no-such-program-anywhere"), None);
    }
}
