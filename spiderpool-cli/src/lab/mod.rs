//! The lab: real addresses for real network namespaces, on one machine, removed afterwards.

mod cni;
mod network;
mod process;
mod stop;
mod workload;
