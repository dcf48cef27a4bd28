//! From HTTP to [`Ipam`] and back.

use super::store_routes::StoreShared;
use super::{Budget, Drain, Ipam, Replay, store_routes};
use crate::api::{
    AddRequest, Attachment, CheckRequest, EndpointQuery, ErrorBody, ErrorCode, ExplainRequest, GcRequest,
    MAX_REQUEST_BYTES, SandboxRequest, path,
};
use crate::spool::EntryName;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRef, FromRequest, Query, Request, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use serde::de::DeserializeOwned;
use spiderpool_core::store::Store;
use std::sync::Arc;
use tokio::sync::watch;

/// What the handlers share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) ipam: Arc<dyn Ipam>,
    pub(super) replay: Arc<Replay>,
    pub(super) drain: Drain,
    pub(super) store: Arc<dyn Store>,
    /// Becomes true when the agent stops: what has no end of its own ends then.
    pub(super) stop: watch::Receiver<bool>,
}

impl FromRef<Shared> for StoreShared {
    fn from_ref(shared: &Shared) -> Self {
        let Shared { store, drain, stop, .. } = shared;
        Self { store: Arc::clone(store), drain: drain.clone(), stop: stop.clone() }
    }
}

/// A refusal as a response.
pub(super) struct Refusal(pub(super) ErrorBody);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self.0)).into_response()
    }
}

/// A request body of type `T`; what is not one is told in an error body.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let refuse = |code, message: String| {
            Err(Refusal(ErrorBody::new(code, message, "docs/agent-api.md shows every request.")))
        };
        let bytes = match Bytes::from_request(request, state).await {
            Ok(bytes) => bytes,
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                return refuse(ErrorCode::TooLarge, "the request is larger than 16 MiB".into());
            }
            Err(error) => return refuse(ErrorCode::WrongInput, format!("the request broke off: {error}")),
        };
        match serde_json::from_slice(&bytes) {
            Ok(value) => Ok(Self(value)),
            Err(error) => refuse(ErrorCode::WrongInput, format!("the request cannot be decoded: {error}")),
        }
    }
}

/// Runs work to its end even if the client hangs up, and answers with what it gave.
async fn run_to_end<T: Send + 'static>(
    drain: &Drain,
    work: impl Future<Output = Result<T, ErrorBody>> + Send + 'static,
) -> Result<T, Refusal> {
    match drain.spawn(work).await {
        Ok(outcome) => outcome.map_err(Refusal),
        Err(error) => {
            tracing::error!(%error, "a request stopped in the middle");
            let details = "Please report it with the agent's log.";
            Err(Refusal(ErrorBody::new(ErrorCode::Internal, "the request stopped in the middle", details)))
        }
    }
}

fn answer<T: Serialize>(outcome: Result<T, Refusal>) -> Response {
    match outcome {
        Ok(value) => Json(value).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// 200 with an empty object: success with nothing to say.
fn silent(outcome: Result<(), Refusal>) -> Response {
    answer(outcome.map(|()| serde_json::Map::new()))
}

async fn add(State(shared): State<Shared>, Body(request): Body<AddRequest>) -> Response {
    let budget = Budget::from_now(request.deadline_millis);
    let Shared { ipam, replay, drain, .. } = shared;
    let work = async move {
        replay.settled(&EntryName::of(&request.attachment), budget).await?;
        ipam.add(request, budget).await
    };
    answer(run_to_end(&drain, work).await)
}

async fn del(State(shared): State<Shared>, Body(attachment): Body<Attachment>) -> Response {
    let budget = Budget::from_now(None);
    let Shared { ipam, replay, drain, .. } = shared;
    let work = async move {
        ipam.del(&attachment, budget).await?;
        replay.released(&EntryName::of(&attachment));
        Ok(())
    };
    silent(run_to_end(&drain, work).await)
}

async fn check(State(shared): State<Shared>, Body(request): Body<CheckRequest>) -> Response {
    silent(shared.ipam.check(request).await.map_err(Refusal))
}

async fn gc(State(shared): State<Shared>, Body(request): Body<GcRequest>) -> Response {
    let ipam = Arc::clone(&shared.ipam);
    answer(run_to_end(&shared.drain, async move { ipam.gc(request).await }).await)
}

async fn sandbox(State(shared): State<Shared>, Body(request): Body<SandboxRequest>) -> Response {
    answer(shared.ipam.sandbox(request).await.map_err(Refusal))
}

async fn status(State(shared): State<Shared>) -> Response {
    let outcome = shared.ipam.status().await.map(|mut status| {
        status.pending_releases = shared.replay.pending() as u64;
        status
    });
    answer(outcome.map_err(Refusal))
}

async fn endpoint(
    State(shared): State<Shared>,
    query: Result<Query<EndpointQuery>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let outcome = match query {
        Ok(Query(query)) => shared.ipam.endpoint(query).await,
        Err(error) => Err(ErrorBody::new(
            ErrorCode::WrongInput,
            format!("the query cannot be read: {error}"),
            "Ask with ?podNamespace=NAMESPACE&podName=NAME.",
        )),
    };
    answer(outcome.map_err(Refusal))
}

async fn explain(State(shared): State<Shared>, Body(request): Body<ExplainRequest>) -> Response {
    answer(shared.ipam.explain(request).await.map_err(Refusal))
}

async fn unknown_path(uri: Uri) -> Refusal {
    let message = format!("there is no {}", uri.path());
    Refusal(ErrorBody::new(ErrorCode::NotFound, message, "docs/agent-api.md lists every path."))
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    let message = format!("{} does not take {method}", uri.path());
    let body = ErrorBody::new(ErrorCode::WrongInput, message, "docs/agent-api.md lists every path.");
    (StatusCode::METHOD_NOT_ALLOWED, [(header::CONTENT_TYPE, "application/json")], Json(body)).into_response()
}

/// All of the API.
pub(super) fn router(shared: Shared) -> Router {
    Router::new()
        .route(path::HEALTHY, get(|| async { StatusCode::OK }))
        .route(path::IP, post(add).delete(del))
        .route(path::CHECK, post(check))
        .route(path::GC, post(gc))
        .route(path::SANDBOX, post(sandbox))
        .route(path::STATUS, get(status))
        .route(path::ENDPOINT, get(endpoint))
        .route(path::EXPLAIN, post(explain))
        .merge(store_routes::router())
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(shared)
}
