//! A world of facts that each test changes a little.

use serde_json::{Value, json};

use super::super::*;
use crate::{
    api::SpiderIPPool,
    model::{Controller, Families, Labels},
    name::{Namespace, NamespacedName, NodeName, ObjectName, Uid},
};

pub(super) struct World {
    pub(super) interface: &'static str,
    pub(super) position: Option<u8>,
    pub(super) pod: Option<NamespacedName>,
    pub(super) pod_labels: Labels,
    pub(super) pod_annotations: Labels,
    pub(super) controller: Option<Controller>,
    pub(super) namespace_labels: Labels,
    pub(super) namespace_annotations: Labels,
    pub(super) node_labels: Labels,
    pub(super) config: NetworkConfig,
    pub(super) families: Families,
    pub(super) pools: PoolCatalog,
    pub(super) requested: Vec<Address>,
    pub(super) cluster_network: Option<NamespacedName>,
    pub(super) master_addresses: Vec<Address>,
    pub(super) auto_pools: AutoPools,
}

impl World {
    /// Pod default/web-0 on node n1, labelled app=web, asking for eth0; no pools.
    pub(super) fn new() -> Self {
        Self {
            interface: "eth0",
            position: None,
            pod: Some("default/web-0".parse().unwrap()),
            pod_labels: labels(&[("app", "web")]),
            pod_annotations: Labels::new(),
            controller: None,
            namespace_labels: labels(&[("team", "a")]),
            namespace_annotations: Labels::new(),
            node_labels: labels(&[("zone", "z1")]),
            config: NetworkConfig::default(),
            families: Families::Both,
            pools: PoolCatalog::new(),
            requested: Vec::new(),
            cluster_network: None,
            master_addresses: Vec::new(),
            auto_pools: AutoPools::Enabled,
        }
    }

    /// With an IPv4 pool of the network 10.0.0.0/24 for each name, and what `spec` adds to it.
    pub(super) fn pool(mut self, name: &str, spec: Value) -> Self {
        self.pools.insert(std::sync::Arc::new(pool(name, spec)));
        self
    }

    /// With plain IPv4 pools.
    pub(super) fn plain(self, names: &[&str]) -> Self {
        names.iter().fold(self, |world, name| world.pool(name, json!({})))
    }

    /// With plain IPv6 pools.
    pub(super) fn plain6(self, names: &[&str]) -> Self {
        let spec = json!({"subnet": "fd00::/64", "ips": ["fd00::10-fd00::20"]});
        names.iter().fold(self, |world, name| world.pool(name, spec.clone()))
    }

    /// With an annotation of the pod, `ipam.spidernet.io/` in front of its key unless it has a prefix.
    pub(super) fn annotated(mut self, key: &str, text: &str) -> Self {
        self.pod_annotations.insert(full_key(key), text.to_owned());
        self
    }

    /// With an annotation of the namespace.
    pub(super) fn namespace_annotated(mut self, key: &str, text: &str) -> Self {
        self.namespace_annotations.insert(full_key(key), text.to_owned());
        self
    }

    pub(super) fn asking_for(mut self, interface: &'static str) -> Self {
        self.interface = interface;
        self
    }

    pub(super) fn owned_by(mut self, api_version: &str, kind: &str, name: &str) -> Self {
        let (name, uid) = (ObjectName::new(name).unwrap(), Uid::new("uid-now").unwrap());
        self.controller = Some(Controller { api_version: api_version.into(), kind: kind.into(), name, uid });
        self
    }

    pub(super) fn select(&self) -> Result<Selection, SelectError> {
        let (interface, node) = (InterfaceName::new(self.interface).unwrap(), NodeName::new("n1").unwrap());
        let pod = self.pod.as_ref().map(|name| PodFacts {
            name,
            labels: &self.pod_labels,
            annotations: &self.pod_annotations,
            controller: self.controller.as_ref(),
        });
        select(&Facts {
            interface: &interface,
            position: self.position,
            pod,
            namespace: NamespaceFacts {
                labels: &self.namespace_labels,
                annotations: &self.namespace_annotations,
            },
            node: NodeFacts { name: &node, labels: &self.node_labels },
            config: &self.config,
            families: self.families,
            pools: &self.pools,
            requested: &self.requested,
            cluster_network: self.cluster_network.as_ref(),
            home: &Namespace::new("spiderpool").unwrap(),
            master_addresses: &self.master_addresses,
            auto_pools: self.auto_pools,
        })
    }

    /// The selection in one line per part: `eth0 IPv4: a, b`.
    pub(super) fn selected(&self) -> Vec<String> {
        match self.select() {
            Ok(selection) => selection.parts.iter().map(shown).collect(),
            Err(error) => vec![format!("error: {error}")],
        }
    }

    pub(super) fn error(&self) -> String {
        self.select().unwrap_err().to_string()
    }
}

fn shown(part: &PartChoice) -> String {
    let names: Vec<_> = part.candidates.iter().map(|candidate| candidate.pool.name.as_str()).collect();
    format!("{} {}: {}", part.slot, part.family, names.join(", "))
}

fn full_key(key: &str) -> String {
    if key.contains('/') { key.to_owned() } else { format!("ipam.spidernet.io/{key}") }
}

pub(super) fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// A pool; keys of `fields` other than those of a spec go into its metadata.
pub(super) fn pool(name: &str, fields: Value) -> Pool {
    let mut spec = json!({"subnet": "10.0.0.0/24", "ips": ["10.0.0.10-10.0.0.20"]});
    let mut metadata = json!({"name": name, "uid": format!("uid-{name}")});
    for (key, value) in fields.as_object().unwrap() {
        let place = match key.as_str() {
            "labels" | "annotations" | "deletionTimestamp" => &mut metadata,
            _ => &mut spec,
        };
        place[key] = value.clone();
    }
    let object: SpiderIPPool = serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap();
    Pool::try_from(&object).unwrap()
}
