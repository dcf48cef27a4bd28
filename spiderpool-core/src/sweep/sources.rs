//! Where the sweep asks.

use std::{collections::BTreeSet, fmt::Debug, sync::Arc, time::Duration};

use async_lock::OnceCell;
use async_trait::async_trait;

use super::{
    BlocksAtHand, ControllerSeen, EndpointSeen, Leases, NodeFacts, NodeSeen, PodFacts, PodSeen, SandboxSeen,
    Service,
};
use crate::{
    api::{Resource, keys},
    env::Clock,
    model::read_duration,
    name::{ContainerId, Namespace, NamespacedName, NodeName, ObjectName, Uid},
    select::Ordinals,
    store::{Key, Kind, ResourceName, Selector, Store, StoreError},
};

/// What the sweep asks, about one thing at a time.
///
/// An answer by which something *stays* may come from a cache. One by which something may go (absent, another uid, gone,
/// deleted) must be true at some instant after the call. A source that does not know says so; it never guesses.
#[async_trait]
pub trait Sources: Debug + Send + Sync {
    /// The pod of this name as it was a moment ago, without asking anybody; none where that is not known. It may lack what its
    /// status says. Nothing goes by it: it may only spare a question.
    fn pod_at_hand(&self, name: &NamespacedName) -> Option<PodFacts>;

    /// The blocks that this process keeps, so that a pass over everything does not read them; none where it keeps none.
    fn blocks_at_hand(&self) -> Option<&dyn BlocksAtHand>;

    /// All endpoints of the store as they are now, where this has a shorter way to what a pass wants of them than the store's
    /// list has; none: they are listed.
    async fn endpoints(&self) -> Option<Result<Vec<EndpointSeen>, StoreError>>;

    /// The pod of this name.
    async fn pod(&self, name: &NamespacedName) -> PodSeen;

    /// The controller of this name.
    async fn controller(&self, name: &ResourceName) -> ControllerSeen;

    /// The sandbox of a container, as its node says.
    async fn sandbox(&self, node: &NodeName, container: &ContainerId) -> SandboxSeen;

    /// The node.
    async fn node(&self, name: &NodeName) -> NodeSeen;
}

/// The sandboxes alone: what a node's agent knows.
#[async_trait]
pub trait Sandboxes: Debug + Send + Sync {
    /// The sandbox of a container. Gone only if its network namespace is gone, no request of it runs, and
    /// [`Allocator::retire`](crate::alloc::Allocator::retire) has seen to it that none will; of another node's
    /// container: [`SandboxSeen::NodeSilent`], unless that node was asked.
    async fn sandbox(&self, node: &NodeName, container: &ContainerId) -> SandboxSeen;
}

/// No node can be asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSandboxes;

#[async_trait]
impl Sandboxes for NoSandboxes {
    async fn sandbox(&self, _: &NodeName, _: &ContainerId) -> SandboxSeen {
        SandboxSeen::NodeSilent
    }
}

/// Whether an object that is not there says anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Declared {
    /// Pods and nodes are declared in this store: one that is not there is gone.
    Always,
    /// They may be. In a store without a single pod, no pod is known to be gone; the same for nodes. A store whose pods and
    /// nodes are another system's has them all.
    WhereAny,
}

/// Pods, nodes, leases and controllers as documents of the store; sandboxes from whoever can tell.
#[derive(Debug)]
pub struct StoreSources {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    sandboxes: Arc<dyn Sandboxes>,
    declared: Declared,
    /// The kinds of which there is an object, where that matters.
    kinds: OnceCell<BTreeSet<String>>,
    leases: Leases,
    gone: BTreeSet<NodeName>,
}

