//! GET `/v1/ipam/status`: a STATUS.

use serde::{Deserialize, Serialize};

/// The state of the agent. Where an ADD would fail now, the answer is an error body instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusResponse {
    /// The agent's release.
    pub version: String,
    /// The node it runs on.
    pub node: String,
    /// The kind of store, such as `sled`; never an address with credentials.
    pub store: String,
    /// Releases that found no agent or no store and are still to be done.
    #[serde(rename = "pendingReleases")]
    pub pending_releases: u64,
}
