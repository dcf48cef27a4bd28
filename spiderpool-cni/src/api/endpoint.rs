//! GET `/v1/workloadendpoint`: what a pod holds.

use super::Cidr;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The pod that is asked about, in the query of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointQuery {
    /// Its namespace.
    #[serde(rename = "podNamespace")]
    pub pod_namespace: String,
    /// Its name.
    #[serde(rename = "podName")]
    pub pod_name: String,
}

/// Everything one pod holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The pod's namespace.
    #[serde(rename = "podNamespace")]
    pub pod_namespace: String,
    /// The pod's name.
    #[serde(rename = "podName")]
    pub pod_name: String,
    /// The pod's UID.
    #[serde(rename = "podUID")]
    pub pod_uid: String,
    /// The node that granted.
    pub node: String,
    /// One entry for each interface.
    pub interfaces: Vec<EndpointInterface>,
}

/// What one interface of a pod holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointInterface {
    /// The interface; empty while a later network of the pod has not claimed its part.
    pub interface: String,
    /// The IPv4 address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv4: Option<Cidr>,
    /// The IPv6 address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<Cidr>,
    /// The pool of the IPv4 address.
    #[serde(rename = "ipv4Pool", default, skip_serializing_if = "Option::is_none")]
    pub ipv4_pool: Option<String>,
    /// The pool of the IPv6 address.
    #[serde(rename = "ipv6Pool", default, skip_serializing_if = "Option::is_none")]
    pub ipv6_pool: Option<String>,
    /// The IPv4 gateway.
    #[serde(rename = "ipv4Gateway", default, skip_serializing_if = "Option::is_none")]
    pub ipv4_gateway: Option<IpAddr>,
    /// The IPv6 gateway.
    #[serde(rename = "ipv6Gateway", default, skip_serializing_if = "Option::is_none")]
    pub ipv6_gateway: Option<IpAddr>,
    /// The hardware address, where one was given out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// The VLAN, where one was given out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u16>,
    /// Routes.
    #[serde(default)]
    pub routes: Vec<EndpointRoute>,
}

/// A route of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointRoute {
    /// The destination in CIDR notation.
    pub dst: String,
    /// The next hop.
    pub gw: String,
}
