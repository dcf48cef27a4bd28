//! I4: release is idempotent and fenced.

use super::Broken;
use crate::{
    model::Attachment,
    simulation::ledger::{Change, Ledger},
};

/// A container whose DEL was answered never holds an address again, and the DEL of an older container takes nothing
/// from a newer one.
pub(super) fn changed(ledger: &Ledger, change: &Change<'_>) -> Result<(), Broken> {
    match change {
        Change::Granted { address, record } | Change::Replaced { address, new: record, .. } => {
            let Attachment::Container(id) = &record.attachment else { return Ok(()) };
            match ledger.cluster.containers.get(id) {
                Some(container) if container.deleted && !container.forgotten => {
                    let what = format!(
                        "{address} was granted to container {id} of {} after its DEL was answered",
                        record.owner
                    );
                    Err(("I4", what))
                }
                _ => Ok(()),
            }
        }
        Change::Freed { address, old, .. } => {
            let Some((user, container)) = ledger.cluster.user(*address) else { return Ok(()) };
            let older = |id: &crate::name::ContainerId| {
                let other = ledger.cluster.containers.get(id);
                id != user && other.is_some_and(|other| other.owner == container.owner && other.del_sent)
            };
            let by_older = ledger.cluster.containers.keys().any(older);
            if container.given_up || container.del_sent || old.owner.uid != container.owner || !by_older {
                return Ok(());
            }
            let what = format!(
                "{address} of container {user} of {} was freed; only an older container of it was deleted",
                old.owner
            );
            Err(("I4", what))
        }
        _ => Ok(()),
    }
}
