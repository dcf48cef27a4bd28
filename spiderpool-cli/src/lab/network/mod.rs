//! The lab's own network: namespaces, links and pings. Nothing of the host is touched.

mod fabric;
mod namespace;
mod ping;

pub(crate) use fabric::{BRIDGE, Fabric, GatewayAddress, PARENT, quicken};
pub(crate) use namespace::{Namespace, Namespaces};
pub(crate) use ping::{Ping, ping};
