//! SpiderEndpoint: one per pod, of the pod's namespace and name.

use serde::{Deserialize, Serialize};

use super::{
    meta::{ObjectMeta, null_as_default},
    pool::{Route, is_default},
};
use crate::{
    addr::{Address, Family},
    model::Slot,
};

/// What a pod holds: a view for people, and for stateful owners the claim of their addresses. Short name `se`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SpiderEndpoint {
    /// Namespace and name are the owner's.
    pub metadata: ObjectMeta,
    /// Everything.
    pub status: EndpointStatus,
}

/// `status` of a [`SpiderEndpoint`].
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointStatus {
    /// The present incarnation of the owner.
    #[serde(skip_serializing_if = "is_default")]
    pub current: Current,
    /// Kind of the top controller; `Pod` where there is none.
    pub owner_controller_type: String,
    /// Name of the top controller.
    pub owner_controller_name: String,
    /// Claims of a stateful owner (rule 9), one per interface and family. Empty for everybody else.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub claims: Vec<Claim>,
}

/// The present incarnation of an endpoint's owner.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Current {
    /// The pod's uid.
    pub uid: String,
    /// The node it runs on.
    pub node: String,
    /// One entry per interface.
    pub ips: Vec<EndpointIP>,
}

/// The addresses of one interface of an endpoint.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointIP {
    /// The interface; empty for a part that no ADD has claimed yet.
    pub interface: String,
    /// With prefix length, `172.18.40.10/24`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv4: Option<String>,
    /// With prefix length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<String>,
    /// The pool of `ipv4`.
    #[serde(rename = "ipv4Pool", skip_serializing_if = "Option::is_none")]
    pub ipv4_pool: Option<String>,
    /// The pool of `ipv6`.
    #[serde(rename = "ipv6Pool", skip_serializing_if = "Option::is_none")]
    pub ipv6_pool: Option<String>,
    /// VLAN, 0–4094.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vlan: Option<i64>,
    /// Gateway of `ipv4`.
    #[serde(rename = "ipv4Gateway", skip_serializing_if = "Option::is_none")]
    pub ipv4_gateway: Option<String>,
    /// Gateway of `ipv6`.
    #[serde(rename = "ipv6Gateway", skip_serializing_if = "Option::is_none")]
    pub ipv6_gateway: Option<String>,
    /// Whether the pod gets no default route from the gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clean_gateway: Option<bool>,
    /// Pool routes and matching custom routes.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub routes: Vec<Route>,
    /// MAC address, where one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
}

/// A stateful owner's claim of one address: it outlives the pod.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// The interface.
    pub interface: Slot,
    /// The family.
    pub ip_version: Family,
    /// The address.
    pub address: Address,
    /// How far the claim goes.
    pub state: ClaimState,
}

/// The state of a [`Claim`]; no claim at all is the third one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ClaimState {
    /// The owner's next incarnation gets this address.
    Holds,
    /// The address is being given up: its block has to be written before the claim may name another.
    Leaving,
}
