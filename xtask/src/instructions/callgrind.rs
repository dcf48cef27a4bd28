//! One run under valgrind's callgrind.

use std::path::Path;

use crate::problem::Problem;
use crate::process::find_program;
use crate::workspace::Workspace;

/// Instructions of one whole run of `program CASE ITERATIONS`.
///
/// It runs without environment, because the size of the environment moves the stack and so, slightly, the count.
pub(super) fn count(
    workspace: &Workspace,
    program: &Path,
    case: &str,
    iterations: u64,
) -> Result<u64, Problem> {
    let valgrind = find_program("valgrind").ok_or_else(|| Problem::failed("valgrind has gone"))?;
    let output = workspace.target.join(format!("callgrind.{}.{case}", std::process::id()));
    let ran = workspace
        .program(valgrind)
        .without_environment()
        .args(["--quiet", "--tool=callgrind", "--error-exitcode=1"])
        .args([format!("--callgrind-out-file={}", output.display())])
        .args([program])
        .args([case, &iterations.to_string()])
        .capture();
    let written = std::fs::read_to_string(&output);
    // Nothing to remove if the program did not get that far.
    let _ = std::fs::remove_file(&output);
    ran?;
    let profile = written
        .map_err(|error| Problem::failed(format!("callgrind left no {}: {error}", output.display())))?;
    total(&profile).ok_or_else(|| Problem::failed(format!("callgrind's output for {case} has no total")))
}

/// The total in callgrind's output file: the line `totals: N`, or `summary: N` where a version writes only that.
fn total(profile: &str) -> Option<u64> {
    let figure = |key: &str| {
        let line = profile.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_whitespace().next()?.parse().ok()
    };
    figure("totals:").or_else(|| figure("summary:"))
}

/// Instructions per iteration, rounded to the nearest, from a run of `iterations` and one of twice as many. `None` if
/// the longer run did not take more, which means that the program ignores the number.
pub(super) fn per_iteration(short: u64, long: u64, iterations: u64) -> Option<u64> {
    let difference = long.checked_sub(short).filter(|&difference| difference > 0)?;
    Some((difference + iterations / 2) / iterations)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_found() {
        assert_eq!(total("version: 1\nevents: Ir\nsummary: 9\nfn=(1) a\n1 7\ntotals: 1234\n"), Some(1234));
        assert_eq!(total("summary: 9\n"), Some(9));
        assert_eq!(total("totals: many\n"), None);
        assert_eq!(total(""), None);
    }

    #[test]
    fn setting_up_drops_out() {
        for setup in [0, 1, 1_000_000_000] {
            assert_eq!(per_iteration(setup + 500 * 321, setup + 1000 * 321, 500), Some(321));
        }
        assert_eq!(per_iteration(10, 10, 500), None);
        assert_eq!(per_iteration(11, 10, 500), None);
    }
}
