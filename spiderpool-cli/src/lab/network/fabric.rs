//! The node's network and the switch it is plugged into.
//!
//! A veth pair joins two namespaces: `eth0` in the node's is the parent of the pods' interfaces, `eth0` in the
//! switch's carries the pools' gateways, and routes between them.

use super::{Namespace, Namespaces};
use crate::lab::process::{Job, RunError, Runner};

/// The parent interface, in the node's namespace.
pub(crate) const PARENT: &str = "eth0";
/// The bridge over the parent, where pods are attached by the bridge plugin.
pub(crate) const BRIDGE: &str = "br0";

/// An address that the switch has: a pool's gateway, with its prefix length.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct GatewayAddress(pub(crate) String);

/// The bridge's hardware address, locally administered.
const BRIDGE_ADDRESS: &str = "02:53:50:00:00:01";

/// The two namespaces and what joins them.
#[derive(Clone, Debug)]
pub(crate) struct Fabric {
    /// Where the CNI plugins run.
    pub(crate) node: Namespace,
    /// The other end.
    pub(crate) switch: Namespace,
}

impl Fabric {
    /// Makes both namespaces and the link between them.
    pub(crate) async fn make(runner: &Runner, namespaces: &Namespaces) -> Result<Self, RunError> {
        let node = namespaces.make(runner, "node").await?;
        let switch = namespaces.make(runner, "switch").await?;
        let fabric = Self { node, switch };
        quicken(runner, &fabric.node).await?;
        quicken(runner, &fabric.switch).await?;
        let (node, switch) = (fabric.node.name(), fabric.switch.name());
        // Both ends are born inside the lab's namespaces.
        ip(runner, node, &["link", "add", PARENT, "type", "veth", "peer", "name", PARENT, "netns", switch])
            .await?;
        ip(runner, node, &["link", "set", PARENT, "up"]).await?;
        ip(runner, switch, &["link", "set", PARENT, "up"]).await?;
        route_between_subnets(runner, &fabric.switch).await?;
        Ok(fabric)
    }

    /// Puts a bridge over the parent, for the bridge plugin.
    pub(crate) async fn add_bridge(&self, runner: &Runner) -> Result<(), RunError> {
        let node = self.node.name();
        // An address of its own: else it takes that of whichever port has the lowest, and CHECK finds it changed.
        ip(runner, node, &["link", "add", BRIDGE, "address", BRIDGE_ADDRESS, "type", "bridge"]).await?;
        ip(runner, node, &["link", "set", PARENT, "master", BRIDGE]).await?;
        ip(runner, node, &["link", "set", BRIDGE, "up"]).await
    }

    /// Gives the switch these addresses; those it has already are no error.
    pub(crate) async fn add_gateways(
        &self,
        runner: &Runner,
        addresses: &[GatewayAddress],
    ) -> Result<(), RunError> {
        for GatewayAddress(address) in addresses {
            // Duplicate detection would keep an IPv6 address tentative for a second or two.
            let detection: &[&str] = if address.contains(':') { &["nodad"] } else { &[] };
            let change = [&["address", "replace", address, "dev", PARENT], detection].concat();
            ip(runner, self.switch.name(), &change).await?;
        }
        Ok(())
    }
}

/// Switches duplicate address detection off for links yet to come: a pod would wait for it (RFC 4862, section 5.4),
/// and addresses that Spiderpool hands out have no duplicates.
pub(crate) async fn quicken(runner: &Runner, namespace: &Namespace) -> Result<(), RunError> {
    let script = "cd /proc/sys/net/ipv6/conf 2>/dev/null || exit 0; \
                  echo 0 > default/accept_dad; echo 0 > default/dad_transmits; echo 0 > default/accept_ra";
    runner.succeed(&Job::new("sh").args(["-c", script]).in_network(namespace.path())).await.map(drop)
}

async fn route_between_subnets(runner: &Runner, switch: &Namespace) -> Result<(), RunError> {
    let script = "echo 1 > /proc/sys/net/ipv4/ip_forward; \
                  if [ -d /proc/sys/net/ipv6 ]; then echo 1 > /proc/sys/net/ipv6/conf/all/forwarding; fi";
    runner.succeed(&Job::new("sh").args(["-c", script]).in_network(switch.path())).await.map(drop)
}

async fn ip(runner: &Runner, namespace: &str, args: &[&str]) -> Result<(), RunError> {
    runner.succeed(&Job::new("ip").args(["-n", namespace]).args(args)).await.map(drop)
}
