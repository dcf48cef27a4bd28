//! Spiderpool's store on sled: one machine, embedded, for one process at a time.
//!
//! Nothing is acknowledged before it is on the disk, and one flush serves all writers that wait. The documents stand
//! decoded in memory as well, so reads and listings never touch the disk, and never show what is not yet durable.
//!
//! Damage is found when the store is opened: see [`OpenError`].
//!
//! A whole program that hands out addresses, `examples/embed.rs` (`cargo run -p spiderpool-store-sled --example embed`):
//!
//! ```
#![doc = include_str!("../examples/embed.rs")]
//! ```

mod backend;
mod block;
mod config;
mod engine;
mod error;
mod flush;
mod keys;
mod layout;
mod load;
mod lock;
mod meta;
mod open;
mod reply;
mod salvage;
mod sidecar;
#[cfg(test)]
mod tests;
mod value;

pub use backend::SledStore;
pub use config::{Loss, SledConfig, UrlError};
pub use error::OpenError;
pub use lock::Holder;
