//! Granting and releasing for the pods of one node: from what a runtime says to the allocator and back.
//!
//! [`Node`] is an [`Ipam`](crate::agent::Ipam) over any [`Store`]. It learns of pods through [`PodSource`], chooses
//! pools by the rules of [`spiderpool_core::select`], grants through [`Allocator`], and keeps the endpoints of its
//! node.

mod add;
mod ask;
mod check;
#[cfg(feature = "kube")]
mod cluster;
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
mod warnings;
mod world;

#[cfg(feature = "kube")]
pub use cluster::ClusterPods;
pub use pods::{PodSource, Sight, StorePods, Undeclared};
pub use sweep::Reach;
pub use warnings::Refused;

use held::Held;
use liveness::{NodeSandboxes, NodeSources};
use parking_lot::RwLock;
use pools::Pools;
use sandboxes::Sandboxes;
use spiderpool_core::alloc::{Allocator, AllocatorConfig, IntentLog, OpenError};
use spiderpool_core::env::Env;
use spiderpool_core::model::Families;
use spiderpool_core::name::{ContainerId, Namespace, NamespacedName, NodeName, ScopeName};
use spiderpool_core::select::{AutoPools, StatefulKinds};
use spiderpool_core::store::Store;
use spiderpool_core::sweep::{Declared, JudgedLiveness, Sources, StoreSources, SweepPolicy};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use views::{Expected, Views, Writer};
use warnings::Warnings;

/// Of which pods there is an endpoint to look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Endpoints {
    /// Of all.
    #[default]
    All,
    /// Of those whose addresses outlive them, which cannot do without: a write less for every other pod.
    Stateful,
}

/// What a node offers to pods. It may change while the node serves; each request goes by what it found when it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The families that pods get.
    pub families: Families,
    /// Kinds whose pods keep their addresses.
    pub stateful: StatefulKinds,
    /// Whether Subnet annotations are served.
    pub auto_pools: AutoPools,
}

/// What a [`Node`] needs to know.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The node's name, written into records.
    pub node: NodeName,
    /// The address space.
    pub scope: ScopeName,
    /// What it offers to begin with.
    pub offer: Offer,
    /// Where Spiderpool is installed: the namespace of network names without one.
    pub home: Namespace,
    /// The network of first interfaces where a pod names none.
    pub cluster_network: Option<NamespacedName>,
    /// How long a request waits for the pool of its application to be made; a tenth of it for one that is full to grow.
    pub auto_pool_patience: Duration,
    /// A directory of this node where it is kept which sandboxes it has; none: a restart forgets it.
    pub state: Option<PathBuf>,
    /// Whose endpoints are written.
    pub endpoints: Endpoints,
    /// On a store of many: where grants are noted before they are sent. None: a restart asks all blocks.
    pub log: Option<Arc<dyn IntentLog>>,
    /// What counts as the end of a pod or of a node.
    pub policy: SweepPolicy,
}

/// Granting and releasing on one node.
#[derive(Debug)]
pub struct Node {
    config: NodeConfig,
    offer: RwLock<Offer>,
    allocator: Arc<Allocator>,
    pods: Arc<dyn PodSource>,
    pools: Pools,
    held: Arc<Held>,
    sandboxes: Arc<Sandboxes>,
    ended: Arc<NodeSandboxes>,
    sources: Arc<dyn Sources>,
    views: Views,
    warnings: Warnings,
}

impl Node {
    /// Opens the allocator on `store` and takes in what this node holds. Call it inside a tokio runtime: endpoints
    /// are written in the background.
    ///
    /// Cost: a read of each block that the log names; without a log a listing of all blocks.
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
        allocator.log.clone_from(&config.log);
        let allocator = Arc::new(Allocator::open(Arc::clone(&store), env, allocator).await?);
        for (address, record) in allocator.own_records().await? {
            held.saw(address, &record, None);
        }
        let sandboxes = Arc::new(Sandboxes::open(config.state.as_deref(), &held.containers()));
        ended.serve(&sandboxes, &allocator);
        let pools = Pools::new(Arc::clone(&store), config.scope.clone());
        let views = Views::start(Writer {
            store,
            env: allocator.env().clone(),
            node: config.node.clone(),
            endpoints: config.endpoints,
            held: held.clone(),
            pools: pools.clone(),
        });
        for name in held.pods() {
            views.changed(name.0, name.1, Expected::Anything);
        }
        let warnings = Warnings::default();
        let offer = RwLock::new(config.offer.clone());
        Ok(Self { config, offer, allocator, pods, pools, held, sandboxes, ended, sources, views, warnings })
    }

    /// What it offers to pods from now on.
    pub fn offer(&self, offer: Offer) {
        *self.offer.write() = offer;
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
