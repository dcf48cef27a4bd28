//! The sweep's sources as the allocator's machines ask them.

use std::sync::Arc;

use async_trait::async_trait;

use super::{NodeSeen, PodSeen, SandboxSeen, Sources, SweepPolicy, judge::node_gone};
use crate::{
    alloc::Liveness,
    name::{ContainerId, NamespacedName, NodeName, OwnerUid},
    protocol::SandboxState,
    store::StoreError,
};

/// What [`Sources`] say, judged by a policy: a silent node counts as gone when the policy says so. With this an
/// allocator takes over, or gives up, what a lost node left attached (rules 9b, 9c).
#[derive(Clone, Debug)]
pub struct JudgedLiveness {
    sources: Arc<dyn Sources>,
    policy: SweepPolicy,
}

impl JudgedLiveness {
    /// `sources`, judged by `policy`.
    #[must_use]
    pub fn new(sources: Arc<dyn Sources>, policy: SweepPolicy) -> Self {
        Self { sources, policy }
    }
}

#[async_trait]
impl Liveness for JudgedLiveness {
    async fn pod_uid(&self, name: &NamespacedName) -> Result<Option<OwnerUid>, StoreError> {
        match self.sources.pod(name).await {
            PodSeen::Absent => Ok(None),
            PodSeen::Present(pod) => match pod.uid {
                Some(uid) => Ok(Some(uid)),
                None => Err(StoreError::unavailable(format!("pod {name} is declared without a uid"))),
            },
            PodSeen::NotAsked | PodSeen::Unknown => {
                Err(StoreError::unavailable(format!("whether pod {name} exists is not known")))
            }
        }
    }

    async fn sandbox(&self, node: &NodeName, container: &ContainerId) -> SandboxState {
        match self.sources.sandbox(node, container).await {
            SandboxSeen::Gone => SandboxState::Gone,
            SandboxSeen::Alive | SandboxSeen::NotAsked => SandboxState::Alive,
            SandboxSeen::NodeSilent => {
                let node: NodeSeen = self.sources.node(node).await;
                if node_gone(node, &self.policy).is_some() { SandboxState::Gone } else { SandboxState::Alive }
            }
        }
    }
}
