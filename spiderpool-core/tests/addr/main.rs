//! Addresses, ranges and sets: laws, models and tables.

mod dense;
mod extremes;
mod grammar;
mod laws;
mod model;
mod query;
mod serde_forms;
mod support;
