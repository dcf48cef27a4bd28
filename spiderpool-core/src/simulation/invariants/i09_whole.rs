//! I9: a request for several interfaces and families is granted whole or not at all.

use super::Broken;
use crate::{
    addr::{Address, Family},
    model::{Attachment, Slot},
    name::ContainerId,
    simulation::ledger::Ledger,
};

/// An answer has what was asked for, each part once.
pub(in crate::simulation) fn answered_whole(
    container: &ContainerId,
    asked: &[(Slot, Family)],
    answered: &[(Slot, Address)],
) -> Result<(), Broken> {
    let got: Vec<(Slot, Family)> =
        answered.iter().map(|(slot, address)| (slot.clone(), address.family())).collect();
    if got == asked {
        return Ok(());
    }
    Err(("I9", format!("container {container} asked for {asked:?} and was answered {answered:?}")))
}

/// A request that failed, and met no fault, leaves nothing that it granted on a free address.
pub(in crate::simulation) fn refused_leaves_nothing(
    ledger: &Ledger,
    container: &ContainerId,
    before: &[Address],
) -> Result<(), Broken> {
    let own = Attachment::Container(container.clone());
    let left =
        ledger.held.iter().find(|(address, record)| record.attachment == own && !before.contains(address));
    match left {
        None => Ok(()),
        Some((address, record)) => Err((
            "I9",
            format!("the request of container {container} of {} failed and left {address}", record.owner),
        )),
    }
}
