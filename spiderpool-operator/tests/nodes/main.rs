//! Real kubelets with a real runtime, and the chart installed by Helm as a user would. Minutes long, and only for root, so that
//! `cargo xtask test` runs them by themselves: `cargo xtask test --only nodes`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "tests"
)]

mod blocks;
mod cluster;
mod documents;
mod faults;
mod multus;
mod one_family;
mod pace;
mod page;
mod reclaim;
mod walks;
mod workload;
