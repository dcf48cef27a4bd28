//! What a cluster says of this node's pods, kept at hand: a pod of a Deployment is granted an address without a read.

use super::{PodSource, Refused, Sight, StorePods, Undeclared};
use async_trait::async_trait;
use parking_lot::Mutex;
use spiderpool_core::api::{OwnerReference, Resource};
use spiderpool_core::name::{Namespace, NamespacedName, NodeName};
use spiderpool_core::select::is_intermediate;
use spiderpool_core::store::StoreError;
use spiderpool_core::time::Timestamp;
use spiderpool_store_kube::{Follow, Followed, Known, KubeStore, Regarding, Warning};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{Mutex as AsyncMutex, mpsc};

/// So many pods that end wait; of more the next full pass of the sweep knows.
const ENDS: usize = 1_024;

/// So many ReplicaSets and Jobs are remembered; then all are forgotten and read again on demand.
const OWNERS: usize = 1_024;

/// Pods of this node, namespaces and the node by a watch each; what a watch does not know is read.
#[derive(Debug)]
pub struct ClusterPods {
    store: KubeStore,
    read: StorePods,
    own: NodeName,
    pods: Followed,
    ends: AsyncMutex<mpsc::Receiver<NamespacedName>>,
    namespaces: Followed,
    node: Followed,
    /// By uid: to whom a ReplicaSet or a Job belongs is decided when it is made.
    owners: Mutex<HashMap<String, Arc<Resource>>>,
}

impl ClusterPods {
    /// Begins to follow the pods of `node`; inside a tokio runtime.
    pub fn follow(store: &KubeStore, node: NodeName) -> Self {
        let (tell, ends) = mpsc::channel(ENDS);
        Self {
            store: store.clone(),
            read: StorePods(Arc::new(store.clone())),
            pods: store.follow_telling(&Follow::PodsOn(node.clone()), Some(tell)),
            ends: AsyncMutex::new(ends),
            namespaces: store.follow(&Follow::Namespaces),
            node: store.follow(&Follow::Node(node.clone())),
            own: node,
            owners: Mutex::default(),
        }
    }
}

#[async_trait]
impl PodSource for ClusterPods {
    fn undeclared(&self) -> Undeclared {
        Undeclared::Refused
    }

    fn at_hand(&self, name: &NamespacedName) -> Option<Arc<Resource>> {
        match self.pods.get(Some(&name.namespace), name.name.as_str()) {
            Known::Object(pod) => Some(pod),
            // Perhaps it was bound to this node a moment ago.
            Known::Absent | Known::Unsure => None,
        }
    }

    async fn pod(&self, name: &NamespacedName) -> Result<Option<Arc<Resource>>, StoreError> {
        self.read.pod(name).await
    }

    async fn end(&self) -> NamespacedName {
        match self.ends.lock().await.recv().await {
            Some(name) => name,
            // Nothing is followed any more.
            None => std::future::pending().await,
        }
    }

    async fn namespace(&self, name: &Namespace, sight: Sight) -> Result<Option<Arc<Resource>>, StoreError> {
        match (sight, self.namespaces.get(None, name.as_str())) {
            (Sight::AtHand, Known::Object(namespace)) => Ok(Some(namespace)),
            _ => self.read.namespace(name, sight).await,
        }
    }

    async fn node(&self, name: &NodeName, sight: Sight) -> Result<Option<Arc<Resource>>, StoreError> {
        match (sight, self.node.get(None, name.as_str())) {
            (Sight::AtHand, Known::Object(node)) if *name == self.own => Ok(Some(node)),
            (Sight::AtHand, Known::Absent) if *name == self.own => Ok(None),
            _ => self.read.node(name, sight).await,
        }
    }

    async fn warn(&self, refused: Refused, at: Timestamp) {
        let Refused { pod, uid, reason, message } = refused;
        let regarding = Regarding {
            api_version: "v1".into(),
            kind: "Pod".into(),
            namespace: Some(pod.namespace.to_string()),
            name: pod.name.to_string(),
            uid: uid.to_string(),
        };
        let (component, host) = ("spiderpool-agent", self.own.to_string());
        let warning = Warning { regarding, component, host, reason, message, at };
        if let Err(error) = self.store.warn(&warning).await {
            tracing::warn!(%pod, %error, "an event cannot be written");
        }
    }

    async fn owner(
        &self,
        namespace: &Namespace,
        reference: &OwnerReference,
    ) -> Result<Option<Arc<Resource>>, StoreError> {
        if !is_intermediate(reference) {
            // Of a StatefulSet it matters how many replicas it has now.
            return self.read.owner(namespace, reference).await;
        }
        if let Some(known) = self.owners.lock().get(&reference.uid) {
            return Ok(Some(Arc::clone(known)));
        }
        let found = self.read.owner(namespace, reference).await?;
        let Some(owner) = found else { return Ok(None) };
        let owner = Arc::new(Resource { rest: serde_json::Map::new(), ..Resource::clone(&owner) });
        if owner.metadata.uid.as_ref() == Some(&reference.uid) {
            let mut owners = self.owners.lock();
            if owners.len() >= OWNERS {
                owners.clear();
            }
            owners.insert(reference.uid.clone(), Arc::clone(&owner));
        }
        Ok(Some(owner))
    }
}
