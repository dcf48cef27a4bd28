//! What a pod is attached to: its annotations, and the definitions that they name.

use std::process::Command;

use serde_json::Value;
use spiderpool_core::{
    api::keys,
    name::{Namespace, NamespacedName},
    validate::annotations::{default_network, networks},
};

use super::{Conf, NOTES, delegate::Delegate, refusal::Refusal, variable};

/// Where a default network without a namespace is looked for.
const HOME: &str = "kube-system";

/// The interfaces of the pod that is asked about, in order.
pub(crate) fn delegates(conf: &Conf) -> Result<Vec<Delegate>, Refusal> {
    let args = variable("CNI_ARGS")?;
    let arg = |key: &str| {
        let found = args.split(';').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == key);
        found.map(|(_, value)| value).ok_or_else(|| Refusal::new(4, format!("CNI_ARGS has no {key}")))
    };
    let (namespace, name) = (arg("K8S_POD_NAMESPACE")?, arg("K8S_POD_NAME")?);
    let pod = get(conf, &format!("/api/v1/namespaces/{namespace}/pods/{name}"))?;
    let annotation = |key: &str| pod["metadata"]["annotations"][key].as_str();
    let first = match annotation(keys::MULTUS_DEFAULT_NETWORK) {
        None => {
            let config = conf.delegates.first().cloned();
            Delegate::new("eth0", "default", config.unwrap_or_default())?
        }
        Some(text) => {
            let home = Namespace::new(HOME).map_err(|error| malformed(&error))?;
            defined(conf, "eth0", &default_network(text, &home).map_err(|found| malformed(&found))?)?
        }
    };
    let mut delegates = vec![first];
    if let Some(text) = annotation(keys::MULTUS_NETWORKS) {
        let own = Namespace::new(namespace).map_err(|error| malformed(&error))?;
        let named = networks(text, &own).map_err(|found| malformed(&found))?;
        for (item, number) in named.into_iter().zip(1..) {
            let interface = item.interface.map_or_else(|| format!("net{number}"), |name| name.to_string());
            delegates.push(defined(conf, &interface, &item.network)?);
        }
    }
    Ok(delegates)
}

/// An interface of the network that a NetworkAttachmentDefinition defines.
fn defined(conf: &Conf, interface: &str, network: &NamespacedName) -> Result<Delegate, Refusal> {
    let (namespace, name) = (&network.namespace, network.name.as_str());
    let kind = "network-attachment-definitions";
    let object = get(conf, &format!("/apis/k8s.cni.cncf.io/v1/namespaces/{namespace}/{kind}/{name}"))?;
    let config = object["spec"]["config"].as_str().unwrap_or_default();
    Delegate::new(interface, name, serde_json::from_str(config)?)
}

fn get(conf: &Conf, path: &str) -> Result<Value, Refusal> {
    let mut command = Command::new(&conf.kubectl);
    command.env("HOME", NOTES).arg("--kubeconfig").arg(&conf.kubeconfig).args(["get", "--raw", path]);
    let output = command.output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        // A runtime tries again anyway.
        return Err(Refusal::new(11, format!("{path}: {}", said.trim_end())));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn malformed(what: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(7, what.to_string())
}
