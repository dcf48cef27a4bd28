//! The real agent on sled, killed, starved and damaged at random moments while clients are at work, and whether what the
//! clients saw can be true. A few times in every test run; `cargo xtask soak` does it hundreds of times.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "sleeps choose random moments; nothing relies on them")]

mod client;
mod crashes;
mod damage;
mod dice;
mod full;
mod load;
#[cfg(any(feature = "etcd", feature = "kube"))]
mod servers;
mod settings;
#[allow(dead_code, reason = "shared with the tests of the daemon")]
#[path = "../daemon/support.rs"]
mod support;
#[path = "../bad_input/tiny.rs"]
mod tiny;
