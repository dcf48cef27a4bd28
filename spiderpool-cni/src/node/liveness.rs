//! The two sources of the sweep, and of what the allocator asks, answered for this node.

use super::held::Held;
use super::sandboxes::Sandboxes;
use super::{PodSource, Undeclared};
use async_trait::async_trait;
use spiderpool_core::alloc::Allocator;
use spiderpool_core::name::{ContainerId, NamespacedName, NodeName};
use spiderpool_core::store::{ResourceName, StoreError};
use spiderpool_core::sweep::{
    BlocksAtHand, ControllerSeen, EndpointSeen, NodeSeen, PodFacts, PodSeen, SandboxSeen,
    Sandboxes as SandboxSource, Sources, StoreSources,
};
use std::sync::{Arc, OnceLock, Weak};

/// The sandboxes of this node, by their network namespaces.
#[derive(Debug)]
pub(super) struct NodeSandboxes {
    node: NodeName,
    held: Arc<Held>,
    /// Set once the allocator is open, which asks this and is asked by it.
    open: OnceLock<(Arc<Sandboxes>, Weak<Allocator>)>,
}

impl NodeSandboxes {
    /// Until [`Self::serve`] no sandbox is gone.
    pub(super) fn new(node: NodeName, held: Arc<Held>) -> Self {
        Self { node, held, open: OnceLock::new() }
    }

    /// From now on sandboxes can be said to be gone.
    pub(super) fn serve(&self, sandboxes: &Arc<Sandboxes>, allocator: &Arc<Allocator>) {
        // It is opened once.
        let _ = self.open.set((Arc::clone(sandboxes), Arc::downgrade(allocator)));
    }

    /// Whether the sandbox is gone, and no request of its container runs or will.
    async fn has_ended(&self, container: &ContainerId) -> bool {
        let Some((sandboxes, allocator)) = self.open.get() else { return false };
        if !sandboxes.is_gone(container) {
            return false;
        }
        let (Some(allocator), Some(owner)) = (allocator.upgrade(), self.held.owner_of(container)) else {
            return false;
        };
        // An ADD says where its sandbox is before it is granted anything: one that took its turn between the first look
        // and this is seen by the second.
        allocator.retire(&owner, container).await && sandboxes.is_gone(container)
    }
}

#[async_trait]
impl SandboxSource for NodeSandboxes {
    async fn sandbox(&self, node: &NodeName, container: &ContainerId) -> SandboxSeen {
        if *node != self.node {
            return SandboxSeen::NodeSilent;
        }
        if self.has_ended(container).await { SandboxSeen::Gone } else { SandboxSeen::Alive }
    }
}

/// Pods by their source, sandboxes of this node by their namespaces, controllers and nodes as the store has them.
#[derive(Debug)]
pub(super) struct NodeSources {
    pods: Arc<dyn PodSource>,
    others: StoreSources,
}

impl NodeSources {
    /// `others` answers for controllers, nodes and sandboxes.
    pub(super) fn new(pods: Arc<dyn PodSource>, others: StoreSources) -> Self {
        Self { pods, others }
    }
}

#[async_trait]
impl Sources for NodeSources {
    fn pod_at_hand(&self, name: &NamespacedName) -> Option<PodFacts> {
        self.pods.at_hand(name).map(|pod| PodFacts::of(&pod))
    }

    fn blocks_at_hand(&self) -> Option<&dyn BlocksAtHand> {
        None
    }

    async fn endpoints(&self) -> Option<Result<Vec<EndpointSeen>, StoreError>> {
        None
    }

    async fn pod(&self, name: &NamespacedName) -> PodSeen {
        match self.pods.pod(name).await {
            Ok(Some(pod)) => PodSeen::Present(PodFacts::of(&pod)),
            Ok(None) => PodSeen::Absent,
            Err(_) => PodSeen::Unknown,
        }
    }

    async fn controller(&self, name: &ResourceName) -> ControllerSeen {
        self.others.controller(name).await
    }

    async fn sandbox(&self, node: &NodeName, container: &ContainerId) -> SandboxSeen {
        self.others.sandbox(node, container).await
    }

    async fn node(&self, name: &NodeName) -> NodeSeen {
        match self.others.node(name).await {
            // One that is not declared may well run pods, which need not be declared either.
            NodeSeen::Deleted if self.pods.undeclared() == Undeclared::Served => NodeSeen::Unknown,
            seen => seen,
        }
    }
}
