//! What Kubernetes' controllers do, as far as addresses care: workloads in, pods out. Pure.
//!
//! Names, labels and owner references are made as Kubernetes makes them, because selection, stateful bindings and
//! automatic pools look at them.

mod controller;
mod names;
mod plan;
#[cfg(test)]
mod tests;

pub(crate) use controller::{Workload, restarted};
pub(crate) use plan::{Cluster, PodState, Step, plan, pod_name};
