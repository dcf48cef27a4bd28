//! POST `/v1/explain`: which pools were considered for a pod, and why they were refused.

use super::IpFamily;
use crate::cni::{IfName, NetworkName, RequestedIp};
use serde::{Deserialize, Serialize};

/// Asks what an ADD would choose from, without granting anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainRequest {
    /// The pod's namespace.
    #[serde(rename = "podNamespace")]
    pub pod_namespace: String,
    /// The pod's name.
    #[serde(rename = "podName")]
    pub pod_name: String,
    /// One interface only; absent: `eth0`.
    #[serde(rename = "ifName", default, skip_serializing_if = "Option::is_none")]
    pub if_name: Option<IfName>,
    /// The CNI network; absent: none in particular.
    #[serde(rename = "networkName", default, skip_serializing_if = "Option::is_none")]
    pub network_name: Option<NetworkName>,
    /// IPv4 pools as the CNI configuration would name them.
    #[serde(rename = "defaultIPv4IPPool", default, skip_serializing_if = "Vec::is_empty")]
    pub ipv4_pools: Vec<String>,
    /// IPv6 pools as the CNI configuration would name them.
    #[serde(rename = "defaultIPv6IPPool", default, skip_serializing_if = "Vec::is_empty")]
    pub ipv6_pools: Vec<String>,
    /// Addresses as they would be asked for.
    #[serde(rename = "requestedIPs", default, skip_serializing_if = "Vec::is_empty")]
    pub requested_ips: Vec<RequestedIp>,
}

/// The choice, interface by interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// One entry for each interface that the request would serve.
    pub interfaces: Vec<InterfaceExplanation>,
    /// What was odd but not fatal, such as a backup pool that does not exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// The choice for one interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceExplanation {
    /// The interface; empty for an item of an annotation that names none.
    pub interface: String,
    /// One entry for each family.
    pub families: Vec<FamilyExplanation>,
}

/// The choice for one family of one interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FamilyExplanation {
    /// The family.
    pub version: IpFamily,
    /// Where the candidates came from, such as `annotation ipam.spidernet.io/ippool`.
    pub source: String,
    /// The candidates, in the order they would be tried.
    pub candidates: Vec<Candidate>,
}

/// One pool that was considered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The pool.
    pub pool: String,
    /// What became of it.
    pub verdict: Verdict,
    /// Why it was refused; or a remark.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What became of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// It may serve the pod.
    Usable,
    /// It may serve the pod, but has no free address now.
    Full,
    /// It may not serve the pod.
    Refused,
}
