//! Rules of the protocol that show in single writes.

use super::{Broken, each};
use crate::{
    addr::{Address, IpSet},
    model::{Attachment, Record},
    simulation::{
        executor::ProcessId,
        ledger::{Change, Ledger, PoolTruth},
    },
};

/// Rules 3, 5e and 10.
pub(super) fn changed(ledger: &Ledger, actor: ProcessId, change: &Change<'_>) -> Result<(), Broken> {
    match change {
        // A copy that nobody needs may be written after its pool was buried, and stay for ever.
        Change::Copies { granted: false } if ledger.agents.contains(&actor) => {
            Err(("rule 3", format!("process {actor}, an agent, wrote copies without a grant")))
        }
        Change::Granted { address, record } => in_time(ledger, *address, record),
        Change::Pool { pool, before: Some(before), .. } if ledger.terms.subnet => apart(ledger, pool, before),
        _ => Ok(()),
    }
}

/// A request whose deadline has passed is not run any more; its write may have been on its way.
fn in_time(ledger: &Ledger, address: Address, record: &Record) -> Result<(), Broken> {
    let Attachment::Container(id) = &record.attachment else { return Ok(()) };
    let Some(container) = ledger.cluster.containers.get(id) else { return Ok(()) };
    let latest = container.deadline.saturating_add(ledger.terms.delay + 2_000);
    if ledger.terms.late || container.disturbed || container.adds == 0 || ledger.now <= latest {
        return Ok(());
    }
    let late = (ledger.now - container.deadline) / 1_000;
    Err((
        "rule 10",
        format!("{address} was granted to container {id} of {} {late} ms after its deadline", record.owner),
    ))
}

/// Of edits that race for addresses of a Subnet, one wins.
fn apart(ledger: &Ledger, pool: &PoolTruth, before: &IpSet) -> Result<(), Broken> {
    let added = pool.addresses.difference(before);
    let others = ledger.pools.values().filter(|other| {
        other.name != pool.name && other.family == pool.family && !other.terminating && !pool.terminating
    });
    for other in others {
        if let Some(both) = each(&added.intersection(&other.addresses)).next() {
            return Err(("rule 5e", format!("pools {} and {} both have {both}", pool.name, other.name)));
        }
    }
    Ok(())
}
