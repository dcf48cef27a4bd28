//! The built plugin, run as a runtime runs it, against an agent that says what the test wants.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod agent_errors;
mod configuration;
mod logging;
mod robustness;
mod spool;
mod support;
mod verbs;
