//! What the sweep of a cluster asks: the API server; and pods at hand, so that the many that are well cost no question.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use parking_lot::RwLock;
use spiderpool_core::{
    api::Resource,
    env::Clock,
    name::{ContainerId, NamespacedName, NodeName},
    store::{ResourceName, StoreError},
    sweep::{
        BlocksAtHand, ControllerSeen, Declared, EndpointSeen, NoSandboxes, NodeSeen, PodFacts, PodSeen,
        SandboxSeen, Sources, StoreSources,
    },
};
use spiderpool_store_kube::{Fed, KubeStore};
use tokio::sync::mpsc;

use crate::status::KnownBlocks;

/// The metadata of all pods as a watch tells of it; none while it is not known for sure.
#[derive(Clone, Debug, Default)]
pub(super) struct PodsAtHand(Arc<RwLock<Option<HashMap<NamespacedName, PodFacts>>>>);

fn named(pod: &Resource) -> Option<NamespacedName> {
    let namespace = pod.metadata.namespace.as_deref()?.parse().ok()?;
    Some(NamespacedName { namespace, name: pod.metadata.name.parse().ok()? })
}

impl PodsAtHand {
    /// Keeps them as the feed of all pods has them, until it ends.
    pub(super) async fn keep(self, mut pods: mpsc::Receiver<Arc<Fed>>) {
        while let Some(fed) = pods.recv().await {
            match fed.as_ref() {
                Fed::Listed(pods) => {
                    let pods = pods.iter().filter_map(|pod| Some((named(pod)?, PodFacts::of(pod))));
                    *self.0.write() = Some(pods.collect());
                }
                Fed::Put(pod) => {
                    if let (Some(pods), Some(name)) = (&mut *self.0.write(), named(pod)) {
                        pods.insert(name, PodFacts::of(pod));
                    }
                }
                Fed::Deleted(pod) => {
                    if let (Some(pods), Some(name)) = (&mut *self.0.write(), named(pod)) {
                        pods.remove(&name);
                    }
                }
                Fed::Lost(loss) => {
                    *self.0.write() = None;
                    tracing::debug!(?loss, "pods are not at hand; the sweep asks for each");
                }
            }
        }
    }

    fn get(&self, name: &NamespacedName) -> Option<PodFacts> {
        self.0.read().as_ref()?.get(name).cloned()
    }
}

/// The sources of a cluster.
#[derive(Debug)]
pub(super) struct ClusterSources {
    asked: StoreSources,
    store: KubeStore,
    pods: PodsAtHand,
    blocks: KnownBlocks,
}

impl ClusterSources {
    pub(super) fn new(
        store: &KubeStore,
        clock: Arc<dyn Clock>,
        pods: PodsAtHand,
        blocks: KnownBlocks,
    ) -> Self {
        let asked =
            StoreSources::new(Arc::new(store.clone()), clock, Arc::new(NoSandboxes), Declared::Always);
        Self { asked, store: store.clone(), pods, blocks }
    }
}

#[async_trait]
impl Sources for ClusterSources {
    /// Metadata does not say whether a pod has ended: on a node that is well its agent knows, and of one that is gone each pod
    /// is asked for once its deletion has begun.
    fn pod_at_hand(&self, name: &NamespacedName) -> Option<PodFacts> {
        self.pods.get(name).filter(|pod| pod.deletion.is_none())
    }

    fn blocks_at_hand(&self) -> Option<&dyn BlocksAtHand> {
        Some(&self.blocks)
    }

    async fn endpoints(&self) -> Option<Result<Vec<EndpointSeen>, StoreError>> {
        Some(self.store.endpoints(EndpointSeen::of).await)
    }

    async fn pod(&self, name: &NamespacedName) -> PodSeen {
        self.asked.pod(name).await
    }

    async fn controller(&self, name: &ResourceName) -> ControllerSeen {
        self.asked.controller(name).await
    }

    async fn sandbox(&self, node: &NodeName, container: &ContainerId) -> SandboxSeen {
        self.asked.sandbox(node, container).await
    }

    async fn node(&self, name: &NodeName) -> NodeSeen {
        self.asked.node(name).await
    }
}
