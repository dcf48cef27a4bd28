//! What must hold, each invariant of the design in a file of its own.
//!
//! Those that speak of every moment are asked about every change of the store and every answer; the others
//! ([`super::quiet`]) when nothing is under way.

mod i01_one_owner;
mod i02_acknowledged;
mod i03_cooldown;
mod i04_fenced;
mod i06_sweep;
mod i07_offered;
mod i09_whole;
mod i10_exhausted;
mod i11_orphans;
mod i13_sticky;
mod one_claim;
mod one_per_key;
mod rules;

pub(super) use i09_whole::{answered_whole, refused_leaves_nothing};
pub(super) use i10_exhausted::{Window, each, refused_rightly};

use super::{
    executor::ProcessId,
    ledger::{Change, Ledger},
};
use crate::{addr::Address, name::ContainerId};

/// The invariant and what happened.
pub(super) type Broken = (&'static str, String);

/// What must hold after every change of the store.
pub(super) fn check(ledger: &Ledger, actor: ProcessId, change: &Change<'_>) -> Result<(), Broken> {
    i01_one_owner::changed(ledger, change)?;
    i06_sweep::changed(ledger, actor, change)?;
    i04_fenced::changed(ledger, change)?;
    i02_acknowledged::changed(ledger, change)?;
    i03_cooldown::changed(ledger, change)?;
    i07_offered::changed(ledger, change)?;
    i11_orphans::changed(ledger, change)?;
    i13_sticky::changed(ledger, change)?;
    one_claim::changed(ledger, change)?;
    rules::changed(ledger, actor, change)?;
    one_per_key::changed(ledger, change)
}

/// What must hold when a kubelet is told that `container` has `address`.
pub(super) fn check_answer(ledger: &Ledger, container: &ContainerId, address: Address) -> Result<(), Broken> {
    i01_one_owner::answered(ledger, container, address)?;
    i02_acknowledged::answered(ledger, container, address)
}
