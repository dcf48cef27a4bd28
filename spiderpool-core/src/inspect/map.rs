//! A pool's addresses one by one, for a picture of it.

use std::iter::FusedIterator;

use serde::{Deserialize, Serialize};

use super::{
    Inspect, InspectError,
    blocks::{Blocks, Division, detached},
    parse,
};
use crate::{
    addr::{Address, AddressRange, IpSet},
    api::SpiderIPPool,
    time::Timestamp,
};

/// What an address of a pool is at present.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AddressState {
    /// May be granted.
    Free,
    /// Held, by whatever pool.
    Held,
    /// Held by a stateful owner's name; no container uses it.
    Bound,
    /// Not held, but reserved.
    Reserved,
    /// Never granted: excluded, the gateway, or the pool is being deleted.
    Excluded,
    /// Released too recently.
    Cooling,
}

/// Addresses of a pool with their states, ascending; made by [`Inspect::map`].
#[derive(Clone, Debug)]
pub struct AddressMap {
    ips: IpSet,
    division: Division,
    blocks: Blocks,
    now: Timestamp,
    next: Option<Address>,
    left: u128,
}

impl AddressMap {
    fn state(&self, address: Address) -> AddressState {
        let Some((block, offset)) =
            self.blocks.of(address).and_then(|block| Some((block, block.offset(address)?)))
        else {
            return match () {
                () if self.division.grantable.contains(address) => AddressState::Free,
                () if self.division.offered.contains(address) => AddressState::Reserved,
                () => AddressState::Excluded,
            };
        };
        let masks = self.division.masks(block, self.now);
        let is = |mask: u64| mask & (1 << offset) != 0;
        match () {
            () if is(detached(block)) => AddressState::Bound,
            () if is(masks.held) => AddressState::Held,
            () if is(masks.reserved) => AddressState::Reserved,
            () if is(masks.cooling) => AddressState::Cooling,
            () if is(masks.grantable) => AddressState::Free,
            () => AddressState::Excluded,
        }
    }
}

impl Iterator for AddressMap {
    type Item = (Address, AddressState);

    fn next(&mut self) -> Option<Self::Item> {
        let address = self.next.filter(|_| self.left > 0)?;
        self.left -= 1;
        self.next = address.checked_add(1).and_then(|next| self.ips.next_at_or_after(next));
        Some((address, self.state(address)))
    }
}

impl FusedIterator for AddressMap {}

impl Inspect {
    /// The states of `count` of `pool`'s addresses (`ips`, excluded ones among them), beginning with the `first`-th;
    /// 0 is the lowest. Cost: one listing of the blocks of that window, then some tens of nanoseconds per address.
    ///
    /// # Errors
    /// See [`InspectError`].
    pub async fn map(
        &self,
        pool: &SpiderIPPool,
        first: u128,
        count: u128,
    ) -> Result<AddressMap, InspectError> {
        let pool = parse(pool)?;
        let reserved = self.reserved(pool.family).await?;
        let start = pool.ips.nth(first).filter(|_| count > 0);
        let end = first.checked_add(count.saturating_sub(1)).and_then(|last| pool.ips.nth(last));
        let window = start.zip(end.or(pool.ips.last()));
        let window = window.and_then(|(start, end)| AddressRange::new(start, end).ok());
        let blocks = match window {
            Some(window) => self.blocks_of(&IpSet::from(window)).await?,
            None => Blocks::default(),
        };
        let division = Division::of(&pool, &reserved);
        Ok(AddressMap { ips: pool.ips, division, blocks, now: self.now(), next: start, left: count })
    }
}
