//! I3: a released address is not handed out before its cool-down.

use super::Broken;
use crate::{
    addr::Address,
    model::{Attachment, Record},
    simulation::{
        cluster::Stage,
        ledger::{Change, Ledger},
    },
};

/// Whoever gets an address gets it no sooner than its pool's cool-down after it was last used, but for what two wall
/// clocks may differ by.
pub(super) fn changed(ledger: &Ledger, change: &Change<'_>) -> Result<(), Broken> {
    if let Change::Freed { address, old, rests: true } = change {
        return undone(ledger, *address, old);
    }
    let Change::Granted { address, record } = change else { return Ok(()) };
    let (Some(pool), Some(used)) = (ledger.pools.get(&record.pool), ledger.cluster.last_used.get(address))
    else {
        return Ok(());
    };
    // Clocks show milliseconds.
    let ready = (used + pool.cooldown).saturating_sub(ledger.skew + 2_000);
    if pool.cooldown == 0 || ledger.now >= ready {
        return Ok(());
    }
    let idle = (ledger.now - used) / 1_000;
    let what = format!(
        "{address} was granted to {} {idle} ms after it was last used; pool {} has a cool-down of {} ms",
        record.owner,
        pool.name,
        pool.cooldown / 1_000
    );
    Err(("I3", what))
}

/// What a request that failed undoes does not rest: nobody used it (rule 8).
fn undone(ledger: &Ledger, address: Address, old: &Record) -> Result<(), Broken> {
    let Attachment::Container(id) = &old.attachment else { return Ok(()) };
    let Some(container) = ledger.cluster.containers.get(id) else { return Ok(()) };
    // Its ADD is in hand, and nobody else may free what it got.
    let undoing = container.stage == Stage::Starting && container.adds > 0 && !container.del_sent;
    if !undoing || container.given_up {
        return Ok(());
    }
    Err(("I3", format!("{address} was undone by the ADD of container {id} of {}, and rests", old.owner)))
}
