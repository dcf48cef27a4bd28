//! Where pods, namespaces, nodes and controllers are learned of.

use super::Refused;
use async_trait::async_trait;
use spiderpool_core::api::{OwnerReference, Resource};
use spiderpool_core::name::{Namespace, NamespacedName, NodeName, ObjectName};
use spiderpool_core::store::{Key, ResourceName, Store, StoreError, StoreExt};
use spiderpool_core::time::Timestamp;
use std::fmt::Debug;
use std::sync::Arc;

/// What a pod or a node is that no object declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undeclared {
    /// It may well run: whoever uses the store need not declare it.
    Served,
    /// It is not there: everything that runs is declared.
    Refused,
}

/// How much what is gathered for a request may lag behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sight {
    /// By as much as a watch does. Enough to grant: what decides about an address is read where it has to be.
    AtHand,
    /// Not at all: before anything is refused.
    Fresh,
}

/// Objects that others declare: here documents of the store, on Kubernetes objects of the API server.
#[async_trait]
pub trait PodSource: Debug + Send + Sync + 'static {
    /// What an object that is not found means.
    fn undeclared(&self) -> Undeclared;

    /// The pod of this name as it was a moment ago, without asking anybody; none where that is not known. It may be
    /// another one by now: it counts for whoever knows its uid.
    fn at_hand(&self, name: &NamespacedName) -> Option<Arc<Resource>>;

    /// A pod, by a linearizable read: one that is not found is not there.
    async fn pod(&self, name: &NamespacedName) -> Result<Option<Arc<Resource>>, StoreError>;

    /// Waits until a pod of this node is gone or has ended; its name. For ever where nobody tells.
    async fn end(&self) -> NamespacedName;

    /// A namespace.
    async fn namespace(&self, name: &Namespace, sight: Sight) -> Result<Option<Arc<Resource>>, StoreError>;

    /// A node.
    async fn node(&self, name: &NodeName, sight: Sight) -> Result<Option<Arc<Resource>>, StoreError>;

    /// Tells people that a pod was refused an address, where there is a place for it. What fails there is logged.
    async fn warn(&self, refused: Refused, at: Timestamp);

    /// The owner that `reference` of an object in `namespace` points to. Of one that owns pods for another object (a
    /// ReplicaSet, a Job) no more need be true than to whom it belongs.
    async fn owner(
        &self,
        namespace: &Namespace,
        reference: &OwnerReference,
    ) -> Result<Option<Arc<Resource>>, StoreError>;
}

/// Objects as a store has them: documents that somebody put there (`spiderpoolctl apply`, the lab), or objects of the
/// API server.
#[derive(Clone, Debug)]
pub struct StorePods(pub Arc<dyn Store>);

impl StorePods {
    async fn resource(&self, name: ResourceName) -> Result<Option<Arc<Resource>>, StoreError> {
        let found = self.0.get(&Key::Resource(name)).await?;
        Ok(found.and_then(|found| found.document.as_resource().cloned()))
    }

    async fn cluster_scoped(&self, kind: &str, name: &str) -> Result<Option<Arc<Resource>>, StoreError> {
        // A name that cannot stand in a key is the name of nothing.
        let (Ok(kind), Ok(name)) = (ObjectName::new(kind), ObjectName::new(name)) else { return Ok(None) };
        self.resource(ResourceName { kind, group: None, namespace: None, name }).await
    }
}

#[async_trait]
impl PodSource for StorePods {
    fn undeclared(&self) -> Undeclared {
        match self.0.capabilities().own_resources {
            true => Undeclared::Served,
            false => Undeclared::Refused,
        }
    }

    fn at_hand(&self, _: &NamespacedName) -> Option<Arc<Resource>> {
        None
    }

    async fn pod(&self, name: &NamespacedName) -> Result<Option<Arc<Resource>>, StoreError> {
        Ok(self.0.pod(name).await?.map(|(pod, _)| pod))
    }

    async fn end(&self) -> NamespacedName {
        std::future::pending().await
    }

    async fn namespace(&self, name: &Namespace, _: Sight) -> Result<Option<Arc<Resource>>, StoreError> {
        self.cluster_scoped("Namespace", name.as_str()).await
    }

    async fn node(&self, name: &NodeName, _: Sight) -> Result<Option<Arc<Resource>>, StoreError> {
        self.cluster_scoped("Node", name.as_str()).await
    }

    /// Nowhere: the answer says it, and the log.
    async fn warn(&self, _: Refused, _: Timestamp) {}

    async fn owner(
        &self,
        namespace: &Namespace,
        reference: &OwnerReference,
    ) -> Result<Option<Arc<Resource>>, StoreError> {
        let (Ok(kind), Ok(name)) = (ObjectName::new(&reference.kind), ObjectName::new(&reference.name))
        else {
            return Ok(None);
        };
        let group = reference.api_version.split_once('/').map(|(group, _)| ObjectName::new(group));
        let Ok(group) = group.transpose() else { return Ok(None) };
        self.resource(ResourceName { kind, group, namespace: Some(namespace.clone()), name }).await
    }
}
