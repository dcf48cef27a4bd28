//! Granting and releasing for the pods of one node: from what a runtime says to the allocator and back.
//!
//! [`Node`] is an [`Ipam`](crate::agent::Ipam) over any [`Store`]. It learns of pods through [`PodSource`], chooses
//! pools by the rules of [`spiderpool_core::select`], grants through [`Allocator`], and keeps the endpoints of its
//! node.

mod add;
mod ask;
mod check;
mod del;
mod explain;
mod failure;
mod gc;
mod held;
mod liveness;
mod pods;
mod pools;
mod serve;
mod views;
mod world;

pub use pods::{PodSource, StorePods};

use held::Held;
use liveness::NodeLiveness;
use pools::Pools;
use spiderpool_core::alloc::{Allocator, AllocatorConfig, OpenError};
use spiderpool_core::env::Env;
use spiderpool_core::model::Families;
use spiderpool_core::name::{Namespace, NamespacedName, NodeName, ScopeName};
use spiderpool_core::select::{AutoPools, StatefulKinds};
use spiderpool_core::store::{Document, Kind, Selector, Store, StoreError};
use std::sync::Arc;
use views::Views;

/// What a [`Node`] needs to know.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The node's name, written into records.
    pub node: NodeName,
    /// The address space.
    pub scope: ScopeName,
    /// The families that pods get.
    pub families: Families,
    /// Kinds whose pods keep their addresses.
    pub stateful: StatefulKinds,
    /// Where Spiderpool is installed: the namespace of network names without one.
    pub home: Namespace,
    /// The network of first interfaces where a pod names none.
    pub cluster_network: Option<NamespacedName>,
    /// Whether Subnet annotations are served.
    pub auto_pools: AutoPools,
}

/// Granting and releasing on one node.
#[derive(Debug)]
pub struct Node {
    config: NodeConfig,
    allocator: Allocator,
    pods: Arc<dyn PodSource>,
    pools: Pools,
    held: Arc<Held>,
    liveness: Arc<NodeLiveness>,
    views: Views,
}

impl Node {
    /// Opens the allocator on `store` and takes in what this node holds. Call it inside a tokio runtime: endpoints
    /// are written in the background.
    ///
    /// Cost: a listing of all blocks.
    ///
    /// # Errors
    /// The store does not answer, or is of a newer format.
    pub async fn open(
        store: Arc<dyn Store>,
        pods: Arc<dyn PodSource>,
        env: Env,
        config: NodeConfig,
    ) -> Result<Self, OpenError> {
        let liveness = Arc::new(NodeLiveness::new(config.node.clone(), Arc::clone(&pods)));
        let mut allocator = AllocatorConfig::new(config.node.clone());
        allocator.scope = config.scope.clone();
        allocator.liveness = Some(liveness.clone());
        let allocator = Allocator::open(Arc::clone(&store), env, allocator).await?;
        let held = Arc::new(Held::default());
        recall(store.as_ref(), &config, &held).await?;
        let pools = Pools::new(Arc::clone(&store), config.scope.clone());
        let views =
            Views::start(store, allocator.env().clone(), config.node.clone(), held.clone(), pools.clone());
        for name in held.pods() {
            views.changed(name.0, name.1);
        }
        Ok(Self { config, allocator, pods, pools, held, liveness, views })
    }

    /// The allocator.
    pub fn allocator(&self) -> &Allocator {
        &self.allocator
    }

    /// Waits until every endpoint of this node is written, or cannot be written at present.
    pub async fn settle_endpoints(&self) {
        self.views.settled(None).await;
    }
}

/// Takes in what this node holds, from the records in the blocks.
async fn recall(store: &dyn Store, config: &NodeConfig, held: &Held) -> Result<(), StoreError> {
    for item in store.list(&Selector::Kind(Kind::Block)).await?.items {
        let Document::Block(block) = &item.document else { continue };
        if block.id().scope != config.scope {
            continue;
        }
        for (offset, record) in block.records() {
            if record.node == config.node {
                held.saw(block.address(offset), record, None);
            }
        }
    }
    Ok(())
}
