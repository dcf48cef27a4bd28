//! I10: a free address is found if and only if one exists. Here: whoever is refused was refused rightly; that N
//! addresses serve N pods is asked when nothing else is under way ([`crate::simulation::quiet`]).

use std::sync::Arc;

use super::Broken;
use crate::{
    addr::{Address, IpSet},
    protocol::{PoolRef, Refusal},
    simulation::ledger::{Ledger, PoolTruth, place},
};

/// From when on a proof counts for a request, in microseconds: one may be believed for a second.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulation) struct Window {
    /// The earliest instant that an answer may rest on.
    pub(in crate::simulation) from: u64,
}

/// A pool that refused was full, or all that was free was cooling, at an instant that the answer may rest on.
pub(in crate::simulation) fn refused_rightly(
    ledger: &Ledger,
    window: Window,
    refusals: &[(Arc<PoolRef>, Refusal)],
) -> Result<(), Broken> {
    for (asked, refusal) in refusals {
        let Some(pool) = ledger.pools.get(&asked.uid) else { continue };
        let name = &asked.name;
        match refusal {
            Refusal::Exhausted if pool.full.is_none_or(|at| at < window.from) => {
                let free = ledger.free_of(pool);
                let what = format!(
                    "pool {name} was called exhausted, and at no instant since {} ms it was; free now: {free}",
                    window.from / 1_000
                );
                return Err(("I10", what));
            }
            Refusal::Cooling(_) if pool.changed < window.from => cooling(ledger, window, pool)?,
            Refusal::Gone => {
                return Err(("I10", format!("pool {name} was called gone, and is there")));
            }
            _ => {}
        }
    }
    Ok(())
}

/// No address was free and ready all the time.
fn cooling(ledger: &Ledger, window: Window, pool: &PoolTruth) -> Result<(), Broken> {
    if ledger.reserved_changed[place(pool.family)] >= window.from {
        return Ok(());
    }
    let free = ledger.free_of(pool);
    for address in each(&free) {
        let since = ledger.free_since.get(&address).copied().unwrap_or(0);
        let ready = since + pool.cooldown + ledger.skew + 2_000;
        // A block that was deleted forgot the release, one that was not remembers it: both may be granted then.
        if ready < window.from {
            let what = format!(
                "pool {} was called cooling, and {address} has been free since {} ms",
                pool.name,
                since / 1_000
            );
            return Err(("I10", what));
        }
    }
    Ok(())
}

/// Every address of a small set.
pub(in crate::simulation) fn each(set: &IpSet) -> impl Iterator<Item = Address> {
    (0..set.len_saturating()).filter_map(|n| set.nth(n))
}
