//! I11: resizing or deleting a pool orphans no live address.

use super::Broken;
use crate::simulation::ledger::{Change, Ledger};

/// Whatever is held through a pool stays inside it.
pub(super) fn changed(ledger: &Ledger, change: &Change<'_>) -> Result<(), Broken> {
    let (uid, pool, gone) = match change {
        Change::Pool { uid, pool, .. } => (*uid, *pool, false),
        Change::PoolGone { uid, pool } => (*uid, *pool, true),
        _ => return Ok(()),
    };
    let orphan = ledger
        .held
        .iter()
        .find(|(address, record)| record.pool == *uid && (gone || !pool.addresses.contains(**address)));
    match orphan {
        None => Ok(()),
        Some((address, record)) => {
            let what = match gone {
                true => "was deleted".to_owned(),
                false => format!("was changed to {}", pool.addresses),
            };
            Err(("I11", format!("pool {} {what}, and {} holds {address} of it", pool.name, record.owner)))
        }
    }
}
