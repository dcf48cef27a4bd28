//! Branches inside the allocator: what became of each intent, and what its machines asked for.

use super::{Branch, hit};
use crate::protocol::{Action, How, Intent, Op, Outcome, Unusable};

/// Counts what became of an intent.
pub(crate) fn outcome(intent: &Intent, outcome: &Outcome) {
    let branch = match (&intent.action, outcome) {
        (_, Outcome::Expired) => Branch::IntentExpired,
        (_, Outcome::Unresolved(_)) => Branch::IntentUnresolved,
        (Action::Grant(_), Outcome::Granted(_, How::New, _)) => Branch::GrantNew,
        (Action::Grant(_), Outcome::Granted(_, How::Found, _)) => Branch::GrantFound,
        (Action::Grant(_), Outcome::Granted(_, How::Reattached, _)) => Branch::GrantReattached,
        (Action::Grant(_), Outcome::Full) => Branch::GrantFull,
        (Action::Grant(_), Outcome::Cooling(_)) => Branch::GrantCooling,
        (Action::Grant(_), Outcome::Unusable(Unusable::Held(_))) => Branch::GrantHeld,
        (Action::Grant(_), Outcome::Unusable(Unusable::NotInPool)) => Branch::GrantNotInPool,
        (Action::Grant(_), Outcome::Unusable(Unusable::Reserved)) => Branch::GrantReserved,
        (Action::Grant(_) | Action::Probe(_), Outcome::NoPlan(_)) => Branch::GrantNoPlan,
        (Action::Grant(_), Outcome::ClaimMoved) => Branch::GrantClaimMoved,
        (Action::Grant(_), Outcome::PodReplaced) => Branch::GrantPodReplaced,
        (Action::Grant(_), Outcome::Busy(_)) => Branch::GrantBusy,
        (Action::Probe(_), Outcome::WouldGrant(_)) => Branch::ProbeChosen,
        (Action::Probe(_), Outcome::Full) => Branch::ProbeFull,
        (Action::Reattach(..), Outcome::Granted(_, How::Found, _)) => Branch::ReattachFound,
        (Action::Reattach(..), Outcome::Granted(..)) => Branch::ReattachNew,
        (Action::Reattach(..), Outcome::Nothing) => Branch::ReattachNothing,
        (Action::Release(_), Outcome::Released(_)) => Branch::ReleaseFreed,
        (Action::Release(_), Outcome::Detached(_)) => Branch::ReleaseDetached,
        (Action::Release(_), Outcome::Superseded(_)) => Branch::ReleaseSuperseded,
        (Action::Release(_), Outcome::Nothing) => Branch::ReleaseNothing,
        (Action::Close(..), Outcome::Granted(..)) => Branch::CloseFound,
        (Action::Close(..), Outcome::Nothing) => Branch::CloseNothing,
        (Action::Withdraw(_), Outcome::Withdrawn) => Branch::WithdrawDone,
        (Action::Withdraw(_), Outcome::ClaimMoved) => Branch::WithdrawClaimMoved,
        (Action::Withdraw(_), Outcome::Busy(_)) => Branch::WithdrawBusy,
        (Action::Install(_), Outcome::Installed(_)) => Branch::InstallDone,
        _ => return,
    };
    hit(branch);
}

/// Counts what a machine asks its driver for.
pub(crate) fn operation(op: &Op) {
    match op {
        Op::Exhausted { cooling: None, .. } => hit(Branch::ProofExhausted),
        Op::Exhausted { cooling: Some(_), .. } => hit(Branch::ProofCooling),
        Op::Roomy { .. } => hit(Branch::ProofRoom),
        Op::Sandbox { .. } => hit(Branch::SandboxAsked),
        Op::Pod(_) => hit(Branch::PodAsked),
        _ => {}
    }
}
