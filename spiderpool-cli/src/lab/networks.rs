//! Which networks a pod is attached to, by the annotations that Multus reads.

use std::collections::BTreeMap;

use serde_json::Value;
use spiderpool_core::{
    api::{Resource, keys},
    name::Namespace,
    validate::annotations::{default_network, networks},
};

use super::cni::{IpamSettings, Network, PluginType};
use crate::failure::Failure;

/// The network of first interfaces that name none.
pub(crate) const DEFAULT_NETWORK: &str = "kube-system/lab";
/// Where networks without a namespace are looked for.
const HOME: &str = "kube-system";

/// The networks of a lab: those that manifests define, and one over the parent for every other name.
#[derive(Clone, Debug)]
pub(crate) struct Networks {
    defined: BTreeMap<String, String>,
    plugin: PluginType,
    ipam: IpamSettings,
}

impl Networks {
    /// Networks of `plugin` with `ipam`.
    pub(crate) fn new(plugin: PluginType, ipam: IpamSettings) -> Self {
        Self { defined: BTreeMap::new(), plugin, ipam }
    }

    /// Takes in a NetworkAttachmentDefinition; other objects are passed over.
    pub(crate) fn define(&mut self, object: &Resource) {
        if object.kind == "NetworkAttachmentDefinition" {
            let config = object.rest.get("spec").and_then(|spec| spec.get("config")).and_then(Value::as_str);
            let namespace = object.metadata.namespace.as_deref().unwrap_or("default");
            let name = format!("{namespace}/{}", object.metadata.name);
            self.defined.insert(name, config.unwrap_or_default().to_owned());
        }
    }

    /// The network `name`, as `namespace/name`.
    pub(crate) fn network(&self, name: &str) -> Result<Network, Failure> {
        match self.defined.get(name).filter(|config| !config.is_empty()) {
            Some(config) => Network::defined(name, config, self.plugin, &self.ipam)
                .map_err(|error| Failure::usage(error.to_string())),
            None => Ok(Network::over_parent(&name.replace('/', "-"), self.plugin, &self.ipam)),
        }
    }

    /// The interfaces of `pod` with their networks, in order.
    pub(crate) fn of(&self, pod: &Resource) -> Result<Vec<(String, Network)>, Failure> {
        let wrong =
            |error: &dyn std::fmt::Display| Failure::usage(format!("pod {}: {error}", pod.metadata.name));
        let annotation = |key: &str| pod.metadata.annotations.get(key);
        let home = Namespace::new(HOME).map_err(|error| wrong(&error))?;
        let first = match annotation(keys::MULTUS_DEFAULT_NETWORK) {
            Some(text) => default_network(text, &home).map_err(|found| wrong(&found))?.to_string(),
            None => DEFAULT_NETWORK.to_owned(),
        };
        let mut interfaces = vec![("eth0".to_owned(), self.network(&first)?)];
        if let Some(text) = annotation(keys::MULTUS_NETWORKS) {
            let own = Namespace::new(pod.metadata.namespace.as_deref().unwrap_or("default"));
            let own = own.map_err(|error| wrong(&error))?;
            for (i, item) in networks(text, &own).map_err(|found| wrong(&found))?.into_iter().enumerate() {
                let interface =
                    item.interface.map_or_else(|| format!("net{}", i + 1), |name| name.to_string());
                interfaces.push((interface, self.network(&item.network.to_string())?));
            }
        }
        Ok(interfaces)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn networks() -> Networks {
        Networks::new(PluginType::Macvlan, IpamSettings { socket: "/s".into(), log: "/l".into() })
    }

    fn interfaces(networks: &Networks, annotations: Value) -> Vec<(String, String)> {
        let pod =
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "annotations": annotations}});
        let pod: Resource = serde_json::from_value(pod).unwrap();
        networks.of(&pod).unwrap().into_iter().map(|(name, network)| (name, network.name)).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn interfaces_follow_the_annotations() {
        let networks = networks();
        assert_eq!(interfaces(&networks, json!({})), pairs(&[("eth0", "kube-system-lab")]));
        let annotations = json!({
            "v1.multus-cni.io/default-network": "kube-system/calico",
            "k8s.v1.cni.cncf.io/networks": "kube-system/vlan6, other@fast0"
        });
        let expected =
            [("eth0", "kube-system-calico"), ("net1", "kube-system-vlan6"), ("fast0", "default-other")];
        assert_eq!(interfaces(&networks, annotations), pairs(&expected));
    }

    #[test]
    fn a_definition_is_used_where_there_is_one() {
        let mut networks = networks();
        let definition = json!({
            "apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
            "metadata": {"name": "vlan6", "namespace": "kube-system"},
            "spec": {"config": "{\"name\":\"six\",\"type\":\"vlan\",\"ipam\":{\"type\":\"spiderpool\"}}"}
        });
        networks.define(&serde_json::from_value(definition).unwrap());
        let annotations = json!({"k8s.v1.cni.cncf.io/networks": "kube-system/vlan6"});
        assert_eq!(
            interfaces(&networks, annotations),
            pairs(&[("eth0", "kube-system-lab"), ("net1", "six")])
        );
    }
}
