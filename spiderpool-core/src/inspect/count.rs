//! Counting a pool's or a subnet's addresses.

use serde::{Deserialize, Serialize};

use super::{
    Inspect, InspectError,
    blocks::{Blocks, Division, detached},
    number, parse,
};
use crate::{
    addr::IpSet,
    api::{SpiderIPPool, SpiderSubnet},
    model::{Pool, Subnet},
    mutation::Mutation,
    name::{ObjectName, Uid},
    store::{Key, StoreError},
    time::Timestamp,
};

/// How a pool's addresses are divided. Counts saturate at 2^128 − 1; in JSON those above 2^53 − 1 are decimal text.
///
/// `total` = `held` + `elsewhere` + `withheld` + `reserved` + `cooling` + `free`, except that `held` also counts
/// records on addresses that are excluded by now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    /// `ips` without `excludeIPs`.
    #[serde(with = "number")]
    pub total: u128,
    /// Held through this pool.
    #[serde(with = "number")]
    pub held: u128,
    /// Those of `held` that no container uses at present: they stay with a stateful owner's name.
    #[serde(with = "number")]
    pub bound: u128,
    /// Held through another pool that has the same address.
    #[serde(with = "number")]
    pub elsewhere: u128,
    /// Not held, and never granted by this pool: the gateway; everything while it is being deleted.
    #[serde(with = "number")]
    pub withheld: u128,
    /// Not held, but reserved.
    #[serde(with = "number")]
    pub reserved: u128,
    /// Not held, but released too recently.
    #[serde(with = "number")]
    pub cooling: u128,
    /// May be granted now, unless the pool is disabled.
    #[serde(with = "number")]
    pub free: u128,
}

/// How a subnet's addresses are divided among pools, and how far those are used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SubnetCounts {
    /// `ips` without `excludeIPs`.
    #[serde(with = "number")]
    pub total: u128,
    /// Taken by pools.
    #[serde(with = "number")]
    pub claimed: u128,
    /// Left for further pools.
    #[serde(with = "number")]
    pub unclaimed: u128,
    /// Held by anybody, through whatever pool.
    #[serde(with = "number")]
    pub held: u128,
    /// Not held, but reserved.
    #[serde(with = "number")]
    pub reserved: u128,
}

/// Which records count as the pool's own.
pub(super) fn own_mask(block: &crate::model::Block, pool: &Uid) -> u64 {
    let own = block.records().filter(|(_, record)| record.pool == *pool);
    own.fold(0, |mask, (offset, _)| mask | 1 << offset)
}

impl Counts {
    /// Counts over the blocks between the pool's first and last address.
    pub(super) fn of(pool: &Pool, reserved: &IpSet, blocks: &Blocks, now: Timestamp) -> Self {
        let division = Division::of(pool, reserved);
        let total = division.allocatable.len_saturating();
        let (offered, grantable) = (division.offered.len_saturating(), division.grantable.len_saturating());
        let mut counts = Self {
            total,
            withheld: total - offered,
            reserved: offered - grantable,
            free: grantable,
            ..Self::default()
        };
        for block in blocks.around(&pool.ips) {
            let masks = division.masks(block, now);
            let own = own_mask(block, &pool.uid);
            let count = |mask: u64| u128::from(mask.count_ones());
            // The differences above saturate for all of IPv6, so what is taken off them has to as well.
            let take = |from: &mut u128, mask: u64| *from = from.saturating_sub(count(mask));
            counts.held += count(own);
            counts.bound += count(own & detached(block));
            counts.elsewhere += count(masks.held & !own & masks.allocatable);
            take(&mut counts.withheld, masks.held & masks.allocatable & !masks.offered);
            take(&mut counts.reserved, masks.held & masks.offered & !masks.grantable);
            let cooling = if Mutation::CountsForgetCooling.active() { 0 } else { masks.cooling };
            counts.cooling += count(cooling);
            take(&mut counts.free, (masks.held | cooling) & masks.grantable);
        }
        counts
    }
}

impl Inspect {
    /// Counts `pool`'s addresses, from one listing of the blocks between its first and its last.
    ///
    /// # Errors
    /// See [`InspectError`].
    pub async fn pool_counts(&self, pool: &SpiderIPPool) -> Result<Counts, InspectError> {
        let pool = parse(pool)?;
        let reserved = self.reserved(pool.family).await?;
        let blocks = self.blocks_of(&pool.ips).await?;
        Ok(Counts::of(&pool, &reserved, &blocks, self.now()))
    }

    /// Counts `subnet`'s addresses.
    ///
    /// # Errors
    /// See [`InspectError`].
    pub async fn subnet_counts(&self, subnet: &SpiderSubnet) -> Result<SubnetCounts, InspectError> {
        let subnet = parse_subnet(subnet)?;
        let reserved = self.reserved(subnet.family).await?;
        let blocks = self.blocks_of(&subnet.ips).await?;
        Ok(count_subnet(&subnet, &reserved, &blocks))
    }

    /// The addresses of `pool` that nobody holds and no reservation covers; those that still rest after their
    /// release are among them.
    ///
    /// # Errors
    /// See [`InspectError`].
    pub async fn free_ranges(&self, pool: &SpiderIPPool) -> Result<IpSet, InspectError> {
        let pool = parse(pool)?;
        let grantable = pool.usable().difference(&self.reserved(pool.family).await?);
        let blocks = self.blocks_of(&grantable).await?;
        let mut held = IpSet::new(pool.family);
        for block in blocks.iter() {
            for (offset, _) in block.records() {
                held.insert(block.address(offset));
            }
        }
        Ok(grantable.difference(&held))
    }
}

pub(super) fn parse_subnet(subnet: &SpiderSubnet) -> Result<Subnet, InspectError> {
    Subnet::try_from(subnet).map_err(|violations| match ObjectName::new(&subnet.metadata.name) {
        Ok(name) => InspectError::Malformed { object: Key::Subnet(name), violations },
        Err(_) => {
            let (what, message) = ("a subnet".into(), violations.to_string());
            InspectError::Store(StoreError::Damaged { what, message })
        }
    })
}

pub(super) fn count_subnet(subnet: &Subnet, reserved: &IpSet, blocks: &Blocks) -> SubnetCounts {
    let allocatable = subnet.allocatable();
    let covered = allocatable.intersection(reserved);
    let (total, unclaimed) = (allocatable.len_saturating(), subnet.unclaimed().len_saturating());
    let mut counts = SubnetCounts {
        total,
        claimed: total - unclaimed,
        unclaimed,
        held: 0,
        reserved: covered.len_saturating(),
    };
    for block in blocks.around(&subnet.ips) {
        let window = |set: &IpSet| set.window_mask(block.first(), block.bits().get());
        counts.held += u128::from((block.held() & window(&allocatable)).count_ones());
        let taken = u128::from((block.held() & window(&covered)).count_ones());
        counts.reserved = counts.reserved.saturating_sub(taken);
    }
    counts
}
