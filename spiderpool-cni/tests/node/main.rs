//! Granting and releasing on one node, over the memory store, in the words of the API.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod autopools;
mod check;
mod endpoints;
mod explain;
mod gc;
mod grants;
mod interfaces;
mod refusals;
mod restart;
mod stateful;
mod sweep;
mod world;
