//! The sled store: the contract, deaths of its process, damage, locks, and full disks.
#![expect(clippy::unwrap_used, reason = "tests")]

mod conformance;
mod damage;
mod disk;
mod documents;
mod kill;
mod lock;
