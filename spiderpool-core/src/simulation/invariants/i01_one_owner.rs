//! I1: at most one owner per address.

use super::Broken;
use crate::{
    addr::Address,
    name::ContainerId,
    simulation::ledger::{Change, Ledger},
};

/// Nobody else's record takes the place of that of a container that runs.
pub(super) fn changed(ledger: &Ledger, change: &Change<'_>) -> Result<(), Broken> {
    let (address, new) = match change {
        Change::Granted { address, record } => (*address, *record),
        Change::Replaced { address, new, .. } => (*address, *new),
        _ => return Ok(()),
    };
    let Some((user, container)) = ledger.cluster.user(address) else { return Ok(()) };
    if container.given_up || container.owner == new.owner.uid {
        return Ok(());
    }
    let what = format!(
        "{address} was granted to {} ({}), and container {user} of {} runs with it",
        new.owner, new.attachment, container.owner
    );
    Err(("I1", what))
}

/// No other container that runs was told the same address.
pub(super) fn answered(ledger: &Ledger, container: &ContainerId, address: Address) -> Result<(), Broken> {
    match ledger.cluster.user(address) {
        Some((user, other)) if user != container && !other.given_up => {
            let what = format!(
                "{address} was answered to container {container}, and container {user} of {} runs with it",
                other.owner
            );
            Err(("I1", what))
        }
        _ => Ok(()),
    }
}
