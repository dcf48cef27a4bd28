//! The lab end to end: the real programs, as root in real network namespaces, else without a network.
//!
//! `spiderpool` and `spiderpool-agent` are built by the tests themselves, offline and into the same target directory, as
//! cargo does not build another package's programs for a test; `SPIDERPOOL_LAB_BIN_DIR` names a folder that has them
//! already.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod keep;
#[path = "../shared/programs.rs"]
mod programs;
mod run;
mod stop;
mod support;
mod sweep;
