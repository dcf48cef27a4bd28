//! What the allocator asks about pods and sandboxes.

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;

use crate::{
    name::{ContainerId, NamespacedName, NodeName, OwnerUid},
    protocol::SandboxState,
    store::{Store, StoreError, StoreExt},
};

/// The two sources of rule 15, for the cases in which a request itself has to ask.
#[async_trait]
pub trait Liveness: Debug + Send + Sync {
    /// The uid of the pod of this name, by a linearizable read.
    ///
    /// # Errors
    /// The source does not answer: nothing is decided.
    async fn pod_uid(&self, name: &NamespacedName) -> Result<Option<OwnerUid>, StoreError>;

    /// Whether a container's sandbox is gone. No answer is [`SandboxState::Alive`].
    async fn sandbox(&self, node: &NodeName, container: &ContainerId) -> SandboxState;
}

/// Pods as the store has them, and every sandbox taken to be alive.
#[derive(Clone, Debug)]
pub struct StoreLiveness(pub Arc<dyn Store>);

#[async_trait]
impl Liveness for StoreLiveness {
    async fn pod_uid(&self, name: &NamespacedName) -> Result<Option<OwnerUid>, StoreError> {
        let Some((pod, _)) = self.0.pod(name).await? else { return Ok(None) };
        // A pod that exists is never taken for one that is gone.
        OwnerUid::new(pod.metadata.uid.as_deref().unwrap_or_default()).map(Some).map_err(|error| {
            StoreError::Damaged { what: format!("pod {name}"), message: format!("metadata.uid: {error}") }
        })
    }

    async fn sandbox(&self, _: &NodeName, _: &ContainerId) -> SandboxState {
        SandboxState::Alive
    }
}
