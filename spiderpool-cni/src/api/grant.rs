//! POST `/v1/ipam/ip`: an ADD.

use super::Attachment;
use crate::cni::{Dns, IfName, RequestedIp};
use crate::netns::NamespaceId;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// An address family, on the wire 4 or 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum IpFamily {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl IpFamily {
    /// The family of `address`.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

impl From<IpFamily> for u8 {
    fn from(family: IpFamily) -> Self {
        match family {
            IpFamily::V4 => 4,
            IpFamily::V6 => 6,
        }
    }
}

impl TryFrom<u8> for IpFamily {
    type Error = String;
    fn try_from(number: u8) -> Result<Self, String> {
        match number {
            4 => Ok(Self::V4),
            6 => Ok(Self::V6),
            other => Err(format!("{other} is no address family, 4 and 6 are")),
        }
    }
}

/// Why a text is not an address with a prefix length.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an IP address with a prefix length")]
pub struct InvalidCidr(String);

/// An address together with the prefix length of its subnet, `10.6.0.5/24`. Host bits are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr {
    /// The address.
    pub address: IpAddr,
    /// The prefix length, 0–32 or 0–128.
    pub prefix: u8,
}

impl FromStr for Cidr {
    type Err = InvalidCidr;
    fn from_str(text: &str) -> Result<Self, InvalidCidr> {
        match text.parse() {
            Ok(RequestedIp { address, prefix: Some(prefix) }) => Ok(Self { address, prefix }),
            _ => Err(InvalidCidr(text.chars().take(80).collect())),
        }
    }
}

impl TryFrom<String> for Cidr {
    type Error = InvalidCidr;
    fn try_from(text: String) -> Result<Self, InvalidCidr> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> Self {
        cidr.to_string()
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// A request for the addresses of one interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddRequest {
    /// For whom.
    #[serde(flatten)]
    pub attachment: Attachment,
    /// Which namespace the client saw at the attachment's `net_namespace`. An agent that sees another one there cannot
    /// tell when it is gone.
    #[serde(rename = "netNamespaceID", default, skip_serializing_if = "Option::is_none")]
    pub net_namespace_id: Option<NamespaceId>,
    /// IPv4 pools of the CNI configuration: names or patterns, in order.
    #[serde(rename = "defaultIPv4IPPool", default, skip_serializing_if = "Vec::is_empty")]
    pub ipv4_pools: Vec<String>,
    /// IPv6 pools of the CNI configuration.
    #[serde(rename = "defaultIPv6IPPool", default, skip_serializing_if = "Vec::is_empty")]
    pub ipv6_pools: Vec<String>,
    /// No default route through the pool's gateway.
    #[serde(rename = "cleanGateway", default)]
    pub clean_gateway: bool,
    /// Only pools that hold an address of the parent interface.
    #[serde(rename = "matchMasterSubnet", default)]
    pub match_master_subnet: bool,
    /// The addresses of the parent interface, where they matter: the agent may be in another network namespace.
    #[serde(rename = "masterAddresses", default, skip_serializing_if = "Vec::is_empty")]
    pub master_addresses: Vec<IpAddr>,
    /// Addresses asked for, at most one of each family.
    #[serde(rename = "requestedIPs", default, skip_serializing_if = "Vec::is_empty")]
    pub requested_ips: Vec<RequestedIp>,
    /// Milliseconds from the receipt of the request until the answer is of no use any more; an expired request is
    /// dropped, not run. Absent: the agent's own limit.
    #[serde(rename = "deadlineMillis", default, skip_serializing_if = "Option::is_none")]
    pub deadline_millis: Option<u64>,
}

/// One granted address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantedIp {
    /// The family.
    pub version: IpFamily,
    /// The address and the prefix length of its pool's subnet.
    pub address: Cidr,
    /// The interface it is for.
    pub nic: IfName,
    /// The pool it came from.
    #[serde(rename = "ipPool")]
    pub ip_pool: String,
    /// The pool's gateway; reported even if no default route goes through it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// A VLAN the interface is to be in, 0–4094.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u16>,
    /// A hardware address the interface is to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// Whether the default route through the gateway was left out on request.
    #[serde(rename = "cleanGateway", default)]
    pub clean_gateway: bool,
}

/// A route of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantedRoute {
    /// The interface it is for.
    #[serde(rename = "ifName")]
    pub if_name: IfName,
    /// The destination in CIDR notation.
    pub dst: String,
    /// The next hop.
    pub gw: String,
}

/// The answer to an ADD. It holds all that the agent tells about; the plugin takes what is for its interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddResponse {
    /// Addresses.
    pub ips: Vec<GrantedIp>,
    /// Routes, default routes included.
    #[serde(default)]
    pub routes: Vec<GrantedRoute>,
    /// DNS settings.
    #[serde(default)]
    pub dns: Dns,
}
