//! What selection is told.

use std::collections::BTreeMap;

use super::PoolCatalog;
use crate::{
    addr::Address,
    api::{Resource, Violations},
    model::{Controller, Families, Labels},
    name::{InterfaceName, Namespace, NamespacedName, NodeName},
    validate::annotations::PoolChoice,
};

/// Whether pools are made for applications that ask for a Subnet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum AutoPools {
    /// A Subnet annotation leads to the application's own pool.
    #[default]
    Enabled,
    /// A Subnet annotation is an error.
    Disabled,
}

/// What the CNI configuration says about addresses (its `ipam` object).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NetworkConfig {
    /// `default_ipv4_ippool` and `default_ipv6_ippool`.
    pub pools: PoolChoice,
    /// `clean_gateway`: no default route, unless `ippools` says otherwise.
    pub clean_gateway: bool,
    /// `match_master_subnet`: only pools of a network that the master interface is in.
    pub match_master_subnet: bool,
}

impl NetworkConfig {
    /// Parses the written names and patterns of pools.
    ///
    /// # Errors
    /// Every entry that is none.
    pub fn parse_pools(ipv4: &[String], ipv6: &[String]) -> Result<PoolChoice, Violations> {
        let mut found = Violations::none();
        let mut read = |texts: &[String], key: &str| {
            let parsed = texts.iter().enumerate().filter_map(|(i, text)| {
                text.parse().map_err(|error| found.invalid(format!("ipam.{key}[{i}]"), error)).ok()
            });
            parsed.collect()
        };
        let choice =
            PoolChoice { ipv4: read(ipv4, "default_ipv4_ippool"), ipv6: read(ipv6, "default_ipv6_ippool") };
        found.into_result(choice)
    }
}

/// The pod that an interface belongs to.
#[derive(Clone, Copy, Debug)]
pub struct PodFacts<'a> {
    /// Its namespace and name.
    pub name: &'a NamespacedName,
    /// Its labels.
    pub labels: &'a Labels,
    /// Its annotations.
    pub annotations: &'a BTreeMap<String, String>,
    /// Its top controller, see [`super::top_controller`].
    pub controller: Option<&'a Controller>,
}

/// The maps of objects that nobody declared.
static NOTHING: BTreeMap<String, String> = BTreeMap::new();

impl<'a> PodFacts<'a> {
    /// A declared pod.
    #[must_use]
    pub fn new(name: &'a NamespacedName, pod: &'a Resource, controller: Option<&'a Controller>) -> Self {
        Self { name, labels: &pod.metadata.labels, annotations: &pod.metadata.annotations, controller }
    }

    /// A pod that the runtime names and nobody declared: it has no labels, annotations or controller.
    #[must_use]
    pub fn undeclared(name: &'a NamespacedName) -> Self {
        Self { name, labels: &NOTHING, annotations: &NOTHING, controller: None }
    }
}

/// The pod's namespace.
#[derive(Clone, Copy, Debug)]
pub struct NamespaceFacts<'a> {
    /// Its labels.
    pub labels: &'a Labels,
    /// Its annotations.
    pub annotations: &'a BTreeMap<String, String>,
}

impl<'a> From<&'a Resource> for NamespaceFacts<'a> {
    fn from(namespace: &'a Resource) -> Self {
        Self { labels: &namespace.metadata.labels, annotations: &namespace.metadata.annotations }
    }
}

impl Default for NamespaceFacts<'_> {
    /// A namespace that nobody declared.
    fn default() -> Self {
        Self { labels: &NOTHING, annotations: &NOTHING }
    }
}

/// The node.
#[derive(Clone, Copy, Debug)]
pub struct NodeFacts<'a> {
    /// Its name.
    pub name: &'a NodeName,
    /// Its labels.
    pub labels: &'a Labels,
}

impl<'a> NodeFacts<'a> {
    /// A node that nobody declared: it has no labels.
    #[must_use]
    pub fn undeclared(name: &'a NodeName) -> Self {
        Self { name, labels: &NOTHING }
    }
}

/// Everything that selection depends on.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The interface that asks, `CNI_IFNAME`.
    pub interface: &'a InterfaceName,
    /// Its place among the interfaces of its pod, 0 for the first; where not known it is taken from the Multus
    /// annotation or a name of the form `net1`, and else 0.
    pub position: Option<u8>,
    /// The pod; none for a bare sandbox.
    pub pod: Option<PodFacts<'a>>,
    /// The pod's namespace.
    pub namespace: NamespaceFacts<'a>,
    /// The node.
    pub node: NodeFacts<'a>,
    /// The CNI configuration.
    pub config: &'a NetworkConfig,
    /// The enabled families.
    pub families: Families,
    /// All pools.
    pub pools: &'a PoolCatalog,
    /// Addresses that the runtime asks for, at most one per family.
    pub requested: &'a [Address],
    /// The network of first interfaces that name none (`MULTUS_CLUSTER_NETWORK`).
    pub cluster_network: Option<&'a NamespacedName>,
    /// The namespace of names without one: where Spiderpool is installed.
    pub home: &'a Namespace,
    /// The addresses of the master interface, for `match_master_subnet`.
    pub master_addresses: &'a [Address],
    /// Whether Subnet annotations are served.
    pub auto_pools: AutoPools,
}
