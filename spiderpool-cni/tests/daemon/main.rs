//! The real agent on a real database, and the real plugin, as processes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod delegation;
#[cfg(feature = "etcd")]
mod etcd;
#[cfg(feature = "kube")]
mod kube;
#[cfg(feature = "kube")]
mod kube_large;
mod life;
mod storm;
mod support;
mod sweep;
