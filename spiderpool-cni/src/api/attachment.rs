//! Which interface of which container of which pod.

use crate::cni::{ContainerId, IfName, NetworkName};
use serde::{Deserialize, Serialize};

/// One interface of one container in one network, as the runtime named it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attachment {
    /// `CNI_CONTAINERID`. It is the owner where no `pod_uid` is given.
    #[serde(rename = "containerID")]
    pub container_id: ContainerId,
    /// `CNI_IFNAME`.
    #[serde(rename = "ifName")]
    pub if_name: IfName,
    /// `CNI_NETNS`: a path; absent on a DEL after a reboot.
    #[serde(rename = "netNamespace", default, skip_serializing_if = "Option::is_none")]
    pub net_namespace: Option<String>,
    /// `K8S_POD_NAMESPACE`; given if and only if the name is.
    #[serde(rename = "podNamespace", default, skip_serializing_if = "Option::is_none")]
    pub pod_namespace: Option<String>,
    /// `K8S_POD_NAME`.
    #[serde(rename = "podName", default, skip_serializing_if = "Option::is_none")]
    pub pod_name: Option<String>,
    /// `K8S_POD_UID`.
    #[serde(rename = "podUID", default, skip_serializing_if = "Option::is_none")]
    pub pod_uid: Option<String>,
    /// `name` of the CNI network.
    #[serde(rename = "networkName")]
    pub network_name: NetworkName,
}
