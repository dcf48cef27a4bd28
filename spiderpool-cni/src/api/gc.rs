//! POST `/v1/ipam/gc`: a GC.

use crate::cni::{ContainerId, IfName, NetworkName, ValidAttachment};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Asks to free the records of this node and network whose attachment is not listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GcRequest {
    /// `name` of the CNI network.
    #[serde(rename = "networkName")]
    pub network_name: NetworkName,
    /// The attachments that the runtime still knows.
    #[serde(rename = "validAttachments")]
    pub valid_attachments: Vec<ValidAttachment>,
}

/// A record that was freed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freed {
    /// The address.
    pub address: IpAddr,
    /// The pool it went back to.
    #[serde(rename = "ipPool")]
    pub ip_pool: String,
    /// The container that held it; absent in a record migrated from upstream.
    #[serde(rename = "containerID", default, skip_serializing_if = "Option::is_none")]
    pub container_id: Option<ContainerId>,
    /// The interface that held it.
    #[serde(rename = "ifName")]
    pub if_name: IfName,
}

/// A record that is not listed and was kept all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The record.
    #[serde(flatten)]
    pub record: Freed,
    /// Why it was kept, for example that its pod is alive.
    pub reason: String,
}

/// What a GC did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GcResponse {
    /// Records freed.
    pub freed: Vec<Freed>,
    /// Records not listed and kept.
    pub kept: Vec<Kept>,
}
