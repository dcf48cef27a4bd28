//! `spiderpool-controller`, Spiderpool's Kubernetes operator.
//!
//! So far this crate knows the controller's settings: when its lease changes hands, [`LeaseTiming`], and where it
//! listens, [`ports`]. The controller itself (automatic pools, sweep, webhooks, status, leader election) is not
//! written yet.

mod lease;
pub mod ports;

pub use lease::{LEASE_NAME, LeaseTiming, LeaseTimingError};