impl StoreSources {
    /// The sources of `store`. To be kept from one pass to the next: it remembers how long leases have been silent.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        sandboxes: Arc<dyn Sandboxes>,
        declared: Declared,
    ) -> Self {
        let (kinds, leases, gone) = (OnceCell::new(), Leases::default(), BTreeSet::new());
        Self { store, clock, sandboxes, declared, kinds, leases, gone }
    }

    /// Somebody vouches that these nodes are switched off, as the out-of-service taint would.
    #[must_use]
    pub fn with_gone_nodes(mut self, nodes: impl IntoIterator<Item = NodeName>) -> Self {
        self.gone.extend(nodes);
        self
    }

    async fn find(&self, name: ResourceName) -> Result<Option<Arc<Resource>>, StoreError> {
        let found = self.store.get(&Key::Resource(name)).await?;
        Ok(found.and_then(|found| found.document.as_resource().cloned()))
    }

    /// Whether an object of `kind` that is not there is gone.
    async fn absence_counts(&self, kind: &str) -> bool {
        if self.declared == Declared::Always || !self.store.capabilities().own_resources {
            return true;
        }
        let kinds = self.kinds.get_or_try_init(async || {
            let listing = self.store.list(&Selector::Kind(Kind::Resource)).await?;
            let kind = |key: &Key| match key {
                Key::Resource(name) => Some(name.kind.to_string()),
                _ => None,
            };
            Ok::<_, StoreError>(listing.items.iter().filter_map(|item| kind(&item.key)).collect())
        });
        kinds.await.is_ok_and(|kinds| kinds.contains(kind))
    }

    /// How long the lease of `node` has been silent; a node without a lease is not known to be.
    async fn silence(&self, node: &NodeName) -> Option<Duration> {
        let name = ResourceName {
            kind: ObjectName::new("Lease").ok()?,
            group: ObjectName::new("coordination.k8s.io").ok(),
            namespace: Namespace::new("kube-node-lease").ok(),
            name: ObjectName::new(node.as_str()).ok()?,
        };
        let lease = self.find(name).await.ok()??;
        let renewed = lease.rest.get("spec")?.get("renewTime")?.as_str()?.to_owned();
        Some(self.leases.observe(node, &renewed, self.clock.monotonic()))
    }
}

/// How long an application keeps addresses, by its own annotation or that of its pods' template. What cannot be read keeps them: a
/// typing error loses nothing.
fn kept_for(controller: &Resource) -> Duration {
    let template = || {
        controller
            .rest
            .get("spec")?
            .get("template")?
            .get("metadata")?
            .get("annotations")?
            .get(keys::KEEP)?
            .as_str()
    };
    let own = controller.metadata.annotations.get(keys::KEEP).map(String::as_str);
    own.or_else(template).map_or(Duration::ZERO, |text| read_duration(text).unwrap_or(Duration::MAX))
}

#[async_trait]
impl Sources for StoreSources {
    fn pod_at_hand(&self, _: &NamespacedName) -> Option<PodFacts> {
        None
    }

    fn blocks_at_hand(&self) -> Option<&dyn BlocksAtHand> {
        None
    }

    async fn endpoints(&self) -> Option<Result<Vec<EndpointSeen>, StoreError>> {
        None
    }

    async fn pod(&self, name: &NamespacedName) -> PodSeen {
        match self.store.get(&Key::pod(name)).await {
            Ok(Some(found)) => match found.document.as_resource() {
                Some(pod) => PodSeen::Present(PodFacts::of(pod)),
                None => PodSeen::Unknown,
            },
            Ok(None) if self.absence_counts("Pod").await => PodSeen::Absent,
            Ok(None) | Err(_) => PodSeen::Unknown,
        }
    }

    async fn controller(&self, name: &ResourceName) -> ControllerSeen {
        match self.find(name.clone()).await {
            Ok(Some(found)) => ControllerSeen::Present {
                uid: found.metadata.uid.as_deref().and_then(|uid| Uid::new(uid).ok()),
                ordinals: Ordinals::of(&found),
                keep: kept_for(&found),
            },
            // The name is that of a record that once came from a declaration.
            Ok(None) if self.absence_counts("Pod").await => ControllerSeen::Gone,
            Ok(None) | Err(_) => ControllerSeen::Unknown,
        }
    }

    async fn sandbox(&self, node: &NodeName, container: &ContainerId) -> SandboxSeen {
        self.sandboxes.sandbox(node, container).await
    }

    async fn node(&self, name: &NodeName) -> NodeSeen {
        if self.gone.contains(name) {
            return NodeSeen::Deleted;
        }
        let (Ok(kind), Ok(object)) = (ObjectName::new("Node"), ObjectName::new(name.as_str())) else {
            return NodeSeen::Unknown;
        };
        match self.find(ResourceName { kind, group: None, namespace: None, name: object }).await {
            Ok(Some(node)) => {
                let silent = self.silence(name).await.unwrap_or_default();
                NodeSeen::Present(NodeFacts { silent, service: Service::of(&node) })
            }
            Ok(None) if self.absence_counts("Node").await => NodeSeen::Deleted,
            Ok(None) | Err(_) => NodeSeen::Unknown,
        }
    }
}
