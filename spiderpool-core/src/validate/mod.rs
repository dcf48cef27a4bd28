//! What objects and annotations must be: pure functions that name every violation at once.

pub mod annotations;

pub use crate::api::{Violation, ViolationKind, Violations, Warning};
