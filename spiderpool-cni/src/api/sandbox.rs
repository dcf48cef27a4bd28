//! POST `/v1/ipam/sandbox`: the second source of the sweep, for whoever sweeps elsewhere.

use crate::cni::ContainerId;
use serde::{Deserialize, Serialize};

/// Asks about the sandbox of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxRequest {
    /// The node that its record names.
    pub node: String,
    /// The container that its record names.
    #[serde(rename = "containerID")]
    pub container_id: ContainerId,
}

/// What the agent knows of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxResponse {
    /// The word.
    pub sandbox: SandboxState,
}

/// The state of a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SandboxState {
    /// Its network namespace is gone, no request of it runs, and from now on an ADD for it is refused.
    Gone,
    /// It is there, or the agent cannot tell.
    Alive,
    /// It is another node's: ask that node's agent.
    OtherNode,
}
