//! I2: an acknowledged grant survives crash and restart.

use super::Broken;
use crate::{
    addr::Address,
    model::Attachment,
    name::ContainerId,
    simulation::ledger::{Change, Ledger},
};

/// The record of a container that runs stays.
pub(super) fn changed(ledger: &Ledger, change: &Change<'_>) -> Result<(), Broken> {
    let address = match change {
        Change::Replaced { address, .. } | Change::Freed { address, .. } => *address,
        _ => return Ok(()),
    };
    let Some((user, container)) = ledger.cluster.user(address) else { return Ok(()) };
    if container.given_up || holds(ledger, user, address) {
        return Ok(());
    }
    let what = match ledger.held.get(&address) {
        Some(record) => format!("now it is {}'s ({})", record.owner, record.attachment),
        None => "now it is nobody's".to_owned(),
    };
    Err(("I2", format!("container {user} of {} runs with {address}; {what}", container.owner)))
}

/// What a kubelet is told is in the store.
pub(super) fn answered(ledger: &Ledger, container: &ContainerId, address: Address) -> Result<(), Broken> {
    if holds(ledger, container, address) {
        return Ok(());
    }
    let record = ledger.held.get(&address);
    let holder =
        record.map_or("nobody".to_owned(), |record| format!("{} ({})", record.owner, record.attachment));
    Err(("I2", format!("{address} was answered to container {container}, and the store says {holder}")))
}

fn holds(ledger: &Ledger, id: &ContainerId, address: Address) -> bool {
    let Some(container) = ledger.cluster.containers.get(id) else { return false };
    ledger.held.get(&address).is_some_and(|record| {
        record.owner.uid == container.owner && record.attachment == Attachment::Container(id.clone())
    })
}
