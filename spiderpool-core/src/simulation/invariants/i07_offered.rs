//! I7: excluded and gateway addresses are never granted, reserved ones not once the reservation is in force.

use super::Broken;
use crate::simulation::ledger::{Change, Ledger, place};

/// A grant is of a pool that is there, offers the address, and of an address that no reservation covers.
pub(super) fn changed(ledger: &Ledger, change: &Change<'_>) -> Result<(), Broken> {
    let Change::Granted { address, record } = change else { return Ok(()) };
    let broken = |why: String| Err(("I7", format!("{address} was granted to {}: {why}", record.owner)));
    let Some(pool) = ledger.pools.get(&record.pool) else {
        return broken(format!("there is no pool with uid {}", record.pool));
    };
    if pool.terminating {
        return broken(format!("pool {} is being deleted", pool.name));
    }
    if !pool.addresses.contains(*address) {
        return broken(format!("pool {} offers only {}", pool.name, pool.addresses));
    }
    if ledger.reserved[place(address.family())].contains(*address) {
        return broken("it is reserved".into());
    }
    Ok(())
}
