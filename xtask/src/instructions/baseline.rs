//! Instruction counts by case: the file they are committed in, and what may change.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// How much a count may grow before it is a failure, in percent.
const TOLERANCE: u64 = 10;

const HEADER: &str = "\
# Instructions per iteration, counted by callgrind. Written by `cargo xtask instructions --accept`; compared by
# `cargo xtask test`, which fails on growth over 10 %.
";

/// Instructions per iteration of each case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts(BTreeMap<String, u64>);

impl Counts {
    /// Adds a case. Its name must be a bare TOML key, and new.
    pub(super) fn insert(&mut self, case: &str, count: u64) -> Result<(), String> {
        let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if case.is_empty() || !case.chars().all(is_bare) {
            return Err(format!("'{case}' is no name for a case: use letters, digits, '-' and '_'"));
        }
        match self.0.insert(case.to_owned(), count) {
            None => Ok(()),
            Some(_) => Err(format!("the case {case} comes twice")),
        }
    }

    /// How many cases there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Reads what [`to_toml`](Self::to_toml) writes: `case = count`, one per line, and comments.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut counts = Self::default();
        for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let parsed =
                line.split_once('=').and_then(|(case, count)| Some((case, count.trim().parse().ok()?)));
            let (case, count) = parsed.ok_or_else(|| format!("line {number} is not 'case = count'"))?;
            counts.insert(case.trim(), count).map_err(|error| format!("line {number}: {error}"))?;
        }
        Ok(counts)
    }

    /// The text of the baseline file.
    pub(super) fn to_toml(&self) -> String {
        let mut text = HEADER.to_owned();
        for (case, count) in &self.0 {
            let _ = writeln!(text, "{case} = {count}");
        }
        text
    }
}

/// Holds new counts against accepted ones. Success gives a sentence for the summary; failure lists every case that
/// grew past the tolerance, appeared or vanished.
pub(super) fn compare(accepted: &Counts, counted: &Counts) -> Result<String, String> {
    let mut wrong = Vec::new();
    let mut shrunk = Vec::new();
    for (case, &new) in &counted.0 {
        let Some(&old) = accepted.0.get(case) else {
            wrong.push(format!("{case} has no baseline"));
            continue;
        };
        if u128::from(new) * 100 > u128::from(old) * u128::from(100 + TOLERANCE) {
            wrong.push(format!("{case} grew from {old} to {new} instructions, over {TOLERANCE} %"));
        } else if u128::from(new) * u128::from(100 + TOLERANCE) < u128::from(old) * 100 {
            shrunk.push(format!("{case} shrank from {old} to {new}"));
        }
    }
    let vanished = accepted.0.keys().filter(|case| !counted.0.contains_key(*case));
    wrong.extend(vanished.map(|case| format!("{case} is in the baseline and is not measured")));
    if !wrong.is_empty() {
        let accept = "if that is meant: cargo xtask instructions --accept";
        return Err(format!("{}; {accept}", wrong.join("; ")));
    }
    let cases = format!("{} cases within {TOLERANCE} %", counted.len());
    Ok(if shrunk.is_empty() { cases } else { format!("{cases}; worth accepting: {}", shrunk.join(", ")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(cases: &[(&str, u64)]) -> Counts {
        let mut counts = Counts::default();
        for &(case, count) in cases {
            counts.insert(case, count).unwrap();
        }
        counts
    }

    #[test]
    fn what_is_written_is_read() {
        let written = counts(&[("grant-0", 4321), ("release-99", 7)]);
        assert_eq!(Counts::parse(&written.to_toml()), Ok(written));
    }

    #[test]
    fn a_damaged_file_names_the_line() {
        for (text, line) in
            [("a = 1\nb\n", "line 2"), ("a = x", "line 1"), ("a=1\na=2", "line 2"), ("a.b=1", "line 1")]
        {
            let refused = Counts::parse(text);
            assert!(refused.as_ref().is_err_and(|error| error.contains(line)), "{text:?}: {refused:?}");
        }
    }

    #[test]
    fn growth_is_judged_at_the_tolerance() {
        let accepted = counts(&[("a", 1000)]);
        for (new, passes) in [(0, true), (1000, true), (1100, true), (1101, false)] {
            assert_eq!(compare(&accepted, &counts(&[("a", new)])).is_ok(), passes, "{new}");
        }
    }

    #[test]
    fn a_large_gain_is_worth_accepting() {
        let said = compare(&counts(&[("a", 1101)]), &counts(&[("a", 1000)])).unwrap();
        assert!(said.contains("a shrank from 1101 to 1000"), "{said}");
    }

    #[test]
    fn cases_must_be_the_same() {
        let refused = compare(&counts(&[("a", 1)]), &counts(&[("b", 1)])).unwrap_err();
        assert!(
            refused.contains("b has no baseline") && refused.contains("a is in the baseline"),
            "{refused}"
        );
    }
}
