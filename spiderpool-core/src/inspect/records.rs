//! The records of a node, an owner, a pool, a network.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Inspect;
use crate::{
    addr::{Address, IpSet},
    model::{Pool, Record},
    name::{Namespace, NamespacedName, NetworkName, NodeName, OwnerUid, Uid},
    store::StoreError,
};

/// Which records; what is not set does not restrict. All that is set must fit.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordFilter {
    /// Granted by this node.
    pub node: Option<NodeName>,
    /// Held by this owner.
    pub owner: Option<OwnerUid>,
    /// Held by the pod of this name, whichever incarnation.
    pub pod: Option<NamespacedName>,
    /// Held by pods of this namespace.
    pub namespace: Option<Namespace>,
    /// Granted from the pool of this uid.
    pub pool: Option<Uid>,
    /// Attached through this CNI network.
    pub network: Option<NetworkName>,
}

impl RecordFilter {
    /// Whether `record` is among them.
    #[must_use]
    pub fn matches(&self, record: &Record) -> bool {
        let pod = record.owner.pod.as_ref();
        self.node.as_ref().is_none_or(|node| record.node == *node)
            && self.owner.as_ref().is_none_or(|owner| record.owner.uid == *owner)
            && self.pod.as_ref().is_none_or(|wanted| pod == Some(wanted))
            && self.namespace.as_ref().is_none_or(|wanted| pod.is_some_and(|pod| pod.namespace == *wanted))
            && self.pool.as_ref().is_none_or(|pool| record.pool == *pool)
            && self.network.as_ref().is_none_or(|network| record.network.as_ref() == Some(network))
    }
}

impl Inspect {
    /// The addresses that are held through `pool`, within its ranges. Cost: one listing of the blocks between its first
    /// and its last.
    pub(crate) async fn held_by(&self, pool: &Pool) -> Result<IpSet, StoreError> {
        let blocks = self.blocks_of(&pool.ips).await?;
        let mut held = IpSet::new(pool.family);
        for block in blocks.around(&pool.ips) {
            let own = block.records().filter(|(_, record)| record.pool == pool.uid);
            for (offset, _) in own {
                held.insert(block.address(offset));
            }
        }
        Ok(held)
    }

    /// The records that `filter` lets through, ascending by address, IPv4 first. Cost: one listing of all blocks.
    ///
    /// # Errors
    /// The store failed.
    pub async fn records(&self, filter: &RecordFilter) -> Result<Vec<(Address, Arc<Record>)>, StoreError> {
        let blocks = self.all_blocks().await?;
        let all = blocks.iter().flat_map(|block| {
            block.records().map(|(offset, record)| (block.address(offset), record.clone()))
        });
        Ok(all.filter(|(_, record)| filter.matches(record)).collect())
    }
}
