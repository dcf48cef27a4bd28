//! What is said after the last check.

use std::fmt::Write as _;
use std::time::Duration;

use super::Verdict;
use crate::problem::Problem;

/// What became of one check.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) name: &'static str,
    pub(super) verdict: Verdict,
    pub(super) time: Duration,
}

/// All findings of a run.
#[derive(Debug)]
pub(super) struct Summary {
    findings: Vec<Finding>,
    skips_fail: bool,
}

impl Summary {
    /// An empty summary. In CI what could not run counts as failed.
    pub(super) fn new(is_ci: bool) -> Self {
        Self { findings: Vec::new(), skips_fail: is_ci }
    }

    /// Adds the next finding.
    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Whether nothing failed.
    pub(super) fn is_success(&self) -> bool {
        self.failures().is_empty() && (!self.skips_fail || self.skips().is_empty())
    }

    /// The table, then each skip and each failure, then the counts in a line of their own. A part of a check that
    /// could not run counts as one skip beside the check itself.
    pub(super) fn text(&self, total: Duration) -> String {
        let mut text = String::from("=== summary\n");
        for Finding { name, verdict, time: spent } in &self.findings {
            let (word, note) = match verdict {
                Ok(passed) => ("passed", passed.note.as_str()),
                Err(Problem::Failed(_)) => ("FAILED", ""),
                Err(Problem::Missing { what, .. }) => ("skipped", what.as_str()),
            };
            let line = format!("{name:<14}{word:<9}{:>8}  {note}", time(*spent));
            let _ = writeln!(text, "{}", line.trim_end());
        }
        let _ = writeln!(text, "{:<23}{:>8}", "all", time(total));
        let (skips, failures) = (self.skips(), self.failures());
        for skip in &skips {
            let word = if self.skips_fail { "FAILED in CI, could not run" } else { "could not run" };
            let _ = writeln!(text, "{word}: {skip}");
        }
        for failure in &failures {
            let _ = writeln!(text, "FAILED: {failure}");
        }
        let passed = self.findings.iter().filter(|finding| finding.verdict.is_ok()).count();
        let (failed, skipped) = match self.skips_fail {
            true => (failures.len() + skips.len(), 0),
            false => (failures.len(), skips.len()),
        };
        let _ = writeln!(text, "xtask: {passed} passed, {failed} failed, {skipped} skipped");
        text
    }

    fn skips(&self) -> Vec<String> {
        let mut skips = Vec::new();
        for Finding { name, verdict, .. } in &self.findings {
            match verdict {
                Ok(passed) => skips.extend(passed.skips.iter().map(|skip| format!("{name}: {skip}"))),
                Err(problem @ Problem::Missing { .. }) => skips.push(format!("{name}: {problem}")),
                Err(Problem::Failed(_)) => {}
            }
        }
        skips
    }

    fn failures(&self) -> Vec<String> {
        let failed = self.findings.iter().filter_map(|finding| match &finding.verdict {
            Err(Problem::Failed(reason)) => Some(format!("{}: {reason}", finding.name)),
            _ => None,
        });
        failed.collect()
    }
}

/// A duration as people read it: seconds to one place, minutes from one minute on.
pub(super) fn time(duration: Duration) -> String {
    let tenths = duration.as_millis() / 100;
    match tenths {
        0..600 => format!("{}.{} s", tenths / 10, tenths % 10),
        _ => format!("{}m{:02} s", tenths / 600, tenths % 600 / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Passed;
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn summary(is_ci: bool) -> Summary {
        let mut summary = Summary::new(is_ci);
        let missing = Problem::Missing { what: "valgrind".into(), remedy: "apt-get install valgrind".into() };
        let partly = Passed { note: "12 tests".into(), skips: vec!["lab: not root; run it as root".into()] };
        summary.add(Finding { name: "fmt", verdict: Ok(Passed::default()), time: seconds(1) });
        summary.add(Finding { name: "test", verdict: Ok(partly), time: seconds(75) });
        summary.add(Finding { name: "counts", verdict: Err(missing), time: seconds(0) });
        summary
    }

    #[test]
    fn a_skip_is_named_and_counted() {
        let summary = summary(false);
        assert!(summary.is_success());
        assert_eq!(
            summary.text(seconds(76)),
            "\
=== summary
fmt           passed      1.0 s
test          passed     1m15 s  12 tests
counts        skipped     0.0 s  valgrind
all                      1m16 s
could not run: test: lab: not root; run it as root
could not run: counts: valgrind is missing; get it with: apt-get install valgrind
xtask: 2 passed, 0 failed, 2 skipped
"
        );
    }

    #[test]
    fn a_skip_fails_in_ci() {
        let summary = summary(true);
        assert!(!summary.is_success());
        let text = summary.text(seconds(76));
        assert!(text.contains("FAILED in CI, could not run: counts: valgrind"), "{text}");
        assert!(text.ends_with("\nxtask: 2 passed, 2 failed, 0 skipped\n"), "{text}");
    }

    #[test]
    fn a_failure_is_repeated_at_the_end() {
        let mut summary = summary(false);
        let verdict = Err(Problem::failed("cargo doc: exit status: 101"));
        summary.add(Finding { name: "doc", verdict, time: seconds(2) });
        assert!(!summary.is_success());
        let text = summary.text(seconds(78));
        let end = "FAILED: doc: cargo doc: exit status: 101\nxtask: 2 passed, 1 failed, 2 skipped\n";
        assert!(text.ends_with(end), "{text}");
    }
}
