//! Health over TCP, for probes: upstream's paths.

use super::Ipam;
use crate::client::AgentClient;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use std::sync::Arc;
use std::time::Duration;

/// A probe gets its answer within this time.
const LIMIT: Duration = Duration::from_secs(5);

#[derive(Clone)]
struct Shared {
    ipam: Arc<dyn Ipam>,
    client: AgentClient,
}

type Answer = (StatusCode, String);

fn answer<E: std::fmt::Display>(outcome: Result<Result<(), E>, tokio::time::error::Elapsed>) -> Answer {
    match outcome {
        Ok(Ok(())) => (StatusCode::OK, "ok\n".into()),
        Ok(Err(error)) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "no answer within 5 s\n".into()),
    }
}

/// Started and alive is the same question: does the socket answer, asked the way the plugin asks, and is there nothing
/// that only a restart can end?
async fn alive(State(shared): State<Shared>) -> Answer {
    let alive = async {
        shared.client.healthy().await.map_err(|error| error.to_string())?;
        shared.ipam.alive().await.map_err(|error| error.to_string())
    };
    answer(tokio::time::timeout(LIMIT, alive).await)
}

/// Ready: would an ADD be tried now?
async fn ready(State(shared): State<Shared>) -> Answer {
    let status = async {
        shared.client.healthy().await.map_err(|error| error.to_string())?;
        shared.ipam.status().await.map(drop).map_err(|error| error.to_string())
    };
    answer(tokio::time::timeout(LIMIT, status).await)
}

/// The probes' paths.
pub(super) fn router(ipam: Arc<dyn Ipam>, client: AgentClient) -> Router {
    Router::new()
        .route("/v1/runtime/startup", get(alive))
        .route("/v1/runtime/readiness", get(ready))
        .route("/v1/runtime/liveness", get(alive))
        .with_state(Shared { ipam, client })
}
