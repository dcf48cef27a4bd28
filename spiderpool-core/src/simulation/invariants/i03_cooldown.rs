//! I3: a released address is not handed out before its cool-down.

use super::Broken;
use crate::simulation::ledger::{Change, Ledger};

/// Whoever gets an address gets it no sooner than its pool's cool-down after it was last used, but for what two wall
/// clocks may differ by.
pub(super) fn changed(ledger: &Ledger, change: &Change<'_>) -> Result<(), Broken> {
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
