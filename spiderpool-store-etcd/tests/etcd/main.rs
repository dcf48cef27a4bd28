//! The store on real servers: what it promises, whatever happens to them.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod allocation;
mod conformance;
mod fail_over;
mod listing;
mod secured;
mod storm;
mod watching;
mod world;
