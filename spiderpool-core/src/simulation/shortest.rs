//! The shortest run that shows a violation.

use super::run::{Report, Settings, run};

/// How often a shorter run is tried.
const TRIES: u32 = 12;

/// Looks for a shorter run of the seed of `report` that breaks the same invariant: one in which the noise ends earlier.
/// A violation that a single write or answer shows ends its run at that step already.
///
/// Cost: up to a dozen runs.
#[must_use]
pub fn shortest(report: Report, settings: &Settings) -> (Settings, Report) {
    let Some(violation) = report.violation.clone() else { return (settings.clone(), report) };
    let (mut low, mut high) = (0, settings.cut.unwrap_or(report.steps));
    let mut best = (settings.clone(), report);
    for _ in 0..TRIES {
        let cut = low + (high - low) / 2;
        if cut == low {
            break;
        }
        let shorter = Settings { cut: Some(cut), ..settings.clone() };
        let found = run(best.1.seed, &shorter);
        let same = found.violation.as_ref().is_some_and(|found| found.invariant == violation.invariant);
        if same && found.steps < best.1.steps {
            high = cut;
            best = (shorter, found);
        } else {
            low = cut;
        }
    }
    best
}
