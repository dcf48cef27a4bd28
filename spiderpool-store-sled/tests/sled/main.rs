//! The sled store: the contract, deaths of its process, damage, locks, and full disks.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod conformance;
mod damage;
mod disk;

mod formats;
mod lock;
