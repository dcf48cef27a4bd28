//! Results on standard output (specification, section 5), in the layout of each version.

use super::CniVersion;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// One line of JSON. The types given here have string keys only and cannot fail to encode; an empty line would
/// be read by the runtime as a decoding error, never as success.
pub(super) fn to_line<T: Serialize>(value: &T) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line
}

/// DNS settings of a result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dns {
    /// Name servers, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nameservers: Vec<String>,
    /// The local domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Domains to search.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<String>,
    /// Options of the resolver.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// One address of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResultIp {
    /// `"4"` or `"6"`; only before 1.0.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<IpAddr>,
}

/// One route of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResultRoute {
    /// The destination in CIDR notation.
    pub dst: String,
    /// The next hop; absent means the gateway of the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gw: Option<String>,
}

/// The result of an IPAM plugin's ADD: addresses, routes and DNS, without interfaces (the main plugin adds them).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CniResult {
    cni_version: &'static str,
    ips: Vec<ResultIp>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    routes: Vec<ResultRoute>,
    dns: Dns,
    #[serde(skip)]
    version: CniVersion,
}

impl CniResult {
    /// An empty result in the layout of `version`.
    pub fn new(version: CniVersion, routes: Vec<ResultRoute>, dns: Dns) -> Self {
        Self { cni_version: version.as_str(), ips: Vec::new(), routes, dns, version }
    }

    /// Adds `address`, whose prefix length is `prefix`.
    pub fn push(&mut self, address: IpAddr, prefix: u8, gateway: Option<IpAddr>) {
        let family = if address.is_ipv4() { "4" } else { "6" };
        self.ips.push(ResultIp {
            version: self.version.names_family().then_some(family),
            address: format!("{address}/{prefix}"),
            gateway,
        });
    }

    /// Whether there is no address in it.
    pub fn is_empty(&self) -> bool {
        self.ips.is_empty()
    }

    /// The result as JSON with a line end.
    pub fn to_json(&self) -> Vec<u8> {
        to_line(self)
    }
}

/// The answer to VERSION.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionAnswer<'a> {
    cni_version: &'a str,
    supported_versions: [&'static str; CniVersion::ALL.len()],
}

impl VersionAnswer<'_> {
    /// The answer as JSON with a line end. The specification wants the asked version in it; where that is not
    /// spoken it is the newest one, so that the answer is in a version both may know.
    pub fn to_json(asked: Option<&str>) -> Vec<u8> {
        let version = asked.and_then(CniVersion::parse).unwrap_or(CniVersion::NEWEST);
        to_line(&VersionAnswer {
            cni_version: version.as_str(),
            supported_versions: CniVersion::ALL.map(CniVersion::as_str),
        })
    }
}
