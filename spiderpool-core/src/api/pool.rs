//! SpiderIPPool and SpiderSubnet, in upstream's v2beta1 form.

use serde::{Deserialize, Serialize};

use super::{
    Condition,
    meta::{LabelSelector, ObjectMeta, null_as_default},
};

/// A route handed to the pod.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Route {
    /// Destination, a CIDR.
    pub dst: String,
    /// Gateway, an address inside the pool's subnet.
    pub gw: String,
}

/// A pool: a set of addresses inside one CIDR, and who may use them. Cluster-scoped; short name `sp`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SpiderIPPool {
    /// Name, labels, annotations.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: IPPoolSpec,
    /// What is the case; derived, never an input of an allocation.
    #[serde(skip_serializing_if = "is_default")]
    pub status: IPPoolStatus,
}

/// `spec` of a [`SpiderIPPool`]. Texts stay as written; [`crate::validate`] checks them and
/// [`crate::model::Pool`] is the parsed form.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IPPoolSpec {
    /// 4 or 6; derived from `subnet` where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_version: Option<i64>,
    /// The CIDR, in canonical form.
    pub subnet: String,
    /// Single addresses or `a-b` ranges; empty means no address.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub ips: Vec<String>,
    /// Same grammar, subtracted from `ips`.
    #[serde(
        rename = "excludeIPs",
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub exclude_ips: Vec<String>,
    /// The gateway, never granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// Routes; absent inherits the subnet's, an empty list does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routes: Option<Vec<Route>>,
    /// VLAN of older manifests (0–4094); handed on to the endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vlan: Option<i64>,
    /// Which pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_affinity: Option<LabelSelector>,
    /// Which namespaces, by label; unused where `namespaceName` is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_affinity: Option<LabelSelector>,
    /// Which namespaces, by name.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub namespace_name: Vec<String>,
    /// Which nodes, by label; unused where `nodeName` is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_affinity: Option<LabelSelector>,
    /// Which nodes, by name.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub node_name: Vec<String>,
    /// Which network attachments, `namespace/name` or `name`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub multus_name: Vec<String>,
    /// Whether the pool serves pods that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<bool>,
    /// Whether new allocations are refused; releases still work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable: Option<bool>,
}

/// `status` of a [`SpiderIPPool`].
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IPPoolStatus {
    /// JSON text, a map from address to `{interface, pod, podUid}`; absent when nothing is held.
    #[serde(rename = "allocatedIPs", skip_serializing_if = "Option::is_none")]
    pub allocated_ips: Option<String>,
    /// Addresses of the pool, at most 2^63 − 1.
    #[serde(rename = "totalIPCount", skip_serializing_if = "Option::is_none")]
    pub total_ip_count: Option<i64>,
    /// Addresses held.
    #[serde(rename = "allocatedIPCount", skip_serializing_if = "Option::is_none")]
    pub allocated_ip_count: Option<i64>,
    /// What people should know; kept where a controller runs.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub conditions: Vec<Condition>,
    /// A random value that settling changes to make an edit in flight impossible (rule 5c: the fence).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fence: Option<String>,
}

/// A subnet: the addresses that pools are carved from. Cluster-scoped; short name `ss`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SpiderSubnet {
    /// Name, labels, annotations.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: SubnetSpec,
    /// Which pool took which ranges. The ranges of a pool's creation are claimed here by compare-and-swap.
    #[serde(skip_serializing_if = "is_default")]
    pub status: SubnetStatus,
}

/// `spec` of a [`SpiderSubnet`].
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubnetSpec {
    /// 4 or 6; derived from `subnet` where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_version: Option<i64>,
    /// The CIDR, in canonical form.
    pub subnet: String,
    /// Single addresses or `a-b` ranges.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub ips: Vec<String>,
    /// Same grammar, subtracted from `ips`.
    #[serde(
        rename = "excludeIPs",
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub exclude_ips: Vec<String>,
    /// Inherited by pools that set none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// Inherited by pools that set none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routes: Option<Vec<Route>>,
    /// VLAN of older manifests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vlan: Option<i64>,
}

/// `status` of a [`SpiderSubnet`].
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubnetStatus {
    /// JSON text, a map from pool to `{ips, application}`; absent when no pool took anything.
    #[serde(rename = "controlledIPPools", skip_serializing_if = "Option::is_none")]
    pub controlled_ip_pools: Option<String>,
    /// Addresses of the subnet, at most 2^63 − 1.
    #[serde(rename = "totalIPCount", skip_serializing_if = "Option::is_none")]
    pub total_ip_count: Option<i64>,
    /// Addresses handed to pools.
    #[serde(rename = "allocatedIPCount", skip_serializing_if = "Option::is_none")]
    pub allocated_ip_count: Option<i64>,
    /// What people should know; kept where a controller runs.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub conditions: Vec<Condition>,
}

/// Addresses that no pool may grant. Cluster-scoped; short name `sr`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SpiderReservedIP {
    /// Name, labels, annotations.
    pub metadata: ObjectMeta,
    /// What is reserved.
    pub spec: ReservedIPSpec,
    /// Only the fence of rule 5c.
    #[serde(skip_serializing_if = "is_default")]
    pub status: ReservedIPStatus,
}

/// `spec` of a [`SpiderReservedIP`].
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReservedIPSpec {
    /// 4 or 6; derived from the first address where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_version: Option<i64>,
    /// Single addresses or `a-b` ranges.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub ips: Vec<String>,
}

/// `status` of a [`SpiderReservedIP`].
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ReservedIPStatus {
    /// See [`IPPoolStatus::fence`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fence: Option<String>,
}

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
