//! Trials of the allocator on any store, where time, threads and failures are real (feature `conformance`).

mod agents;
mod storm;
mod unrest;

pub use storm::{Storm, storm};
pub use unrest::{Unrest, unrest};
