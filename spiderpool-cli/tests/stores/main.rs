//! The commands on stores of many machines, as processes: the same words as on any store.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[cfg(any(feature = "etcd", feature = "kube"))]
mod ctl;
#[cfg(feature = "etcd")]
mod etcd;
#[cfg(feature = "kube")]
mod kube;
#[cfg(feature = "etcd")]
mod pages;
#[cfg(feature = "etcd")]
#[path = "../shared/programs.rs"]
mod programs;
