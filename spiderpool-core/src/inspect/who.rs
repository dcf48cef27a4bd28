//! Who holds an address, and if nobody does, why it is free or not.

use std::sync::Arc;

use super::{
    Inspect,
    holding::{Holding, PoolTime, Withheld, WithheldBy},
};
use crate::{
    addr::Address,
    model::{Block, BlockId, Pool, Reservation},
    name::ObjectName,
    store::{Kind, Selector, StoreError, StoreExt},
    time::Timestamp,
};

impl Inspect {
    /// Who holds `address`, or why nobody does. Cost: one read, and a listing of the pools and the reservations.
    ///
    /// # Errors
    /// The store failed.
    pub async fn who(&self, address: Address) -> Result<Holding, StoreError> {
        let id = BlockId::of(&self.scope, self.bits, address);
        let block = self.store.block(&id).await?.map(|(block, _)| block);
        let pools = self.pools().await?;
        let listing = self.store.list(&Selector::Kind(Kind::Reservation)).await?;
        let reservations = listing.items.iter().filter_map(|item| item.document.as_reservation());
        let reservations = reservations.filter_map(|object| Reservation::try_from(object.as_ref()).ok());
        let covering = reservations.filter(|reservation| reservation.ips.contains(address));
        let reserved_by = covering.map(|reservation| reservation.name).collect();
        Ok(explain(address, block.as_ref(), &pools, reserved_by, self.now()))
    }
}

/// The decision of [`Inspect::who`].
fn explain(
    address: Address,
    block: Option<&Arc<Block>>,
    pools: &[Pool],
    reserved_by: Vec<ObjectName>,
    now: Timestamp,
) -> Holding {
    if let Some(record) = block.and_then(|block| block.record_of(address)) {
        let pool = pools.iter().find(|pool| pool.uid == record.pool).map(|pool| pool.name.clone());
        return Holding::Held { address, pool, record: record.clone(), reserved_by };
    }
    let having: Vec<&Pool> = pools.iter().filter(|pool| pool.ips.contains(address)).collect();
    if having.is_empty() {
        let fits = pools.iter().filter(|pool| pool.subnet.contains(address));
        let networks = fits.map(|pool| pool.name.clone()).collect();
        return Holding::NoPool { address, networks, reserved_by };
    }
    let (mut offering, mut withheld) = (Vec::new(), Vec::new());
    for pool in having {
        match why_not(pool, address) {
            None => offering.push(pool),
            Some(because) => withheld.push(Withheld { pool: pool.name.clone(), because }),
        }
    }
    if offering.is_empty() {
        return Holding::Withheld { address, pools: withheld };
    }
    if !reserved_by.is_empty() {
        let pools = offering.into_iter().map(|pool| pool.name.clone()).collect();
        return Holding::Reserved { address, by: reserved_by, pools };
    }
    let released = block.and_then(|block| block.released_at(block.offset(address)?));
    let Some(at) = released else {
        let pools = offering.into_iter().map(|pool| pool.name.clone()).collect();
        return Holding::Free { address, pools, released: None };
    };
    let (ready, resting): (Vec<&Pool>, Vec<&Pool>) =
        offering.into_iter().partition(|pool| pool.cooldown.is_zero() || at.after(pool.cooldown) <= now);
    if !ready.is_empty() {
        let pools = ready.into_iter().map(|pool| pool.name.clone()).collect();
        return Holding::Free { address, pools, released };
    }
    let until = |pool: &Pool| PoolTime { until: at.after(pool.cooldown), pool: pool.name.clone() };
    let mut pools: Vec<PoolTime> = resting.into_iter().map(until).collect();
    pools.sort();
    Holding::Cooling { address, released: at, pools }
}

/// Why `pool`, which has `address`, does not offer it.
fn why_not(pool: &Pool, address: Address) -> Option<WithheldBy> {
    match () {
        () if pool.excluded.contains(address) => Some(WithheldBy::Excluded),
        () if pool.gateway == Some(address) => Some(WithheldBy::Gateway),
        () if pool.terminating => Some(WithheldBy::Terminating),
        () if pool.disabled => Some(WithheldBy::Disabled),
        () => None,
    }
}
