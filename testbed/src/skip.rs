//! A test that cannot have its server says so where `cargo xtask test` counts it.

use std::{fs::OpenOptions, io::Write as _};

use crate::Problem;

/// Where a test that cannot run says so, one line each; see CONTRIBUTING.md.
const SKIPS_VARIABLE: &str = "SPIDERPOOL_TEST_SKIPS";

/// What was started; none if a tool for it is missing, which is then counted as a skip of the test `name`.
///
/// # Panics
/// If it was tried and failed: that is a failure of the test.
#[expect(clippy::panic, reason = "for tests only, and a failure of theirs")]
pub fn or_skip<T>(name: &str, started: Result<T, Problem>) -> Option<T> {
    match started {
        Ok(started) => Some(started),
        Err(problem @ Problem::Missing { .. }) => {
            let line = format!("{name}: {problem}");
            let file = std::env::var_os(SKIPS_VARIABLE);
            let file = file.map(|file| OpenOptions::new().append(true).create(true).open(file));
            match file.map(|file| file.and_then(|mut file| writeln!(file, "{line}"))) {
                Some(Ok(())) => {}
                Some(Err(error)) => panic!("{line}; and that cannot be written down: {error}"),
                None => eprintln!("{line}"),
            }
            None
        }
        Err(problem) => panic!("{name}: {problem}"),
    }
}
