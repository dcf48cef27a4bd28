//! The agent's shell around an `Ipam` that does what the test wants: routes, replay, health, figures, stopping;
//! asked by the client and by the real plugin.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod http;
mod metrics;
mod plugin;
mod replay;
mod routes;
mod stop;
mod store;
mod support;
