//! `cargo xtask test`: every check, each with a heading and its time, and a summary at the end.

mod book;
mod builds;
mod dependencies;
mod links;
mod messages;
mod paths;
mod selection;
mod summary;

use std::process::ExitCode;
use std::time::Instant;

use crate::problem::Problem;
use crate::workspace::Workspace;

pub(crate) use builds::{SKIPS_VARIABLE, etcd_packages, fresh_file};
pub(crate) use selection::Selection;
use summary::{Finding, Summary};

/// What a check has to say when it did not fail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Passed {
    /// A figure worth a word in the summary, or nothing.
    note: String,
    /// Parts that could not run for want of a tool, one sentence each.
    skips: Vec<String>,
}

impl Passed {
    fn with(note: impl Into<String>) -> Self {
        Self { note: note.into(), skips: Vec::new() }
    }
}

type Verdict = Result<Passed, Problem>;

/// One thing that `cargo xtask test` looks at.
struct Check {
    /// What `--only` and `--skip` call it.
    name: &'static str,
    /// What the heading says.
    title: &'static str,
    run: fn(&Workspace) -> Verdict,
}

/// The checks, in the order in which they run.
const CHECKS: &[Check] = &[
    Check { name: "fmt", title: "formatting", run: builds::formatting },
    Check { name: "clippy", title: "lints, warnings denied", run: builds::lints },
    Check { name: "test", title: "every test of the workspace", run: builds::tests },
    Check { name: "nodes", title: "the chart on real kubelets", run: builds::nodes },
    Check { name: "doc", title: "documentation without warnings", run: builds::documentation },
    Check { name: "book", title: "the documentation as a book, and its links", run: book::check },
    Check { name: "deny", title: "licences, banned and duplicate crates, sources", run: dependencies::deny },
    Check {
        name: "dependencies",
        title: "what must not be in a dependency graph",
        run: dependencies::graphs,
    },
    Check { name: "publish", title: "every crate packed and compiled by itself", run: builds::publication },
    Check { name: "plugin-size", title: "size of the plugin", run: builds::plugin_size },
    Check { name: "fuzz", title: "a short run of every fuzz body", run: builds::fuzz_bodies },
    Check { name: "benches", title: "every benchmark once", run: builds::benchmarks },
    Check { name: "instructions", title: "instruction counts against the baseline", run: instructions },
    Check { name: "paths", title: "no machine's paths or registry hosts in files", run: paths::check },
];

/// Prints the names of the checks.
pub(crate) fn list() {
    for check in CHECKS {
        println!("{:<14}{}", check.name, check.title);
    }
}

/// Runs the selected checks, all of them also after a failure.
pub(crate) fn run(workspace: &Workspace, selection: &Selection) -> Result<ExitCode, Problem> {
    let chosen: Vec<&Check> = CHECKS.iter().filter(|check| selection.includes(check.name)).collect();
    let mut summary = Summary::new(std::env::var_os("CI").is_some_and(|value| value == "true"));
    let start = now();
    for (done, check) in chosen.iter().enumerate() {
        println!(
            "\n=== {}/{} {}: {} ({} so far)",
            done + 1,
            chosen.len(),
            check.name,
            check.title,
            shown(start)
        );
        let begun = now();
        let verdict = (check.run)(workspace);
        if let Err(problem) = &verdict {
            println!("--- {}: {problem}", check.name);
        }
        summary.add(Finding { name: check.name, verdict, time: begun.elapsed() });
    }
    print!("\n{}", summary.text(start.elapsed()));
    Ok(if summary.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn instructions(workspace: &Workspace) -> Verdict {
    crate::instructions::run(workspace, crate::instructions::Action::Compare).map(Passed::with)
}

#[expect(clippy::disallowed_methods, reason = "times of checks are for people; nothing is decided by them")]
fn now() -> Instant {
    Instant::now()
}

/// The time since `start`, as people read it.
fn shown(start: Instant) -> String {
    summary::time(start.elapsed())
}
