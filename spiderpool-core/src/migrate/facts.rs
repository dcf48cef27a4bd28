//! What there is: pools and endpoints with what upstream noted in them, and the pods and controllers that they name.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::upstream::{Seen, of_endpoint, of_pool};
use crate::{
    model::{Controller, Pool},
    name::{Namespace, NamespacedName, NodeName, ObjectName, OwnerUid, Uid},
    store::{Key, Kind, ResourceName, Selector, Store, StoreError, StoreExt},
};

/// A pod as it is now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PodNow {
    /// Its uid.
    pub uid: OwnerUid,
    /// Its node, once it has one.
    pub node: Option<NodeName>,
}

/// What a migration rests on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// The pools.
    pub pools: Vec<Pool>,
    /// What the sources say.
    pub seen: Vec<Seen>,
    /// What of them cannot be read: object and reason.
    pub unreadable: Vec<(String, String)>,
    /// The pods that are named and that there are.
    pub pods: BTreeMap<NamespacedName, PodNow>,
    /// The StatefulSets that are named and that there are.
    pub sets: BTreeMap<(Namespace, String), Arc<Controller>>,
}

/// The kind whose pods keep their addresses, in upstream as here.
pub(super) const STATEFUL: &str = "StatefulSet";

impl Facts {
    /// Reads everything.
    ///
    /// # Errors
    /// The store failed.
    pub async fn read(store: &dyn Store) -> Result<Self, StoreError> {
        let mut facts = Self::default();
        for item in store.list(&Selector::Kind(Kind::Pool)).await?.items {
            let Some(object) = item.document.as_pool() else { continue };
            match Pool::try_from(object.as_ref()) {
                Ok(pool) => facts.pools.push(pool),
                Err(violations) => facts.unreadable.push((item.key.to_string(), violations.to_string())),
            }
            facts.take(&item.key, of_pool(object));
        }
        for item in store.list(&Selector::Kind(Kind::Endpoint)).await?.items {
            if let Some(object) = item.document.as_endpoint() {
                facts.take(&item.key, of_endpoint(object));
            }
        }
        let names: BTreeSet<NamespacedName> = facts.seen.iter().map(|seen| seen.pod.clone()).collect();
        for name in names {
            if let Some((pod, _)) = store.pod(&name).await?
                && let Some(uid) = pod.metadata.uid.as_deref().and_then(|uid| OwnerUid::new(uid).ok())
            {
                let node = pod.rest.get("spec").and_then(|spec| spec.get("nodeName")?.as_str());
                let node = node.and_then(|node| NodeName::new(node).ok());
                facts.pods.insert(name, PodNow { uid, node });
            }
        }
        facts.read_sets(store).await?;
        Ok(facts)
    }

    fn take(&mut self, key: &Key, (seen, unreadable): (Vec<Seen>, Vec<String>)) {
        self.seen.extend(seen);
        self.unreadable.extend(unreadable.into_iter().map(|why| (key.to_string(), why)));
    }

    async fn read_sets(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        let named: BTreeSet<(Namespace, String)> = self
            .seen
            .iter()
            .filter_map(|seen| {
                let (kind, name) = seen.controller.as_ref()?;
                (kind == STATEFUL).then(|| (seen.pod.namespace.clone(), name.clone()))
            })
            .collect();
        for (namespace, name) in named {
            let names = [STATEFUL, "apps", &name].map(ObjectName::new);
            let [Ok(kind), Ok(group), Ok(object)] = names else { continue };
            let resource = ResourceName {
                kind,
                group: Some(group),
                namespace: Some(namespace.clone()),
                name: object.clone(),
            };
            let found = store.get(&Key::Resource(resource)).await?;
            let uid = found.as_ref().and_then(|found| found.document.as_resource()?.metadata.uid.clone());
            if let Some(uid) = uid.and_then(|uid| Uid::new(uid).ok()) {
                let (api_version, kind) = ("apps/v1".into(), STATEFUL.into());
                let controller = Controller { api_version, kind, name: object, uid };
                self.sets.insert((namespace, name), Arc::new(controller));
            }
        }
        Ok(())
    }
}
