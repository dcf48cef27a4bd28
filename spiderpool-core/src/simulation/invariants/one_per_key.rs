//! Rule 7: one address per owner, interface and family, however often its requests were repeated.

use super::Broken;
use crate::{
    model::Attachment,
    simulation::ledger::{Change, Ledger},
};

/// A key has one address, unless its node forgot what it held.
pub(super) fn changed(ledger: &Ledger, change: &Change<'_>) -> Result<(), Broken> {
    let (address, record) = match change {
        Change::Granted { address, record } => (*address, *record),
        Change::Replaced { address, new, .. } => (*address, *new),
        _ => return Ok(()),
    };
    let Some(all) = ledger.keys.get(&record.key(address.family())) else { return Ok(()) };
    let Some(other) = all.iter().find(|other| **other != address) else { return Ok(()) };
    let forgotten = |record: &crate::model::Record| match &record.attachment {
        Attachment::Container(id) => {
            ledger.cluster.containers.get(id).is_some_and(|container| container.forgotten)
        }
        _ => false,
    };
    if all.iter().filter_map(|address| ledger.held.get(address)).any(|record| forgotten(record)) {
        return Ok(());
    }
    Err(("rule 7", format!("{} got {address} for {}, and has {other}", record.owner, record.slot)))
}
