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
mod sandboxes;
mod serve;
mod sweep;
mod views;
mod world;

pub use pods::{PodSource, StorePods, Undeclared};
pub use sweep::Reach;

use held::Held;
use liveness::{NodeSandboxes, NodeSources};
use pools::Pools;
use sandboxes::Sandboxes;
use spiderpool_core::alloc::{Allocator, AllocatorConfig, OpenError};
use spiderpool_core::env::Env;
use spiderpool_core::model::Families;
use spiderpool_core::name::{ContainerId, Namespace, NamespacedName, NodeName, ScopeName};
use spiderpool_core::select::{AutoPools, StatefulKinds};
use spiderpool_core::store::{Document, Kind, Selector, Store, StoreError};
use spiderpool_core::sweep::{Declared, JudgedLiveness, Sources, StoreSources, SweepPolicy};
use std::path::PathBuf;
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
    /// A directory of this node where it is kept which sandboxes it has; none: a restart forgets it.
    pub state: Option<PathBuf>,
    /// What counts as the end of a pod or of a node.
    pub policy: SweepPolicy,
}

/// Granting and releasing on one node.
#[derive(Debug)]
pub struct Node {
    config: NodeConfig,
    allocator: Arc<Allocator>,
    pods: Arc<dyn PodSource>,
    pools: Pools,
    held: Arc<Held>,
    sandboxes: Arc<Sandboxes>,
    ended: Arc<NodeSandboxes>,
    sources: Arc<dyn Sources>,
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
        let held = Arc::new(Held::default());
        let ended = Arc::new(NodeSandboxes::new(config.node.clone(), held.clone()));
        let others = StoreSources::new(store.clone(), env.clock.clone(), ended.clone(), Declared::Always);
        let sources: Arc<dyn Sources> = Arc::new(NodeSources::new(pods.clone(), others));
        let mut allocator = AllocatorConfig::new(config.node.clone());
        allocator.scope = config.scope.clone();
        allocator.liveness = Some(Arc::new(JudgedLiveness::new(sources.clone(), config.policy.clone())));
        let allocator = Arc::new(Allocator::open(Arc::clone(&store), env, allocator).await?);
        recall(store.as_ref(), &config, &held).await?;
        let sandboxes = Arc::new(Sandboxes::open(config.state.as_deref(), &held.containers()));
        ended.serve(&sandboxes, &allocator);
        let pools = Pools::new(Arc::clone(&store), config.scope.clone());
        let views =
            Views::start(store, allocator.env().clone(), config.node.clone(), held.clone(), pools.clone());
        for name in held.pods() {
            views.changed(name.0, name.1);
        }
        Ok(Self { config, allocator, pods, pools, held, sandboxes, ended, sources, views })
    }

    /// The allocator.
    pub fn allocator(&self) -> &Allocator {
        &self.allocator
    }

    /// Nothing more is kept about the sandbox of `container`.
    fn forget(&self, container: &ContainerId) {
        if let Some(note) = self.sandboxes.forget(container) {
            tokio::task::spawn_blocking(|| note.write());
        }
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
