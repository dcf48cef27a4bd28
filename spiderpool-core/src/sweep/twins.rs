//! One owner with several addresses for one interface and family: what the loss of a machine's intent log leaves
//! (rule 7). Pure.

use std::collections::BTreeSet;

use super::{First, How, KeepWhy, SandboxSeen, Second, Source, Verdict};
use crate::{addr::Address, model::Record, time::Timestamp};

/// One of several records of one key, whose owner is alive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Twin<'a> {
    /// Its address.
    pub address: Address,
    /// The record.
    pub record: &'a Record,
    /// The sandbox of its container.
    pub sandbox: SandboxSeen,
}

impl Twin<'_> {
    fn age(&self) -> (Timestamp, Address) {
        (self.record.since, self.address)
    }
}

/// Which of `twins` the owner does not use; a verdict for each, in their order. `shown` is what the endpoint shows of
/// this incarnation, `reported` what the pod's status does.
///
/// One whose container is gone while another's is not (or was granted later) is not used. Of several for containers
/// that are there, the owner uses the one that is shown or reported, if that is exactly one and two sources say so:
/// both, or one and the later grant. Everything else is for a person to decide.
#[must_use]
pub fn judge_twins(
    twins: &[Twin<'_>],
    shown: &BTreeSet<Address>,
    reported: &BTreeSet<Address>,
) -> Vec<Verdict> {
    if let Some(at) = twins.iter().position(|twin| twin.sandbox == SandboxSeen::NotAsked) {
        let verdict = |i| match i == at {
            true => Verdict::Ask { next: Source::Sandbox },
            false => Verdict::Keep { why: KeepWhy::Ambiguous { other: twins[at].address } },
        };
        return (0..twins.len()).map(verdict).collect();
    }
    let is_gone = |twin: &Twin<'_>| twin.sandbox == SandboxSeen::Gone;
    let there: Vec<&Twin<'_>> = twins.iter().filter(|twin| !is_gone(twin)).collect();
    let alive = there.iter().find(|twin| twin.sandbox == SandboxSeen::Alive);
    let latest = twins.iter().max_by_key(|twin| twin.age());
    let seen = |twin: &Twin<'_>| shown.contains(&twin.address) || reported.contains(&twin.address);
    let mut used = there.iter().filter(|twin| seen(twin));
    let used = used.next().filter(|_| used.next().is_none());
    let other = |twin: &Twin<'_>| twins.iter().map(|other| other.address).find(|at| *at != twin.address);
    let free = |by: &Twin<'_>, second| Verdict::Free {
        first: First::Superseded { by: by.address },
        second,
        how: How::Release,
    };
    let judge = |twin: &Twin<'_>| {
        let Some(other) = other(twin) else { return Verdict::Keep { why: KeepWhy::Used } };
        let ambiguous = Verdict::Keep { why: KeepWhy::Ambiguous { other } };
        if is_gone(twin) {
            return match (alive, latest) {
                (Some(alive), _) => free(alive, Second::SandboxGone),
                (None, Some(latest)) if there.is_empty() && latest.address != twin.address => {
                    free(latest, Second::SandboxGone)
                }
                (None, _) if there.is_empty() => Verdict::Keep { why: KeepWhy::Used },
                _ => ambiguous,
            };
        }
        match used {
            _ if there.len() == 1 => Verdict::Keep { why: KeepWhy::Used },
            Some(used) if used.address == twin.address => Verdict::Keep { why: KeepWhy::Used },
            Some(used) => {
                let twice = shown.contains(&used.address) && reported.contains(&used.address);
                if twice || used.record.since > twin.record.since {
                    free(used, Second::NotShown)
                } else {
                    ambiguous
                }
            }
            None => ambiguous,
        }
    };
    twins.iter().map(judge).collect()
}
