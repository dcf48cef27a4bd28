//! Pools, subnets, reservations among themselves.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    finding::{Finding, FindingKind},
    snapshot::Snapshot,
};
use crate::{
    addr::{Address, Cidr, IpSet},
    admin::record::{CLAIM_GRACE, Record, members, resolve},
    api::Violations,
    model::{Reservation, Subnet},
    name::ObjectName,
    time::Timestamp,
    validate::shown,
};

pub(super) fn check(snapshot: &Snapshot, now: Timestamp, findings: &mut Vec<Finding>) {
    check_form(snapshot, findings);
    check_overlaps(snapshot, findings);
    check_subnets(snapshot, now, findings);
}

fn one_line(violations: &Violations) -> String {
    violations.to_string().replace('\n', "; ")
}

fn check_form(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let mut malformed = |kind: &str, name: &str, violations: &Violations| {
        findings.push(Finding::new(FindingKind::Malformed, format!("{kind} {name}"), one_line(violations)));
    };
    for item in snapshot.pools.iter().flatten() {
        if let Err(violations) = crate::model::Pool::try_from(item.object.as_ref()) {
            malformed("pool", &item.object.metadata.name, &violations);
        }
    }
    for (object, _) in snapshot.subnets.iter().flatten() {
        if let Err(violations) = Subnet::try_from(object.as_ref()) {
            malformed("subnet", &object.metadata.name, &violations);
        }
    }
    for (object, _) in snapshot.reservations.iter().flatten() {
        if let Err(violations) = Reservation::try_from(object.as_ref()) {
            malformed("reservation", &object.metadata.name, &violations);
        }
    }
}

/// Pairs of owners whose ranges meet: everybody who overlaps anybody is in one of them. Cost: sorting all ranges.
fn overlapping<'a>(sets: impl IntoIterator<Item = (&'a str, &'a IpSet)>) -> BTreeSet<(&'a str, &'a str)> {
    let mut ranges: Vec<(Address, Address, &str)> = Vec::new();
    for (name, set) in sets {
        ranges.extend(set.ranges().map(|range| (range.first(), range.last(), name)));
    }
    ranges.sort_unstable();
    let mut pairs = BTreeSet::new();
    let mut furthest: Option<(Address, &str)> = None;
    for (first, last, name) in ranges {
        if let Some((end, other)) =
            furthest.filter(|(end, _)| *end >= first && end.family() == first.family())
        {
            pairs.insert((name.min(other), name.max(other)));
            furthest = Some((end, other).max((last, name)));
        } else {
            furthest = Some((last, name));
        }
    }
    pairs
}

fn check_overlaps(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let pools = snapshot.pools.iter().flatten().filter_map(|item| item.parsed.as_ref());
    let sets: BTreeMap<&str, IpSet> = pools.map(|pool| (pool.name.as_str(), pool.allocatable())).collect();
    for (a, b) in overlapping(sets.iter().map(|(name, set)| (*name, set))) {
        if let (Some(first), Some(second)) = (sets.get(a), sets.get(b)) {
            let both = shown(&first.intersection(second));
            let (object, what) = (format!("pools {a} and {b}"), format!("both have {both}"));
            findings.push(Finding::new(FindingKind::OverlappingPools, object, what));
        }
    }
    let subnets = snapshot.subnets.iter().flatten();
    let networks: BTreeMap<&str, IpSet> = subnets
        .filter_map(|(object, _)| {
            let network: Cidr = object.spec.subnet.parse().ok()?;
            Some((object.metadata.name.as_str(), IpSet::from(network.range())))
        })
        .collect();
    for (a, b) in overlapping(networks.iter().map(|(name, set)| (*name, set))) {
        let (object, what) = (format!("subnets {a} and {b}"), "their networks overlap".to_owned());
        findings.push(Finding::new(FindingKind::OverlappingSubnets, object, what));
    }
}

fn check_subnets(snapshot: &Snapshot, now: Timestamp, findings: &mut Vec<Finding>) {
    let (Some(subnets), Some(pools)) = (&snapshot.subnets, &snapshot.pools) else { return };
    for (object, _) in subnets {
        let Ok(subnet) = Subnet::try_from(object.as_ref()) else { continue };
        let all = pools.iter().map(|item| (item.object.as_ref(), &item.token));
        let members = members(all, subnet.subnet);
        let alive = resolve(&subnet.controlled, &members, subnet.subnet, now);
        let none = IpSet::new(subnet.family);
        let names: BTreeSet<&ObjectName> = subnet.controlled.keys().chain(members.keys()).collect();
        let entry = |record: &'_ Record, name: &ObjectName| record.get(name).map(|entry| entry.ips.clone());
        for name in names {
            let place = format!("subnet {}", subnet.name);
            let recorded = entry(&subnet.controlled, name).unwrap_or_else(|| none.clone());
            let claims = alive.record.get(name).map(|entry| entry.pending.as_slice()).unwrap_or_default();
            for claiming in claims {
                let age = now.since(claiming.since);
                let kind = if age >= CLAIM_GRACE { FindingKind::StaleEdit } else { FindingKind::PendingEdit };
                let what =
                    format!("pool {name} is claiming {} for {} s", shown(&claiming.ips), age.as_secs());
                findings.push(Finding::new(kind, &place, what));
            }
            let own = members.get(name).map_or_else(|| none.clone(), |member| member.ips.clone());
            let has = claims.iter().fold(own, |all, claiming| all.union(&claiming.ips));
            if recorded != has {
                let what = format!(
                    "its record gives pool {name} {}, and the pool has {}",
                    shown_or_none(&recorded),
                    shown_or_none(&has)
                );
                findings.push(Finding::new(FindingKind::ControlledDiffers, place, what));
            }
        }
    }
}

fn shown_or_none(set: &IpSet) -> String {
    if set.is_empty() { "nothing".into() } else { shown(set) }
}
