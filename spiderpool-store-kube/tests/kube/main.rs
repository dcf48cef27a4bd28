//! The store against a real API server. Where its programs cannot be built, each test says so and is counted as
//! skipped.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod admission;
mod allocators;
mod cluster;
mod columns;
mod conformance;
mod definitions;
mod follow;
mod foreign;
mod pages;
mod parts;
mod proxy;
mod restart;
mod rules;
mod warn;
