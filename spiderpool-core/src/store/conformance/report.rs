//! What came out.

use std::fmt;

use crate::store::StoreError;

/// Why a check failed, in words.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    message: String,
    expired: bool,
}

impl Failure {
    /// With this message.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), expired: false }
    }

    /// Whether a watch said that it cannot go on from where it was: within the contract at any time, where servers come
    /// and go.
    pub(super) fn is_expired(&self) -> bool {
        self.expired
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let expired = matches!(error, StoreError::Expired);
        Self { message: format!("unexpected error: {error}"), expired }
    }
}

/// The outcome of one check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The store keeps this part of the contract.
    Passed,
    /// The check does not apply, for this reason.
    Skipped(&'static str),
    /// The store does not keep this part of the contract, or did not answer in time.
    Failed(Failure),
}

/// The outcomes of all checks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report(Vec<(&'static str, Outcome)>);

impl Report {
    pub(super) fn add(&mut self, name: &'static str, outcome: Result<Outcome, Failure>) {
        self.0.push((name, outcome.unwrap_or_else(Outcome::Failed)));
    }

    /// Each check with its outcome, in the order in which they ran.
    pub fn outcomes(&self) -> impl Iterator<Item = (&'static str, &Outcome)> {
        self.0.iter().map(|(name, outcome)| (*name, outcome))
    }

    /// How many checks ran to an end, good or bad.
    #[must_use]
    pub fn executed(&self) -> usize {
        self.0.len() - self.skipped()
    }

    /// How many did not apply.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.0.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Skipped(_))).count()
    }

    /// The checks that failed.
    pub fn failures(&self) -> impl Iterator<Item = (&'static str, &Failure)> {
        self.0.iter().filter_map(|(name, outcome)| match outcome {
            Outcome::Failed(failure) => Some((*name, failure)),
            _ => None,
        })
    }

    /// Whether no check failed, and at least `minimum` were executed: a kit that ran nothing proves nothing.
    #[must_use]
    pub fn is_green(&self, minimum: usize) -> bool {
        self.failures().next().is_none() && self.executed() >= minimum
    }
}

impl fmt::Display for Report {
    /// One line per check that did not pass, and the counts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, outcome) in &self.0 {
            match outcome {
                Outcome::Passed => {}
                Outcome::Skipped(reason) => writeln!(f, "skipped {name}: {reason}")?,
                Outcome::Failed(failure) => writeln!(f, "FAILED  {name}: {failure}")?,
            }
        }
        let failed = self.failures().count();
        let (executed, skipped) = (self.executed(), self.skipped());
        write!(f, "{executed} executed, {failed} failed, {skipped} skipped")
    }
}
