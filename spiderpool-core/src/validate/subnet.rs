//! Rules for SpiderSubnet.

use super::{
    Context,
    context::{check_fixed, check_free, check_name, check_terminating},
    network::{self, addresses, allocatable, label_of, merge, shown},
};
use crate::{
    addr::{Cidr, Family, IpSet},
    api::{SpiderSubnet, Violations, keys},
    model::{Network, read_controlled},
};

/// Fills in what a Subnet may leave out: `ipVersion` from its CIDR; ranges merged and sorted; the label that says its
/// CIDR.
pub fn set_defaults(subnet: &mut SpiderSubnet) {
    if subnet.metadata.deletion_timestamp.is_some() {
        return;
    }
    let Ok(cidr) = subnet.spec.subnet.parse::<Cidr>() else { return };
    let version = subnet.spec.ip_version.get_or_insert(cidr.family().number().into());
    let family = (*version == i64::from(cidr.family().number())).then_some(cidr.family());
    merge(&mut subnet.spec.ips, family);
    merge(&mut subnet.spec.exclude_ips, family);
    subnet.metadata.labels.insert(keys::LABEL_SUBNET_CIDR.into(), label_of(cidr));
}

/// Whether `subnet` may be created.
#[must_use]
pub fn create(subnet: &SpiderSubnet, context: &Context<'_>) -> Violations {
    let mut found = Violations::none();
    let name = &subnet.metadata.name;
    check_name(name, &mut found);
    check_free(name, context.subnets.iter().map(|other| other.metadata.name.as_str()), &mut found);
    let network = check_itself(subnet, context, &mut found);
    let Some(cidr) = network.subnet else { return found };
    for (other, theirs) in context.other_subnets(name).filter(|(_, theirs)| theirs.overlaps(&cidr)) {
        let owner = &other.metadata.name;
        let message = format!("{cidr} overlaps {theirs} of Subnet \"{owner}\": use a CIDR apart from it");
        found.invalid("spec.subnet", message);
    }
    let mine = allocatable(&network, cidr.family());
    for (pool, theirs) in context.other_pools("").filter(|(_, theirs)| theirs.overlaps(&cidr)) {
        let owner = &pool.metadata.name;
        if theirs != cidr {
            let message =
                format!("{cidr} overlaps {theirs} of pool \"{owner}\": use that CIDR, or one apart from it");
            found.invalid("spec.subnet", message);
            continue;
        }
        let outside = addresses(&pool.spec, cidr.family()).difference(&mine);
        if !outside.is_empty() {
            let message = format!("pool \"{owner}\" of this CIDR has {} besides: add them", shown(&outside));
            found.invalid("spec.ips", message);
        }
    }
    found
}

/// Whether `old` may become `new`.
#[must_use]
pub fn update(old: &SpiderSubnet, new: &SpiderSubnet, context: &Context<'_>) -> Violations {
    if old.metadata.deletion_timestamp.is_some() {
        return check_terminating(&old.spec, &new.spec);
    }
    let mut found = Violations::none();
    let network = check_itself(new, context, &mut found);
    let before = Network::read((&old.spec).into(), &mut Violations::none());
    let version = |family: Option<Family>| family.map(Family::number);
    check_fixed("spec.ipVersion", version(before.family), version(network.family), &mut found);
    if before.family == network.family {
        check_fixed("spec.subnet", before.subnet, network.subnet, &mut found);
    }
    if let Some(cidr) = network.subnet.filter(|cidr| before.subnet == Some(*cidr)) {
        let family = cidr.family();
        let removed = allocatable(&before, family).difference(&allocatable(&network, family));
        check_removed(old, cidr, &removed, context, &mut found);
    }
    found
}

/// What needs no other object.
fn check_itself(subnet: &SpiderSubnet, context: &Context<'_>, found: &mut Violations) -> Network {
    let network = Network::read((&subnet.spec).into(), found);
    context.check_family(network.family, found);
    network::check(&network, found);
    network
}

/// What pools have taken cannot be taken away: neither what the Subnet's own record says nor what pools of its CIDR
/// have, recorded or not.
fn check_removed(
    old: &SpiderSubnet,
    cidr: Cidr,
    removed: &IpSet,
    context: &Context<'_>,
    found: &mut Violations,
) {
    let family = cidr.family();
    let mut refuse = |pool: &str, taken: &IpSet| {
        let common = taken.intersection(removed);
        if !common.is_empty() {
            let message = format!("pool \"{pool}\" has {}: take them out of the pool first", shown(&common));
            found.forbidden("spec.ips", message);
        }
    };
    let controlled = read_controlled(old, Some(family), &mut Violations::none());
    for (pool, taken) in &controlled {
        refuse(pool.as_str(), &taken.ips);
    }
    for (pool, _) in context.other_pools("").filter(|(_, theirs)| *theirs == cidr) {
        if !controlled.contains_key(pool.metadata.name.as_str()) {
            refuse(&pool.metadata.name, &addresses(&pool.spec, family));
        }
    }
}
