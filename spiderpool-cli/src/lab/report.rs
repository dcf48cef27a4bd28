//! What the lab says while it works, and what it found.

use std::{
    fmt::Display,
    io::{IsTerminal as _, Write as _},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::{
    args::Format,
    output::{Paint, Style},
};

/// Something that was to be shown, and whether it was so.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Check {
    /// What was to be shown.
    pub(crate) name: String,
    /// How it went.
    pub(crate) outcome: Outcome,
    /// The figures; or what was found instead.
    pub(crate) detail: String,
}

/// How a check went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Outcome {
    /// As it should be.
    Passed,
    /// Otherwise.
    Failed,
    /// Not looked at; the detail says why.
    Skipped,
}

/// Writes to the terminal and remembers the checks.
#[derive(Debug)]
pub(crate) struct Report {
    paint: Paint,
    quiet: bool,
    progress: ProgressBar,
    checks: Vec<Check>,
}

impl Report {
    /// A report in `format`: for programs nothing is written until the end.
    pub(crate) fn new(format: Format) -> Self {
        let quiet = !matches!(format, Format::Table | Format::Wide);
        let terminal = std::io::stderr().is_terminal() && !quiet;
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let progress = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            progress.set_style(style);
        }
        Self { paint: Paint::of_stdout(), quiet, progress, checks: Vec::new() }
    }

    /// Whether to colour.
    pub(crate) fn paint(&self) -> Paint {
        self.paint
    }

    /// What was found so far.
    pub(crate) fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// How many checks went that way.
    pub(crate) fn count(&self, outcome: Outcome) -> usize {
        self.checks.iter().filter(|check| check.outcome == outcome).count()
    }

    /// A new part.
    pub(crate) fn heading(&self, title: &str) {
        self.say(format!("\n{}", self.paint.text(Style::Bold, format!("== {title} =="))));
    }

    /// Text, with a line end. A reader that went away (`| head`) must not end the lab before it has cleaned up.
    pub(crate) fn say(&self, text: impl Display) {
        if !self.quiet {
            self.progress.suspend(|| drop(writeln!(std::io::stdout(), "{text}")));
        }
    }

    /// What is being done, until the next word. Shown on a terminal only: elsewhere the outcomes are the progress.
    pub(crate) fn working(&self, what: impl Into<String>) {
        self.progress.enable_steady_tick(Duration::from_millis(100));
        self.progress.set_message(what.into());
    }

    /// What is being done, readable and writable while it is.
    pub(crate) fn progress(&self) -> ProgressBar {
        self.progress.clone()
    }

    /// Nothing is being done any more.
    pub(crate) fn rest(&self) {
        self.progress.disable_steady_tick();
        self.progress.set_message("");
        self.progress.finish_and_clear();
    }

    /// A check with its figures, or with what was found instead.
    pub(crate) fn check(&mut self, name: impl Into<String>, found: Result<String, String>) {
        let (outcome, detail) = match found {
            Ok(detail) => (Outcome::Passed, detail),
            Err(detail) => (Outcome::Failed, detail),
        };
        self.add(Check { name: name.into(), outcome, detail });
    }

    /// A check that was not made.
    pub(crate) fn skip(&mut self, name: impl Into<String>, why: impl Into<String>) {
        self.add(Check { name: name.into(), outcome: Outcome::Skipped, detail: why.into() });
    }

    fn add(&mut self, check: Check) {
        self.say(line(&check, self.paint));
        self.checks.push(check);
    }
}

/// One line for a check.
fn line(check: &Check, paint: Paint) -> String {
    let (style, word) = match check.outcome {
        Outcome::Passed => (Style::Green, "ok"),
        Outcome::Failed => (Style::Red, "FAILED"),
        Outcome::Skipped => (Style::Yellow, "skipped"),
    };
    let detail = if check.detail.is_empty() { String::new() } else { format!(": {}", check.detail) };
    format!("{} {}{detail}", paint.text(style, format!("[{word}]")), check.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_told_by_words_and_counted() {
        let mut report = Report::new(Format::Json);
        report.check("every pod has its addresses", Ok("12 pods".into()));
        report.check("pods answer pings", Err("db-0 does not".into()));
        report.skip("pings", "no network");
        let lines: Vec<String> = report.checks().iter().map(|check| line(check, Paint::Plain)).collect();
        insta::assert_snapshot!(lines.join("\n"), @"
        [ok] every pod has its addresses: 12 pods
        [FAILED] pods answer pings: db-0 does not
        [skipped] pings: no network
        ");
        let counts =
            [Outcome::Passed, Outcome::Failed, Outcome::Skipped].map(|outcome| report.count(outcome));
        assert_eq!(counts, [1, 1, 1]);
    }
}
