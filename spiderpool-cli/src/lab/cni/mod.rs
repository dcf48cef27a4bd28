//! The runtime's side of CNI: what containerd or CRI-O does to attach a sandbox to its networks.

mod chain;
mod network;
mod plugin;
mod result;

pub(crate) use chain::{Attachment, Chain, PodArgs};
pub(crate) use network::{IpamSettings, Network, PluginType};
pub(crate) use plugin::{CniFailure, Plugins};
pub(crate) use result::Attached;
