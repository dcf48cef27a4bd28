//! `status` of pools and subnets, in upstream's shape. Derived: it can be computed anew at any time (rule 1).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::Serialize;

use super::{
    Inspect, InspectError,
    blocks::Blocks,
    conditions::of_subnet,
    count::{Counts, count_subnet, parse_subnet},
    parse,
};
use crate::{
    addr::{Address, Family, IpSet},
    api::{IPPoolStatus, SpiderIPPool, SpiderSubnet, SubnetStatus},
    model::{Pool, Record, Subnet},
    name::ObjectName,
    store::{Kind, Selector, StoreError},
    time::Timestamp,
};

/// How many addresses `status.allocatedIPs` lists unless told otherwise: a pool's status is read by many and written
/// often, and the number of all of them stands beside it.
pub const ALLOCATED_IPS_SHOWN: usize = 100;

/// What the status of an object says of others.
#[derive(Clone, Copy, Debug)]
pub struct Neighbours<'a> {
    /// The reserved addresses of its family.
    pub reserved: &'a IpSet,
    /// Objects of its kind that have some of its addresses.
    pub overlapping: &'a BTreeSet<ObjectName>,
}

/// `status` of `subnet` with its conditions. Of a Subnet that cannot be read the conditions alone are new. Pure: what pools
/// took stands in the Subnet itself.
#[must_use]
pub fn subnet_status(subnet: &SpiderSubnet, beside: &Neighbours<'_>, now: Timestamp) -> SubnetStatus {
    let parsed = Subnet::try_from(subnet);
    let before = &subnet.status.conditions;
    let conditions = of_subnet(parsed.as_ref(), beside.reserved, beside.overlapping, before, now);
    match parsed {
        Ok(parsed) => SubnetStatus { conditions, ..counted(subnet, &parsed) },
        Err(_) => SubnetStatus { conditions, ..subnet.status.clone() },
    }
}

fn counted(subnet: &SpiderSubnet, parsed: &Subnet) -> SubnetStatus {
    let counts = count_subnet(parsed, &IpSet::new(parsed.family), &Blocks::default());
    SubnetStatus {
        controlled_ip_pools: subnet.status.controlled_ip_pools.clone(),
        total_ip_count: Some(clamp(counts.total)),
        allocated_ip_count: Some(clamp(counts.claimed)),
        conditions: subnet.status.conditions.clone(),
    }
}

/// One entry of `status.allocatedIPs`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Allocated<'a> {
    interface: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod: Option<String>,
    pod_uid: &'a str,
}

impl<'a> From<&'a Record> for Allocated<'a> {
    fn from(record: &'a Record) -> Self {
        Self {
            interface: record.interface.as_ref().map_or_else(|| record.slot.to_string(), ToString::to_string),
            pod: record.owner.pod.as_ref().map(ToString::to_string),
            pod_uid: record.owner.uid.as_str(),
        }
    }
}

/// The addresses in their own order, not in that of their texts.
struct AllocatedMap<'a>(Vec<(Address, &'a Arc<Record>)>);

impl Serialize for AllocatedMap<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer
            .collect_map(self.0.iter().map(|(address, record)| (address, Allocated::from(record.as_ref()))))
    }
}

/// A count as Kubernetes keeps it.
pub(crate) fn clamp(count: u128) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn status(
    pool: &SpiderIPPool,
    parsed: &Pool,
    counts: &Counts,
    blocks: &Blocks,
    shown: usize,
) -> IPPoolStatus {
    let held = blocks.around(&parsed.ips).flat_map(|block| {
        let records = block.records().filter(|(_, record)| record.pool == parsed.uid);
        records.map(|(offset, record)| (block.address(offset), record))
    });
    let allocated = AllocatedMap(held.take(shown).collect());
    IPPoolStatus {
        allocated_ips: match allocated.0.is_empty() {
            true => None,
            false => serde_json::to_string(&allocated).ok(),
        },
        total_ip_count: Some(clamp(counts.total)),
        allocated_ip_count: Some(clamp(counts.held)),
        conditions: pool.status.conditions.clone(),
        fence: pool.status.fence.clone(),
    }
}

impl Inspect {
    /// `status` of `pool` as the blocks have it, with at most `shown` addresses in `allocatedIPs`
    /// ([`ALLOCATED_IPS_SHOWN`]).
    ///
    /// # Errors
    /// See [`InspectError`].
    pub async fn pool_status(&self, pool: &SpiderIPPool, shown: usize) -> Result<IPPoolStatus, InspectError> {
        let parsed = parse(pool)?;
        let reserved = self.reserved(parsed.family).await?;
        let blocks = self.blocks_of(&parsed.ips).await?;
        let counts = Counts::of(&parsed, &reserved, &blocks, self.now());
        Ok(status(pool, &parsed, &counts, &blocks, shown))
    }

    /// All pools with their status, ascending by name, from one listing of all blocks. A pool that cannot be read
    /// keeps the status it has.
    ///
    /// # Errors
    /// The store failed.
    pub async fn pools_with_status(&self, shown: usize) -> Result<Vec<SpiderIPPool>, StoreError> {
        let objects = self.pool_objects().await?;
        let blocks = self.all_blocks().await?;
        let mut reserved = BTreeMap::new();
        for family in [Family::V4, Family::V6] {
            reserved.insert(family, self.reserved(family).await?);
        }
        let now = self.now();
        let with_status = |pool: &Arc<SpiderIPPool>| {
            let mut pool = pool.as_ref().clone();
            if let Ok(parsed) = Pool::try_from(&pool)
                && let Some(reserved) = reserved.get(&parsed.family)
            {
                let counts = Counts::of(&parsed, reserved, &blocks, now);
                pool.status = status(&pool, &parsed, &counts, &blocks, shown);
            }
            pool
        };
        Ok(objects.iter().map(with_status).collect())
    }

    /// `status` of `subnet`: which pool took what, and how many addresses that are.
    ///
    /// # Errors
    /// See [`InspectError`]. Reads nothing: what pools took stands in the subnet itself.
    pub fn subnet_status(&self, subnet: &SpiderSubnet) -> Result<SubnetStatus, InspectError> {
        Ok(counted(subnet, &parse_subnet(subnet)?))
    }

    /// All subnets with their status, ascending by name.
    ///
    /// # Errors
    /// The store failed.
    pub async fn subnets_with_status(&self) -> Result<Vec<SpiderSubnet>, StoreError> {
        let listing = self.store.list(&Selector::Kind(Kind::Subnet)).await?;
        let subnets = listing.items.iter().filter_map(|item| item.document.as_subnet());
        let with_status = |subnet: &Arc<SpiderSubnet>| {
            let mut subnet = subnet.as_ref().clone();
            if let Ok(status) = self.subnet_status(&subnet) {
                subnet.status = status;
            }
            subnet
        };
        Ok(subnets.map(with_status).collect())
    }
}
