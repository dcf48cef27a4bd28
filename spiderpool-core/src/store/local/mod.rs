//! What a store within one process is made of: the committed documents in memory, decoded and indexed, their
//! recent history, and compare-and-swap over them.
//!
//! [`super::MemoryStore`] is this and nothing more. A store with a file behind it judges a [`Write`] the same way,
//! makes it durable, and only then shows it here.

mod committed;
mod history;
mod table;
mod write;

pub use committed::Committed;
pub use history::{Before, Event, History};
pub use table::Table;
pub use write::{Action, Revision, Write};
