//! The store over HTTP.

use super::Drain;
use super::routes::Body;
use crate::api::{
    StoreEvent, StoreFailure, StoreGet, StoreGot, StoreList, StoreWatch, StoreWrite, StoreWritten, path,
};
use axum::body::{Body as HttpBody, Bytes};
use axum::extract::{FromRef, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use spiderpool_core::store::{ReadOnly, Store, StoreError, Watch};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::watch;

/// What the handlers share.
#[derive(Clone)]
pub(super) struct StoreShared {
    pub(super) store: Arc<dyn Store>,
    pub(super) drain: Drain,
    /// Becomes true when the process stops: what has no end of its own ends then.
    pub(super) stop: watch::Receiver<bool>,
}

/// The store's paths alone, on a store that takes no writes: for people who look.
pub fn reading_router(store: Arc<dyn Store>, stop: watch::Receiver<bool>) -> Router {
    let (drain, _) = Drain::new();
    router().with_state(StoreShared { store: Arc::new(ReadOnly(store)), drain, stop })
}

fn refuse(error: StoreError) -> Response {
    let failure = StoreFailure::from(error);
    let status = StatusCode::from_u16(failure.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(failure)).into_response()
}

fn answer<T: Serialize>(outcome: Result<T, StoreError>) -> Response {
    match outcome {
        Ok(value) => Json(value).into_response(),
        Err(error) => refuse(error),
    }
}

async fn capabilities(State(shared): State<StoreShared>) -> Response {
    Json(shared.store.capabilities()).into_response()
}

async fn read(State(shared): State<StoreShared>, Body(request): Body<StoreGet>) -> Response {
    answer(shared.store.get(&request.key).await.map(|found| StoreGot { found }))
}

async fn list(State(shared): State<StoreShared>, Body(request): Body<StoreList>) -> Response {
    answer(shared.store.list(&request.selector).await)
}

async fn tokens(State(shared): State<StoreShared>, Body(request): Body<StoreList>) -> Response {
    answer(shared.store.tokens(&request.selector).await)
}

async fn write(State(shared): State<StoreShared>, Body(request): Body<StoreWrite>) -> Response {
    let store = Arc::clone(&shared.store);
    // To its end even if the client hangs up, as a grant is.
    let written = shared.drain.spawn(async move {
        match request {
            StoreWrite::Create { key, document } => store.create(&key, document).await.map(Some),
            StoreWrite::Update { key, token, document } => {
                store.update(&key, &token, document).await.map(Some)
            }
            StoreWrite::Delete { key, token } => store.delete(&key, &token).await.map(|()| None),
        }
    });
    let written = written.await.unwrap_or_else(|error| Err(StoreError::unknown(error.to_string())));
    answer(written.map(|token| StoreWritten { token }))
}

/// A watch that is being told to a client.
struct Telling {
    watch: Box<dyn Watch>,
    stop: watch::Receiver<bool>,
}

/// The next line, and what tells the one after it; none after the last.
async fn next_line(telling: Option<Telling>) -> Option<(Result<Bytes, Infallible>, Option<Telling>)> {
    let mut telling = telling?;
    let changed = tokio::select! {
        changed = telling.watch.next() => changed,
        // The agent stops: a client that watches must not hold it up.
        _ = telling.stop.wait_for(|stop| *stop) => Err(StoreError::unavailable("the agent is being stopped")),
    };
    let (event, rest) = match changed {
        Ok((change, position)) => (StoreEvent::Changed(change, position), Some(telling)),
        Err(error) => (StoreEvent::Failed(error.into()), None),
    };
    let mut line = serde_json::to_vec(&event).ok()?;
    line.push(b'\n');
    Some((Ok(line.into()), rest))
}

async fn follow(State(shared): State<StoreShared>, Body(request): Body<StoreWatch>) -> Response {
    match shared.store.watch(&request.selector, &request.from).await {
        Ok(watch) => {
            let telling = Some(Telling { watch, stop: shared.stop });
            let lines = futures_util::stream::unfold(telling, next_line);
            ([(header::CONTENT_TYPE, "application/x-ndjson")], HttpBody::from_stream(lines)).into_response()
        }
        Err(error) => refuse(error),
    }
}

/// The store's paths.
pub(super) fn router<S: Clone + Send + Sync + 'static>() -> Router<S>
where
    StoreShared: FromRef<S>,
{
    Router::new()
        .route(path::STORE_CAPABILITIES, get(capabilities))
        .route(path::STORE_GET, post(read))
        .route(path::STORE_LIST, post(list))
        .route(path::STORE_TOKENS, post(tokens))
        .route(path::STORE_WRITE, post(write))
        .route(path::STORE_WATCH, post(follow))
}
