//! `spiderpool-controller`, Spiderpool's Kubernetes operator, and the reconcilers that it runs.
//!
//! The reconcilers work on any store, so that the lab runs the same ones: [`auto`] keeps the pools of applications, which
//! [`apps`] tells of. Everything that decides is in `spiderpool-core`; here is what listens, waits and repeats.
//! With the feature `kube` (on by default) the controller itself is [`process`].

pub mod apps;
pub mod auto;
#[cfg(feature = "kube")]
mod feeds;
mod lease;
pub mod notices;
pub mod objects;
pub mod ports;
#[cfg(feature = "kube")]
pub mod process;
pub mod status;
#[cfg(feature = "kube")]
pub mod webhook;

pub use lease::{LEASE_NAME, LeaseTiming, LeaseTimingError};
