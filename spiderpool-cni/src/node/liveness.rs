//! What the allocator asks about pods and sandboxes, answered for this node.

use super::PodSource;
use async_trait::async_trait;
use parking_lot::Mutex;
use spiderpool_core::alloc::Liveness;
use spiderpool_core::name::{ContainerId, NamespacedName, NodeName, OwnerUid};
use spiderpool_core::protocol::SandboxState;
use spiderpool_core::store::StoreError;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Pods by their source; sandboxes of this node by their network namespace.
#[derive(Debug)]
pub(super) struct NodeLiveness {
    node: NodeName,
    pods: Arc<dyn PodSource>,
    namespaces: Mutex<HashMap<ContainerId, PathBuf>>,
}

impl NodeLiveness {
    pub(super) fn new(node: NodeName, pods: Arc<dyn PodSource>) -> Self {
        Self { node, pods, namespaces: Mutex::default() }
    }

    /// A sandbox and its network namespace.
    pub(super) fn sandbox_is_at(&self, container: &ContainerId, namespace: &str) {
        self.namespaces.lock().insert(container.clone(), namespace.into());
    }

    /// A sandbox that nobody asks about any more.
    pub(super) fn forget(&self, container: &ContainerId) {
        self.namespaces.lock().remove(container);
    }
}

#[async_trait]
impl Liveness for NodeLiveness {
    async fn pod_uid(&self, name: &NamespacedName) -> Result<Option<OwnerUid>, StoreError> {
        let pod = self.pods.pod(name).await?;
        Ok(pod.and_then(|pod| OwnerUid::new(pod.metadata.uid.as_deref()?).ok()))
    }

    async fn sandbox(&self, node: &NodeName, container: &ContainerId) -> SandboxState {
        let path = (*node == self.node).then(|| self.namespaces.lock().get(container).cloned()).flatten();
        // Only a path that was there at the ADD and certainly is not there now tells anything.
        match path.map(|path| path.try_exists()) {
            Some(Ok(false)) => SandboxState::Gone,
            _ => SandboxState::Alive,
        }
    }
}
