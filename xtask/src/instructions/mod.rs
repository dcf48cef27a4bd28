//! `cargo xtask instructions`: how many instructions a grant and a release take, against the committed baseline.
//!
//! Counted by valgrind's callgrind, so the figures do not depend on what else the machine is doing. The measured
//! program is the binary `instructions` of the crate `benches`: without arguments it names its cases, one per line,
//! and `instructions CASE ITERATIONS` runs one. Each case is run twice, with N and with 2 N iterations, and the
//! difference counts: setting up costs both the same and drops out.

mod baseline;
mod callgrind;

use std::path::{Path, PathBuf};

use crate::packages::{self, Purpose};
use crate::problem::Problem;
use crate::workspace::Workspace;
use baseline::Counts;

/// Iterations of the shorter of the two runs of a case. Callgrind slows a program down about fifty times.
const ITERATIONS: u64 = 256;

/// The committed counts, relative to the root.
const BASELINE: &str = "benches/instructions.toml";

/// The source of the measured program, relative to the root.
const SOURCE: &str = "benches/src/bin/instructions.rs";

/// What to do with the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Fail if one grew past the tolerance.
    Compare,
    /// Write them as the new baseline.
    Accept,
}

/// Counts every case and compares or accepts. Gives a sentence for the summary.
pub(crate) fn run(workspace: &Workspace, action: Action) -> Result<String, Problem> {
    if !workspace.root.join(SOURCE).is_file() {
        return Err(Problem::failed(format!("there is nothing to measure: {SOURCE} does not exist")));
    }
    packages::ensure(workspace, Purpose::Instructions)?;
    let program = build(workspace)?;
    let counts = count_all(workspace, &program)?;
    match action {
        Action::Accept => {
            std::fs::write(workspace.root.join(BASELINE), counts.to_toml())
                .map_err(|error| Problem::failed(format!("cannot write {BASELINE}: {error}")))?;
            Ok(format!("{} cases written to {BASELINE}", counts.len()))
        }
        Action::Compare => {
            let anew = "write it anew with: cargo xtask instructions --accept";
            let text =
                workspace.read(BASELINE).map_err(|problem| Problem::failed(format!("{problem}; {anew}")))?;
            let accepted = Counts::parse(&text)
                .map_err(|error| Problem::failed(format!("{BASELINE}: {error}; {anew}")))?;
            baseline::compare(&accepted, &counts).map_err(Problem::Failed)
        }
    }
}

/// Builds the measured program optimised as the benchmarks are.
fn build(workspace: &Workspace) -> Result<PathBuf, Problem> {
    let which = ["-p", "spiderpool-benches", "--profile", "bench", "--bin", "instructions"];
    workspace.cargo("build").args(which).run()?;
    // Cargo puts the output of the profile `bench` where that of `release` goes.
    Ok(workspace.target.join("release/instructions"))
}

fn count_all(workspace: &Workspace, program: &Path) -> Result<Counts, Problem> {
    let listed = workspace.program(program).without_environment().capture()?;
    let cases: Vec<&str> = listed.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if cases.is_empty() {
        return Err(Problem::failed(format!("there is nothing to measure: {SOURCE} names no case")));
    }
    let mut counts = Counts::default();
    for (done, case) in cases.iter().enumerate() {
        println!("{}/{} {case}", done + 1, cases.len());
        let short = callgrind::count(workspace, program, case, ITERATIONS)?;
        let long = callgrind::count(workspace, program, case, 2 * ITERATIONS)?;
        let per_iteration = callgrind::per_iteration(short, long, ITERATIONS).ok_or_else(|| {
            Problem::failed(format!(
                "{case}: {ITERATIONS} iterations took {short} instructions, twice as many {long}"
            ))
        })?;
        println!("    {per_iteration} instructions");
        counts.insert(case, per_iteration).map_err(Problem::Failed)?;
    }
    Ok(counts)
}
