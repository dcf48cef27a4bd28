//! I6: the sweep frees nothing whose owner is live in any liveness source.

use super::Broken;
use crate::{
    model::Attachment,
    protocol::SandboxState,
    simulation::{
        executor::ProcessId,
        ledger::{Change, Ledger},
    },
};

/// What a controller frees belonged to nobody who lives.
pub(super) fn changed(ledger: &Ledger, actor: ProcessId, change: &Change<'_>) -> Result<(), Broken> {
    let Change::Freed { address, old } = change else { return Ok(()) };
    if !ledger.sweepers.contains(&actor) {
        return Ok(());
    }
    let cluster = &ledger.cluster;
    if let Attachment::Container(container) = &old.attachment
        && cluster.sandbox(container) == SandboxState::Alive
    {
        return Err((
            "I6",
            format!("the sweep freed {address} of {}, whose container {container} lives", old.owner),
        ));
    }
    // A record left over where a log was lost, beside another of the same key, may go while its pod lives.
    let own = cluster.containers.values().filter(|container| container.owner == old.owner.uid);
    let forgotten = own.into_iter().any(|container| container.forgotten);
    if cluster.exists(&old.owner) && !forgotten {
        return Err(("I6", format!("the sweep freed {address} of {}, which exists", old.owner)));
    }
    Ok(())
}
