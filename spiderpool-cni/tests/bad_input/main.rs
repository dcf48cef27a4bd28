//! What goes wrong around the agent and the plugin, with both as real processes: hung-up sockets, killed processes,
//! two plugins for one container, damaged and full disks. Nothing is granted twice, nothing stays lost, nothing that
//! was answered is forgotten, and what is said helps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod damage;
mod disk;
mod hangup;
mod kills;
mod proxy;
#[allow(dead_code, reason = "shared with the tests of the daemon")]
#[path = "../daemon/support.rs"]
mod support;
mod tiny;
mod twins;
