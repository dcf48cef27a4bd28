//! The controller on a real control plane: a process under the documented roles, applications as kubectl makes them. Where
//! the programs of a control plane cannot be built, each test says so and is counted as skipped.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod cert_manager;
mod chaos;
mod kinds;
mod large;
mod log;
mod many;
mod native;
mod rules;
mod sets;
mod support;
mod sweep;
mod third_party;
mod webhook;

#[path = "../chart/rendered.rs"]
#[allow(dead_code, reason = "tests of the chart use the rest")]
mod rendered;
