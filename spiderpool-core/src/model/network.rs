//! What pools and subnets have in common: a CIDR, ranges inside it, a gateway, routes.

use crate::{
    addr::{Address, AddressRange, Cidr, Family, InterfaceAddress, IpSet, RangeError},
    api::{self, IPPoolSpec, SubnetSpec, ViolationKind, Violations},
};

/// A route handed to the pod.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Route {
    /// Destination.
    pub destination: Cidr,
    /// Gateway, of the destination's family.
    pub gateway: Address,
}

impl Route {
    /// Whether the route leads everywhere: `0.0.0.0/0` or `::/0`.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.destination.prefix_len() == 0
    }
}

impl From<Route> for api::Route {
    fn from(route: Route) -> Self {
        Self { dst: route.destination.to_string(), gw: route.gateway.to_string() }
    }
}

/// The largest VLAN ID (IEEE 802.1Q; 4095 is reserved).
pub const MAX_VLAN: u16 = 4094;

/// The written fields of a pool's or subnet's `spec` that [`Network::read`] parses.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    pub(crate) ip_version: Option<i64>,
    pub(crate) subnet: &'a str,
    pub(crate) ips: &'a [String],
    pub(crate) exclude_ips: &'a [String],
    pub(crate) gateway: Option<&'a str>,
    pub(crate) routes: Option<&'a [api::Route]>,
    pub(crate) vlan: Option<i64>,
}

macro_rules! fields_of {
    ($spec:ty) => {
        impl<'a> From<&'a $spec> for Fields<'a> {
            fn from(spec: &'a $spec) -> Self {
                Self {
                    ip_version: spec.ip_version,
                    subnet: &spec.subnet,
                    ips: &spec.ips,
                    exclude_ips: &spec.exclude_ips,
                    gateway: spec.gateway.as_deref(),
                    routes: spec.routes.as_deref(),
                    vlan: spec.vlan,
                }
            }
        }
    };
}

fields_of!(IPPoolSpec);
fields_of!(SubnetSpec);

/// The parsed fields; what was malformed is absent. Indices are those of the written lists, for messages.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    pub(crate) family: Option<Family>,
    pub(crate) subnet: Option<Cidr>,
    pub(crate) ips: Vec<(usize, AddressRange)>,
    pub(crate) excluded: Vec<(usize, AddressRange)>,
    pub(crate) gateway: Option<Address>,
    pub(crate) routes: Vec<(usize, Route)>,
    pub(crate) vlan: Option<u16>,
}

impl Network {
    /// Parses `fields`; everything malformed is added to `violations`, with paths below `spec`.
    pub(crate) fn read(fields: Fields<'_>, violations: &mut Violations) -> Self {
        let version = read_version(fields.ip_version, violations);
        let subnet = read_subnet(fields.subnet, version, violations);
        let family = version.or(subnet.map(|subnet| subnet.family()));
        let ips = read_ranges(fields.ips, "spec.ips", family, violations);
        let excluded = read_ranges(fields.exclude_ips, "spec.excludeIPs", family, violations);
        let gateway = fields.gateway.and_then(|text| read_address(text, "spec.gateway", family, violations));
        let routes = fields.routes.unwrap_or_default().iter().enumerate();
        let routes = routes.filter_map(|(i, route)| Some((i, read_route(route, i, family, violations)?)));
        let routes = routes.collect();
        let vlan = fields.vlan.and_then(|vlan| match u16::try_from(vlan) {
            Ok(vlan) if vlan <= MAX_VLAN => Some(vlan),
            _ => {
                violations.invalid("spec.vlan", format!("{vlan} is not a VLAN: write 0 to {MAX_VLAN}"));
                None
            }
        });
        Self { family, subnet, ips, excluded, gateway, routes, vlan }
    }

    /// `ips` as a set.
    pub(crate) fn ips(&self, family: Family) -> IpSet {
        set_of(family, &self.ips)
    }

