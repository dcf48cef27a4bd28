//! The node side of Spiderpool: the CNI IPAM plugin `spiderpool` and the daemon `spiderpool-agent`.
//!
//! Without default features this crate is only what the plugin needs, and small: [`cni`] (the words of the CNI
//! specification), [`api`] (the words of the agent's HTTP API), [`spool`] (releases that found no agent),
//! [`netns`] (which network namespace a path leads to) and [`plugin`] (what the binary does). With feature `agent` come `node` (granting and releasing on one node, over any
//! store), `agent` (the daemon that serves it) and `client` (an asynchronous client of its API, for
//! `spiderpoolctl`).
//!
//! The plugin is started once per interface for every ADD and DEL, so it has no async runtime, no argument
//! parser and no thread of its own.

#[cfg(feature = "agent")]
pub mod agent;
pub mod api;
#[cfg(feature = "agent")]
pub mod client;
pub mod cni;
#[cfg(feature = "agent")]
pub mod intents;
pub mod netns;
#[cfg(feature = "agent")]
pub mod node;
pub mod plugin;
pub mod spool;
#[cfg(feature = "agent")]
pub mod store_url;
