//! Rules for SpiderIPPool.

use super::{
    Context, Editor,
    context::{check_fixed, check_free, check_name, check_terminating},
    network::{self, addresses, allocatable, label_of, merge, shown},
};
use crate::{
    addr::{Cidr, Family, IpSet},
    api::{SpiderIPPool, Violations, keys},
    model::{Audience, AutoPool, Network, is_auto, read_controlled, read_cooldown},
};

/// Fills in what a pool may leave out: `ipVersion` from its CIDR; ranges merged and sorted; the labels that say its
/// CIDR and its Subnet; gateway and routes of that Subnet, where it has none of its own (an empty list of routes is one
/// of its own). What cannot be read stays as it is, for [`create`] to report. A pool that is being deleted is not
/// touched.
pub fn set_defaults(pool: &mut SpiderIPPool, context: &Context<'_>) {
    if pool.metadata.deletion_timestamp.is_some() {
        return;
    }
    let Ok(cidr) = pool.spec.subnet.parse::<Cidr>() else { return };
    let version = pool.spec.ip_version.get_or_insert(cidr.family().number().into());
    let family = (*version == i64::from(cidr.family().number())).then_some(cidr.family());
    merge(&mut pool.spec.ips, family);
    merge(&mut pool.spec.exclude_ips, family);
    pool.metadata.labels.insert(keys::LABEL_POOL_CIDR.into(), label_of(cidr));
    if let Some(subnet) = context.subnet_of(cidr) {
        pool.metadata.labels.insert(keys::LABEL_OWNER_SUBNET.into(), subnet.metadata.name.clone());
        if pool.spec.gateway.is_none() {
            pool.spec.gateway.clone_from(&subnet.spec.gateway);
        }
        if pool.spec.routes.is_none() {
            pool.spec.routes.clone_from(&subnet.spec.routes);
        }
    }
}

/// Whether `pool` may be created.
#[must_use]
pub fn create(pool: &SpiderIPPool, context: &Context<'_>) -> Violations {
    let mut found = Violations::none();
    check_name(&pool.metadata.name, &mut found);
    let names = context.pools.iter().map(|other| other.metadata.name.as_str());
    check_free(&pool.metadata.name, names, &mut found);
    let network = check_itself(pool, context, &mut found);
    if let Some(cidr) = network.subnet {
        check_cidr(pool, cidr, context, &mut found);
        let mine = allocatable(&network, cidr.family());
        check_addresses(pool, cidr, &mine, context, &mut found);
    }
    found
}

/// Whether `old` may become `new`.
///
/// Only what the edit adds is judged against other objects, so that a pool that has come into conflict can still be
/// mended, disabled or deleted.
#[must_use]
pub fn update(old: &SpiderIPPool, new: &SpiderIPPool, context: &Context<'_>) -> Violations {
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
        let added = allocatable(&network, family).difference(&allocatable(&before, family));
        check_addresses(new, cidr, &added, context, &mut found);
    }
    found
}

/// What needs no other object.
fn check_itself(pool: &SpiderIPPool, context: &Context<'_>, found: &mut Violations) -> Network {
    let network = Network::read((&pool.spec).into(), found);
    context.check_family(network.family, found);
    network::check(&network, found);
    Audience::read(pool, found);
    AutoPool::read(pool, found);
    let empty = |selector: &crate::api::LabelSelector| *selector == Default::default();
    if !is_auto(&pool.metadata.labels) && pool.spec.pod_affinity.as_ref().is_some_and(empty) {
        found.invalid(
            "spec.podAffinity",
            "it selects nothing: name labels, or leave it out to serve every pod",
        );
    }
    read_cooldown(pool, found);
    network
}

/// The CIDR may equal another pool's, or be apart from it, and nothing in between.
fn check_cidr(pool: &SpiderIPPool, cidr: Cidr, context: &Context<'_>, found: &mut Violations) {
    for (other, theirs) in context.other_pools(&pool.metadata.name) {
        if theirs != cidr && theirs.overlaps(&cidr) {
            let name = &other.metadata.name;
            let message =
                format!("{cidr} overlaps {theirs} of pool \"{name}\": use that CIDR, or one apart from it");
            found.invalid("spec.subnet", message);
        }
    }
}

/// `added` must be in nobody else's hands, and inside the Subnet.
fn check_addresses(
    pool: &SpiderIPPool,
    cidr: Cidr,
    added: &IpSet,
    context: &Context<'_>,
    found: &mut Violations,
) {
    let (name, family) = (&pool.metadata.name, cidr.family());
    for (other, _) in context.other_pools(name).filter(|(_, theirs)| *theirs == cidr) {
        let common = addresses(&other.spec, family).intersection(added);
        if !common.is_empty() {
            let going = match other.metadata.deletion_timestamp {
                Some(_) => ", which is being deleted: wait until it is gone, or",
                None => ":",
            };
            let (owner, common) = (&other.metadata.name, shown(&common));
            let message = format!("pool \"{owner}\" has {common} too{going} take them out of one of the two");
            found.forbidden("spec.ips", message);
        }
    }
    let Some(subnet) = context.subnet_of(cidr) else { return };
    let owner = &subnet.metadata.name;
    let outside = added.difference(&addresses(&subnet.spec, family));
    if !outside.is_empty() {
        let outside = shown(&outside);
        let message = format!("{outside} are not in Subnet \"{owner}\" of this CIDR: add them there first");
        found.forbidden("spec.ips", message);
    }
    let controlled = read_controlled(subnet, Some(family), &mut Violations::none());
    for (holder, taken) in controlled.iter().filter(|(holder, _)| holder.as_str() != name) {
        let known = context.pools.iter().any(|other| other.metadata.name == holder.as_str());
        let common = taken.ips.intersection(added);
        if !known && !common.is_empty() {
            let common = shown(&common);
            found.forbidden(
                "spec.ips",
                format!("Subnet \"{owner}\" has promised {common} to pool \"{holder}\""),
            );
        }
    }
    if is_auto(&pool.metadata.labels) && context.editor == Editor::Person {
        let promised = controlled.iter().find(|(holder, _)| holder.as_str() == name);
        let promised = promised.map_or_else(|| IpSet::new(family), |(_, taken)| taken.ips.clone());
        let mine = addresses(&pool.spec, family);
        if mine != promised {
            let message = format!(
                "an auto pool has what Subnet \"{owner}\" promised to it ({promised}), not {}: change the replicas or \
                 the annotation {} of its application instead",
                shown(&mine),
                keys::IP_NUMBER
            );
            found.forbidden("spec.ips", message);
        }
    }
}
