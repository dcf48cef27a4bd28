//! Counting around an [`Ipam`].

use super::Metrics;
use crate::agent::{Budget, Ipam};
use crate::api::{
    AddRequest, AddResponse, Attachment, CheckRequest, Endpoint, EndpointQuery, ErrorBody, ExplainRequest,
    Explanation, GcRequest, GcResponse, SandboxRequest, SandboxResponse, StatusResponse,
};
use crate::spool::EntryName;
use async_trait::async_trait;
use spiderpool_core::alloc::Conflicts;
use std::sync::Arc;
use tokio::time::Instant;

/// An [`Ipam`] whose grants and releases are counted.
pub struct Metered {
    inner: Arc<dyn Ipam>,
    metrics: Arc<Metrics>,
}

impl Metered {
    /// Counts what `inner` does in `metrics`.
    pub fn new(inner: Arc<dyn Ipam>, metrics: Arc<Metrics>) -> Self {
        Self { inner, metrics }
    }

    async fn release(
        &self,
        budget: Budget,
        work: impl Future<Output = Result<(), ErrorBody>> + Send,
    ) -> Result<(), ErrorBody> {
        self.metrics.release_waited(budget.elapsed());
        let start = Instant::now();
        let outcome = work.await;
        self.metrics.released(start.elapsed(), outcome.as_ref().err().map(|error| &error.code));
        self.metrics.conflicts(self.inner.conflicts());
        outcome
    }
}

#[async_trait]
impl Ipam for Metered {
    async fn add(&self, request: AddRequest, budget: Budget) -> Result<AddResponse, ErrorBody> {
        self.metrics.grant_waited(budget.elapsed());
        let start = Instant::now();
        let outcome = self.inner.add(request, budget).await;
        self.metrics.granted(start.elapsed(), outcome.as_ref().err().map(|error| &error.code));
        self.metrics.conflicts(self.inner.conflicts());
        outcome
    }

    async fn del(&self, attachment: &Attachment, budget: Budget) -> Result<(), ErrorBody> {
        self.release(budget, self.inner.del(attachment, budget)).await
    }

    async fn del_by_name(&self, name: &EntryName, budget: Budget) -> Result<(), ErrorBody> {
        self.release(budget, self.inner.del_by_name(name, budget)).await
    }

    async fn check(&self, request: CheckRequest) -> Result<(), ErrorBody> {
        self.inner.check(request).await
    }

    async fn gc(&self, request: GcRequest) -> Result<GcResponse, ErrorBody> {
        self.inner.gc(request).await
    }

    async fn sandbox(&self, request: SandboxRequest) -> Result<SandboxResponse, ErrorBody> {
        self.inner.sandbox(request).await
    }

    async fn alive(&self) -> Result<(), ErrorBody> {
        self.inner.alive().await
    }

    async fn status(&self) -> Result<StatusResponse, ErrorBody> {
        self.inner.status().await
    }

    fn conflicts(&self) -> Conflicts {
        self.inner.conflicts()
    }

    async fn endpoint(&self, query: EndpointQuery) -> Result<Endpoint, ErrorBody> {
        self.inner.endpoint(query).await
    }

    async fn explain(&self, request: ExplainRequest) -> Result<Explanation, ErrorBody> {
        self.inner.explain(request).await
    }
}
