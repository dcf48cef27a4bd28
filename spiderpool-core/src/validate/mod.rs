//! What objects and annotations must be: pure functions that name every violation at once.
//!
//! A webhook, the command line and embedders call the same functions: [`pool::set_defaults`] and its siblings fill in
//! what may be left out, then `create` or `update` judge the result against the objects that exist. What an edit does
//! to addresses that pods hold is not judged here but by the protocol (DESIGN rule 5), which alone can know.
//! All address arithmetic is on ranges: a /8, a /64 and ::/0 cost the same.

pub mod annotations;
mod context;
mod network;
pub mod pool;
pub mod reservation;
pub mod subnet;

pub use crate::api::{Violation, ViolationKind, Violations, Warning};
pub use context::{Context, Editor, Subnets};
pub(crate) use network::shown;

#[cfg(test)]
mod tests;
