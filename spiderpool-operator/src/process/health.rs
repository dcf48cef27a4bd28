//! Health over TCP, for probes: upstream's paths.

use std::time::Duration;

use axum::{Router, extract::State, http::StatusCode, routing::get};

use super::leader::Election;

/// After so long without a round of the election that succeeded, the API server is not there for this replica.
const SILENCE: Duration = Duration::from_secs(60);

type Answer = (StatusCode, String);

/// It runs: a restart would not help against an API server that is away.
async fn alive() -> Answer {
    (StatusCode::OK, "ok\n".into())
}

/// Somebody leads, and the API server answers.
async fn ready(State(election): State<Election>) -> Answer {
    let unready = |why: &str| (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n"));
    match election.last() {
        None => unready("the API server has not answered yet"),
        Some((at, _)) if at.elapsed() > SILENCE => unready("the API server does not answer"),
        Some((_, None)) => unready("no replica leads yet"),
        Some((_, Some(leader))) => (StatusCode::OK, format!("ok, {leader} leads\n")),
    }
}

/// The probes' paths.
pub(super) fn router(election: Election) -> Router {
    Router::new()
        .route("/v1/runtime/startup", get(alive))
        .route("/v1/runtime/readiness", get(ready))
        .route("/v1/runtime/liveness", get(alive))
        .with_state(election)
}