    /// `excludeIPs` as a set.
    pub(crate) fn excluded(&self, family: Family) -> IpSet {
        set_of(family, &self.excluded)
    }
}

pub(crate) fn set_of(family: Family, ranges: &[(usize, AddressRange)]) -> IpSet {
    let mut set = IpSet::new(family);
    for (_, range) in ranges {
        set.insert_range(range);
    }
    set
}

/// `spec.ipVersion`.
pub(crate) fn read_version(version: Option<i64>, violations: &mut Violations) -> Option<Family> {
    match version? {
        4 => Some(Family::V4),
        6 => Some(Family::V6),
        other => {
            let message = format!("{other} is not an IP version: write 4 or 6, or leave it out");
            violations.add(ViolationKind::NotSupported, "spec.ipVersion", message);
            None
        }
    }
}

fn read_subnet(text: &str, version: Option<Family>, violations: &mut Violations) -> Option<Cidr> {
    if text.is_empty() {
        let message = "the CIDR is missing: write one such as `10.0.0.0/24` or `fd00::/64`";
        violations.add(ViolationKind::Required, "spec.subnet", message);
        return None;
    }
    match text.parse::<Cidr>() {
        Err(error) => {
            violations.invalid("spec.subnet", error);
            None
        }
        Ok(subnet) => match version {
            Some(version) if version != subnet.family() => {
                let number = version.number();
                let message = format!(
                    "`{subnet}` is {}, but spec.ipVersion is {number}: make them agree, or leave ipVersion out",
                    subnet.family()
                );
                violations.invalid("spec.subnet", message);
                None
            }
            _ => Some(subnet),
        },
    }
}

/// A list of ranges, each with its place in the list.
pub(crate) fn read_ranges(
    texts: &[String],
    field: &str,
    family: Option<Family>,
    violations: &mut Violations,
) -> Vec<(usize, AddressRange)> {
    let mut ranges = Vec::with_capacity(texts.len());
    for (i, text) in texts.iter().enumerate() {
        match text.parse::<AddressRange>() {
            Ok(range) if family.is_some_and(|family| family != range.family()) => {
                violations.invalid(format!("{field}[{i}]"), wrong_family(text, range.family(), family));
            }
            Ok(range) => ranges.push((i, range)),
            Err(error) => violations.invalid(format!("{field}[{i}]"), error),
        }
    }
    ranges
}

fn read_address(
    text: &str,
    field: &str,
    family: Option<Family>,
    violations: &mut Violations,
) -> Option<Address> {
    match text.parse::<Address>() {
        Ok(address) if family.is_some_and(|family| family != address.family()) => {
            violations.invalid(field, wrong_family(text, address.family(), family));
            None
        }
        Ok(address) => Some(address),
        Err(error) => {
            violations.invalid(field, error);
            None
        }
    }
}

fn read_route(
    route: &api::Route,
    i: usize,
    family: Option<Family>,
    violations: &mut Violations,
) -> Option<Route> {
    // Host bits in a destination are dropped rather than refused: upstream's manifests may have them.
    let destination = match route.dst.parse::<InterfaceAddress>().map(InterfaceAddress::network) {
        Ok(cidr) if family.is_some_and(|family| family != cidr.family()) => {
            let message = wrong_family(&route.dst, cidr.family(), family);
            violations.invalid(format!("spec.routes[{i}].dst"), message);
            None
        }
        Ok(cidr) => Some(cidr),
        Err(error) => {
            violations.invalid(format!("spec.routes[{i}].dst"), error);
            None
        }
    };
    let of = family.or(destination.map(|cidr| cidr.family()));
    let gateway = read_address(&route.gw, &format!("spec.routes[{i}].gw"), of, violations);
    Some(Route { destination: destination?, gateway: gateway? })
}

fn wrong_family(text: &str, found: Family, expected: Option<Family>) -> String {
    match expected {
        Some(expected) => RangeError::WrongFamily { input: text.to_owned(), found, expected }.to_string(),
        None => String::new(),
    }
}
