//! An agent as the sweep's second source.

use super::AgentClient;
use crate::api::{SandboxRequest, SandboxState};
use crate::cni;
use async_trait::async_trait;
use spiderpool_core::name::{ContainerId, NodeName};
use spiderpool_core::sweep::{SandboxSeen, Sandboxes};

/// The sandboxes of an agent's node, through its socket. Inside a tokio runtime only.
#[derive(Clone, Debug)]
pub struct AgentSandboxes {
    client: AgentClient,
    node: String,
}

impl AgentSandboxes {
    /// Those of `node`, whose agent `client` talks to.
    pub fn new(client: AgentClient, node: String) -> Self {
        Self { client, node }
    }
}

#[async_trait]
impl Sandboxes for AgentSandboxes {
    async fn sandbox(&self, node: &NodeName, container: &ContainerId) -> SandboxSeen {
        if node.as_str() != self.node {
            return SandboxSeen::NodeSilent;
        }
        // What this API cannot name, no agent was ever asked to attach.
        let Ok(container_id) = cni::ContainerId::new(container.as_str()) else { return SandboxSeen::Alive };
        let answer = self.client.sandbox(&SandboxRequest { node: node.to_string(), container_id }).await;
        match answer.map(|answer| answer.sandbox) {
            Ok(SandboxState::Gone) => SandboxSeen::Gone,
            Ok(SandboxState::Alive) => SandboxSeen::Alive,
            Ok(SandboxState::OtherNode) => SandboxSeen::NodeSilent,
            // The agent was there a moment ago, and may be too old to be asked this.
            Err(_) => SandboxSeen::Alive,
        }
    }
}
