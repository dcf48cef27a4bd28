//! Real kubelets with a real runtime, and the chart installed by Helm as a user would. Minutes long, and only for root, so that
//! `cargo xtask test` runs them by themselves: `cargo xtask test --only nodes`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod cluster;
mod walks;
