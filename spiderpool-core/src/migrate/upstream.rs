//! What upstream's objects say.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    addr::Address,
    api::{SpiderEndpoint, SpiderIPPool},
    model::Slot,
    name::{InterfaceName, NamespacedName, NodeName, ObjectName, OwnerUid},
};

/// Where something is noted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Source {
    /// In a pool's `status.allocatedIPs`.
    Pool,
    /// In an endpoint.
    Endpoint,
}

/// An address that somebody has, as one source says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// Which source.
    pub source: Source,
    /// The address.
    pub address: Address,
    /// The pool's name.
    pub pool: Option<ObjectName>,
    /// Whose.
    pub pod: NamespacedName,
    /// Of which incarnation.
    pub uid: Option<OwnerUid>,
    /// For which interface, where it is said.
    pub slot: Option<Slot>,
    /// On which node.
    pub node: Option<NodeName>,
    /// Kind and name of the top controller.
    pub controller: Option<(String, String)>,
}

/// An entry of `status.allocatedIPs`, in all forms that upstream ever wrote (v0.4 to v1.2).
#[derive(Deserialize)]
struct Entry {
    pod: String,
    #[serde(default, rename = "podUid")]
    pod_uid: Option<String>,
    #[serde(default)]
    interface: Option<String>,
    #[serde(default)]
    node: Option<String>,
}

/// What a pool says, and what of it cannot be read.
#[must_use]
pub fn of_pool(pool: &SpiderIPPool) -> (Vec<Seen>, Vec<String>) {
    let Some(text) = pool.status.allocated_ips.as_deref().filter(|text| !text.trim().is_empty()) else {
        return (Vec::new(), Vec::new());
    };
    let entries: BTreeMap<String, serde_json::Value> = match serde_json::from_str(text) {
        Ok(entries) => entries,
        Err(error) => return (Vec::new(), vec![format!("status.allocatedIPs is no JSON object: {error}")]),
    };
    let (mut seen, mut unreadable) = (Vec::new(), Vec::new());
    for (address, entry) in entries {
        match read_entry(pool, &address, entry) {
            Ok(found) => seen.push(found),
            Err(why) => unreadable.push(format!("status.allocatedIPs[{address}]: {why}")),
        }
    }
    (seen, unreadable)
}

fn read_entry(pool: &SpiderIPPool, address: &str, entry: serde_json::Value) -> Result<Seen, String> {
    let address: Address = address.parse().map_err(|error| format!("{error}"))?;
    let entry: Entry = serde_json::from_value(entry).map_err(|error| error.to_string())?;
    let pod: NamespacedName = entry.pod.parse().map_err(|error| format!("pod: {error}"))?;
    let text = |text: Option<String>| text.filter(|text| !text.is_empty());
    Ok(Seen {
        source: Source::Pool,
        address,
        pool: ObjectName::new(&pool.metadata.name).ok(),
        pod,
        uid: text(entry.pod_uid).and_then(|uid| OwnerUid::new(uid).ok()),
        slot: text(entry.interface).and_then(|name| InterfaceName::new(name).ok()).map(Slot::Named),
        node: text(entry.node).and_then(|name| NodeName::new(name).ok()),
        controller: None,
    })
}

/// What an endpoint says, and what of it cannot be read.
#[must_use]
pub fn of_endpoint(endpoint: &SpiderEndpoint) -> (Vec<Seen>, Vec<String>) {
    let (mut seen, mut unreadable) = (Vec::new(), Vec::new());
    let namespace = endpoint.metadata.namespace.as_deref().unwrap_or("default");
    let pod: NamespacedName = match format!("{namespace}/{}", endpoint.metadata.name).parse() {
        Ok(pod) => pod,
        Err(error) => return (seen, vec![format!("{error}")]),
    };
    let status = &endpoint.status;
    let controller = (!status.owner_controller_type.is_empty())
        .then(|| (status.owner_controller_type.clone(), status.owner_controller_name.clone()));
    for (index, ip) in status.current.ips.iter().enumerate() {
        // Until its own ADD an interface of unnamed `ippools` has no name.
        let slot = match InterfaceName::new(ip.interface.as_str()) {
            Ok(name) => Slot::Named(name),
            Err(_) => Slot::Indexed(u8::try_from(index).unwrap_or(u8::MAX)),
        };
        for (text, pool) in [(&ip.ipv4, &ip.ipv4_pool), (&ip.ipv6, &ip.ipv6_pool)] {
            let Some(text) = text else { continue };
            let bare = text.split_once('/').map_or(text.as_str(), |(address, _)| address);
            match bare.parse::<Address>() {
                Ok(address) => seen.push(Seen {
                    source: Source::Endpoint,
                    address,
                    pool: pool.as_deref().and_then(|name| ObjectName::new(name).ok()),
                    pod: pod.clone(),
                    uid: OwnerUid::new(status.current.uid.as_str()).ok(),
                    slot: Some(slot.clone()),
                    node: NodeName::new(status.current.node.as_str()).ok(),
                    controller: controller.clone(),
                }),
                Err(error) => unreadable.push(format!("status.current.ips[{index}]: {text}: {error}")),
            }
        }
    }
    (seen, unreadable)
}
