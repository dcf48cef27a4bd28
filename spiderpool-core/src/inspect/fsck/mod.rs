//! Checks everything that is stored against everything else, and says what is wrong. Repairs nothing.

mod blocks;
mod endpoints;
mod finding;
mod objects;
mod plans;
mod snapshot;

pub use finding::{Finding, FindingKind, Severity};

use self::snapshot::Snapshot;
pub(super) use self::{blocks::disagreement, snapshot::readable_blocks};
use super::Inspect;
use crate::{store::StoreError, time::Timestamp};

impl Inspect {
    /// Everything that is wrong in this scope, the worst first. A store that is well has no findings but
    /// [`Severity::Info`] ones. What cannot be read is a finding too.
    ///
    /// Cost: one listing of each kind; where that shows anything, a second round, and only what both rounds show is
    /// reported: a store that is being written to shows passing differences, because its kinds are listed one after
    /// the other.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn fsck(&self) -> Result<Vec<Finding>, StoreError> {
        let first = self.check_once().await?;
        if first.is_empty() {
            return Ok(first);
        }
        let mut findings = self.check_once().await?;
        findings.retain(|finding| first.iter().any(|earlier| earlier.is_same(finding)));
        Ok(findings)
    }

    async fn check_once(&self) -> Result<Vec<Finding>, StoreError> {
        let (snapshot, mut findings) = Snapshot::read(self).await?;
        findings.extend(check(&snapshot, self.now()));
        findings.sort_by(|a, b| {
            (b.severity, a.kind, &a.object, &a.what).cmp(&(a.severity, b.kind, &b.object, &b.what))
        });
        findings.dedup();
        Ok(findings)
    }
}

/// All checks. Pure.
fn check(snapshot: &Snapshot, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    objects::check(snapshot, now, &mut findings);
    plans::check(snapshot, now, &mut findings);
    blocks::check(snapshot, &mut findings);
    endpoints::check(snapshot, &mut findings);
    findings
}
