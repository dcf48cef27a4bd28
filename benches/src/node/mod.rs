//! A node: the agent as a process of its own, and IPAM plugins run as a container runtime runs them.

mod agent;
mod plugin;
mod programs;

pub use agent::Agent;
pub use plugin::{Call, HostLocal, Plugin, Spiderpool};
pub use programs::Programs;
