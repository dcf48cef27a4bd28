//! I5: no leak. What is held belongs to a container that runs, or is bound to a name that somebody still wants.

use crate::{
    model::{Attachment, Binding, Record},
    simulation::{cluster::Stage, ledger::Ledger, world::Shared},
};

/// After a sweep.
pub(super) fn check(world: &Shared) {
    let mut ledger = world.ledger();
    let leak = ledger.held.iter().find(|(address, record)| !rightly(&ledger, **address, record));
    if let Some((address, record)) = leak {
        let what = format!(
            "{address} is held by {} ({}), and nobody lives who wants it",
            record.owner, record.attachment
        );
        ledger.violated("I5", what);
    }
}

fn rightly(ledger: &Ledger, address: crate::addr::Address, record: &Record) -> bool {
    let cluster = &ledger.cluster;
    if let Attachment::Container(id) = &record.attachment
        && let Some(container) = cluster.containers.get(id)
        && matches!(&container.stage, Stage::Running(all) if all.iter().any(|(_, own)| *own == address))
    {
        return true;
    }
    let name = record.owner.pod.as_ref();
    record.binding == Binding::Stateful
        && name
            .is_some_and(|name| cluster.present.contains_key(name) || cluster.wanted_since.contains_key(name))
}

/// After everybody left.
pub(super) fn check_empty(world: &Shared) {
    let mut ledger = world.ledger();
    if let Some((address, record)) = ledger.held.first_key_value() {
        let what =
            format!("everybody left, and {address} is held by {} ({})", record.owner, record.attachment);
        ledger.violated("I5", what);
    }
    let claim = ledger.documents.values().find_map(|found| {
        let endpoint = found.document.as_endpoint()?;
        endpoint.status.claims.first().map(|claim| format!("{} claims {}", found.key, claim.address))
    });
    if let Some(claim) = claim {
        ledger.violated("I5", format!("everybody left, and {claim}"));
    }
}
