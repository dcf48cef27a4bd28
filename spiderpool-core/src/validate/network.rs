//! Rules of the fields that pools and Subnets share.

use std::collections::BTreeMap;

use crate::{
    addr::{Cidr, Family, IpSet},
    api::{ViolationKind, Violations},
    model::Network,
};

/// Ranges, gateway and routes must fit the network.
pub(super) fn check(network: &Network, found: &mut Violations) {
    let (Some(subnet), Some(family)) = (network.subnet, network.family) else { return };
    for (field, ranges) in [("spec.ips", &network.ips), ("spec.excludeIPs", &network.excluded)] {
        for (i, range) in ranges.iter().filter(|(_, range)| !subnet.contains_range(range)) {
            let message = format!("`{range}` is not inside {subnet}: write addresses of {}", subnet.range());
            found.invalid(format!("{field}[{i}]"), message);
        }
    }
    if let Some(gateway) = network.gateway {
        if !subnet.contains(gateway) {
            found.invalid("spec.gateway", format!("{gateway} is not inside {subnet}"));
        } else if allocatable(network, family).contains(gateway) {
            let message =
                format!("{gateway} is among spec.ips: take it out there, or add it to spec.excludeIPs");
            found.invalid("spec.gateway", message);
        }
    }
    check_routes(network, subnet, found);
}

fn check_routes(network: &Network, subnet: Cidr, found: &mut Violations) {
    let mut first = BTreeMap::new();
    for (i, route) in &network.routes {
        let (destination, gateway) = (route.destination, route.gateway);
        if route.is_default() {
            let message = format!("{destination} is the default route: it comes from spec.gateway");
            found.invalid(format!("spec.routes[{i}].dst"), message);
        }
        if let Some(earlier) = first.get(&destination) {
            let message = format!("there is a route to {destination} already, spec.routes[{earlier}]");
            found.add(ViolationKind::Duplicate, format!("spec.routes[{i}].dst"), message);
        } else {
            first.insert(destination, *i);
        }
        if !subnet.contains(gateway) {
            found.invalid(format!("spec.routes[{i}].gw"), format!("{gateway} is not inside {subnet}"));
        }
    }
}

/// `ips` without `excludeIPs`, as far as they can be read.
pub(super) fn allocatable(network: &Network, family: Family) -> IpSet {
    network.ips(family).difference(&network.excluded(family))
}

/// [`allocatable`] of an object that exists; what cannot be read of it is passed over.
pub(super) fn addresses<'a, S: 'a>(spec: &'a S, family: Family) -> IpSet
where
    &'a S: Into<crate::model::Fields<'a>>,
{
    allocatable(&Network::read(spec.into(), &mut Violations::none()), family)
}

/// Merges and sorts ranges, if there is more than one and all can be read.
pub(super) fn merge(texts: &mut Vec<String>, family: Option<Family>) {
    let Some(family) = family.filter(|_| texts.len() > 1) else { return };
    let ranges: Result<Vec<_>, _> = texts.iter().map(|text| text.parse()).collect();
    if let Some(set) = ranges.ok().and_then(|ranges| IpSet::from_ranges(family, ranges).ok()) {
        *texts = set.ranges().map(|range| range.to_string()).collect();
    }
}

/// A CIDR as a label value: `10-6-0-0-16`, `fd00---64`. Kubernetes wants a letter or digit at both ends: a leading
/// `:` (only `::…` has one) is written `0-`, as in `0--0` for `::/0`.
pub(super) fn label_of(subnet: Cidr) -> String {
    let text = subnet.to_string().replace(['.', ':', '/'], "-");
    if text.starts_with('-') { format!("0{text}") } else { text }
}

/// How many ranges a message shows.
const SHOWN: usize = 5;

/// The first few ranges of a set, for a message.
pub(crate) fn shown(set: &IpSet) -> String {
    let mut texts: Vec<String> = set.ranges().take(SHOWN + 1).map(|range| range.to_string()).collect();
    if texts.len() > SHOWN {
        texts[SHOWN] = "…".into();
    }
    texts.join(", ")
}
