//! What the agent serves, apart from how.

use crate::api::{
    AddRequest, AddResponse, Attachment, CheckRequest, Endpoint, EndpointQuery, ErrorBody, ExplainRequest,
    Explanation, GcRequest, GcResponse, SandboxRequest, SandboxResponse, StatusResponse,
};
use crate::spool::EntryName;
use async_trait::async_trait;
use spiderpool_core::alloc::Conflicts;
use std::time::Duration;
use tokio::time::Instant;

/// How much time a request has, from its receipt on.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    received: Instant,
    limit: Duration,
}

impl Budget {
    /// What a request has that says nothing: the plugin waits for 100 s.
    pub const DEFAULT: Duration = Duration::from_secs(99);

    /// A budget that begins now. `millis` is what the client said.
    pub fn from_now(millis: Option<u64>) -> Self {
        let limit = millis.map_or(Self::DEFAULT, Duration::from_millis).min(Self::DEFAULT);
        Self { received: Instant::now(), limit }
    }

    /// How long ago the request was received.
    pub fn elapsed(&self) -> Duration {
        self.received.elapsed()
    }

    /// What is left; zero when it is used up.
    pub fn remaining(&self) -> Duration {
        self.limit.saturating_sub(self.received.elapsed())
    }
}

/// Granting and releasing, in the words of the API.
///
/// A call runs to its end even when the client hangs up: a write that was sent is better finished than left open.
/// Implementors say what they refuse in an [`ErrorBody`] whose message names the object and whose details name the
/// next step.
#[async_trait]
pub trait Ipam: Send + Sync + 'static {
    /// Grants one interface its addresses, whole or not at all; idempotent.
    async fn add(&self, request: AddRequest, budget: Budget) -> Result<AddResponse, ErrorBody>;

    /// Releases what `attachment` holds. Nothing held is success.
    async fn del(&self, attachment: &Attachment, budget: Budget) -> Result<(), ErrorBody>;

    /// Releases what this interface of this container holds, where nothing more is known of it.
    async fn del_by_name(&self, name: &EntryName, budget: Budget) -> Result<(), ErrorBody>;

    /// Whether the interface holds exactly the expected addresses.
    async fn check(&self, request: CheckRequest) -> Result<(), ErrorBody>;

    /// Frees the records of this node and network that no listed attachment holds.
    async fn gc(&self, request: GcRequest) -> Result<GcResponse, ErrorBody>;

    /// Whether the sandbox of a container is gone.
    async fn sandbox(&self, request: SandboxRequest) -> Result<SandboxResponse, ErrorBody>;

    /// Whether it makes sense to go on. An error is for good: nothing works until the agent is started again.
    async fn alive(&self) -> Result<(), ErrorBody>;

    /// Whether a grant would be tried now. The number of pending releases is filled in by the caller.
    async fn status(&self) -> Result<StatusResponse, ErrorBody>;

    /// How often a write was repeated because somebody else had changed the same block, since the agent began.
    fn conflicts(&self) -> Conflicts;

    /// What a pod holds; error `NotFound` if nothing.
    async fn endpoint(&self, query: EndpointQuery) -> Result<Endpoint, ErrorBody>;

    /// What a grant would choose from.
    async fn explain(&self, request: ExplainRequest) -> Result<Explanation, ErrorBody>;
}
