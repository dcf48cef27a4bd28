//! The agent's HTTP API: paths and the types of its JSON bodies, for the plugin, the agent and `spiderpoolctl`.
//!
//! HTTP/1.1 over a Unix socket, JSON bodies, everything under `/v1`. Paths and field names are upstream's where
//! upstream has them. Fields that a reader does not know are passed over, so that a plugin and an agent of
//! neighbouring releases understand each other. `docs/agent-api.md` shows every body.

mod attachment;
mod check;
mod endpoint;
mod error;
mod explain;
mod gc;
mod grant;
mod sandbox;
mod status;
#[cfg(feature = "agent")]
mod store;

pub use attachment::Attachment;
pub use check::CheckRequest;
pub use endpoint::{Endpoint, EndpointInterface, EndpointQuery, EndpointRoute};
pub use error::{ErrorBody, ErrorCode};
pub use explain::{Candidate, ExplainRequest, Explanation, FamilyExplanation, InterfaceExplanation, Verdict};
pub use gc::{Freed, GcRequest, GcResponse, Kept};
pub use grant::{AddRequest, AddResponse, Cidr, GrantedIp, GrantedRoute, InvalidCidr, IpFamily};
pub use sandbox::{SandboxRequest, SandboxResponse, SandboxState};
pub use status::StatusResponse;
#[cfg(feature = "agent")]
pub use store::{
    StoreEvent, StoreFailure, StoreGet, StoreGot, StoreList, StoreWatch, StoreWrite, StoreWritten,
};

/// Paths of the API.
pub mod path {
    /// GET: 200 as soon as the agent serves.
    pub const HEALTHY: &str = "/v1/ipam/healthy";
    /// POST grants, DELETE releases.
    pub const IP: &str = "/v1/ipam/ip";
    /// POST: whether what was granted is still held.
    pub const CHECK: &str = "/v1/ipam/check";
    /// POST: frees what no listed attachment holds.
    pub const GC: &str = "/v1/ipam/gc";
    /// POST: whether the sandbox of a container is gone.
    pub const SANDBOX: &str = "/v1/ipam/sandbox";
    /// GET: whether an ADD would work now.
    pub const STATUS: &str = "/v1/ipam/status";
    /// GET with `podNamespace` and `podName`: the endpoint of a pod.
    pub const ENDPOINT: &str = "/v1/workloadendpoint";
    /// POST: which pools were considered for a pod, and why they were refused.
    pub const EXPLAIN: &str = "/v1/explain";
    /// GET: what the agent's store can do.
    pub const STORE_CAPABILITIES: &str = "/v1/store/capabilities";
    /// POST: one document.
    pub const STORE_GET: &str = "/v1/store/get";
    /// POST: documents by selector.
    pub const STORE_LIST: &str = "/v1/store/list";
    /// POST: keys and tokens of documents, by selector.
    pub const STORE_TOKENS: &str = "/v1/store/tokens";
    /// POST: one compare-and-swap.
    pub const STORE_WRITE: &str = "/v1/store/write";
    /// POST: changes as they happen, a line each.
    pub const STORE_WATCH: &str = "/v1/store/watch";
}

/// The largest request body in bytes that the agent reads. A GC list with 60,000 attachments fits.
pub const MAX_REQUEST_BYTES: usize = 16 << 20;
