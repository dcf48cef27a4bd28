//! What an endpoint is to say, given what it says and who holds what. Pure.

use std::collections::BTreeSet;

use super::{Holders, ShownAddress, ShownInterface, View};
use crate::{
    addr::{Address, Family, InterfaceAddress},
    api::{Current, EndpointIP, OwnerReference, SpiderEndpoint, keys},
    model::Binding,
    mutation::Mutation,
    name::OwnerUid,
    time::Timestamp,
};

/// What is to be done to an endpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Merged {
    /// Nothing.
    Unchanged,
    /// It is to be this.
    Put(Box<SpiderEndpoint>),
    /// It is to go.
    Delete,
}

/// The address of a written `ipv4` or `ipv6`.
fn read_address(written: &str) -> Option<Address> {
    written.parse::<InterfaceAddress>().map(InterfaceAddress::address).ok()
}

/// The addresses that `endpoint` shows.
pub(crate) fn shown_addresses(endpoint: &SpiderEndpoint) -> impl Iterator<Item = Address> {
    let written = endpoint.status.current.ips.iter().flat_map(|ip| [ip.ipv4.as_deref(), ip.ipv6.as_deref()]);
    written.flatten().filter_map(read_address)
}

fn holds(holders: &Holders, owner: &str, address: Address) -> bool {
    holders.get(&address).is_some_and(|record| record.owner.uid.as_str() == owner)
}

/// The entry without what `owner` does not hold; none if nothing is left.
fn held_part(entry: &EndpointIP, owner: &str, holders: &Holders) -> Option<EndpointIP> {
    let mut entry = entry.clone();
    let held = |written: &Option<String>| {
        written.as_deref().and_then(read_address).is_some_and(|address| holds(holders, owner, address))
    };
    if !held(&entry.ipv4) {
        forget(&mut entry, Family::V4);
    }
    if !held(&entry.ipv6) {
        forget(&mut entry, Family::V6);
    }
    (entry.ipv4.is_some() || entry.ipv6.is_some()).then_some(entry)
}

fn forget(entry: &mut EndpointIP, family: Family) {
    match family {
        Family::V4 => (entry.ipv4, entry.ipv4_pool, entry.ipv4_gateway) = (None, None, None),
        Family::V6 => (entry.ipv6, entry.ipv6_pool, entry.ipv6_gateway) = (None, None, None),
    }
}

fn put(entry: &mut EndpointIP, shown: &ShownAddress) {
    let text = Some(format!("{}/{}", shown.address, shown.prefix_len));
    let (pool, gateway) = (Some(shown.pool.to_string()), shown.gateway.map(|gateway| gateway.to_string()));
    match shown.address.family() {
        Family::V4 => (entry.ipv4, entry.ipv4_pool, entry.ipv4_gateway) = (text, pool, gateway),
        Family::V6 => (entry.ipv6, entry.ipv6_pool, entry.ipv6_gateway) = (text, pool, gateway),
    }
}

/// The entry of `interface`; what is written of its other family stays.
fn entry_of(interface: &ShownInterface, before: Option<&EndpointIP>) -> EndpointIP {
    let mut entry = before.cloned().unwrap_or_default();
    entry.interface = interface.interface.as_ref().map(ToString::to_string).unwrap_or_default();
    for shown in &interface.addresses {
        put(&mut entry, shown);
    }
    let vlan = interface.addresses.iter().find_map(|shown| shown.vlan);
    entry.vlan = Some(vlan.map_or(0, i64::from));
    let has_gateway = entry.ipv4_gateway.is_some() || entry.ipv6_gateway.is_some();
    entry.clean_gateway = has_gateway.then_some(interface.clean_gateway);
    entry.routes.clone_from(&interface.routes);
    entry.mac.clone_from(&interface.mac);
    entry
}

/// When the latest of these addresses was granted to `owner`.
fn latest(addresses: impl Iterator<Item = Address>, owner: &str, holders: &Holders) -> Option<Timestamp> {
    let records = addresses.filter_map(|address| holders.get(&address));
    records.filter(|record| record.owner.uid.as_str() == owner).map(|record| record.since).max()
}

/// Whether `endpoint` shows another incarnation that still holds something and was granted it later.
fn is_later(endpoint: &SpiderEndpoint, owner: &str, own: Timestamp, holders: &Holders) -> bool {
    let other = endpoint.status.current.uid.as_str();
    let theirs = latest(shown_addresses(endpoint), other, holders);
    theirs.is_some_and(|theirs| (theirs, other) > (own, owner))
}

/// What is to be done to the endpoint so that it shows `view`, as far as its owner still holds what it says.
#[must_use]
pub fn show(current: Option<&SpiderEndpoint>, view: &View, holders: &Holders) -> Merged {
    let Some(pod) = &view.owner.pod else { return Merged::Unchanged };
    let owner = view.owner.uid.as_str();
    let held = |interface: &ShownInterface| {
        let mut interface = interface.clone();
        interface.addresses.retain(|shown| holds(holders, owner, shown.address));
        (!interface.addresses.is_empty()).then_some(interface)
    };
    let interfaces: Vec<ShownInterface> = view.interfaces.iter().filter_map(held).collect();
    let own = interfaces.iter().flat_map(|interface| &interface.addresses).map(|shown| shown.address);
    // Nothing is held any more. Whoever released it may have looked before this view was written.
    let Some(since) = latest(own, owner, holders) else { return clear(current, &view.owner.uid, holders) };
    if current.is_some_and(|current| {
        current.status.current.uid != owner && is_later(current, owner, since, holders)
    }) {
        return Merged::Unchanged;
    }
    let same = current.filter(|current| current.status.current.uid == owner);
    let kept = same.map(|current| current.status.current.ips.as_slice()).unwrap_or_default();
    let mut entries: Vec<EndpointIP> =
        kept.iter().filter_map(|entry| held_part(entry, owner, holders)).collect();
    for interface in &interfaces {
        // The entry of the same name, or the one that showed the address before its interface had a name.
        let addresses: BTreeSet<Address> = interface.addresses.iter().map(|shown| shown.address).collect();
        let is_same = |entry: &EndpointIP| {
            let name = interface.interface.as_ref().is_some_and(|name| *name.as_str() == entry.interface);
            let shows = |written: &Option<String>| {
                written.as_deref().and_then(read_address).is_some_and(|address| addresses.contains(&address))
            };
            name || shows(&entry.ipv4) || shows(&entry.ipv6)
        };
        let before = entries.iter().find(|entry| is_same(entry)).cloned();
        entries.retain(|entry| !is_same(entry));
        entries.push(entry_of(interface, before.as_ref()));
    }
    // One order, whoever wrote first; parts that no ADD has claimed come last.
    entries.sort_by(|a, b| {
        let order = |entry: &EndpointIP| {
            let addresses =
                (entry.ipv4.as_deref().and_then(read_address), entry.ipv6.as_deref().and_then(read_address));
            (entry.interface.is_empty(), entry.interface.clone(), addresses)
        };
        order(a).cmp(&order(b))
    });
    let mut next = current.cloned().unwrap_or_default();
    if view.binding == Binding::Stateless && Mutation::ViewOverwritesClaim.active() {
        next.status.claims.clear();
    }
    next.metadata.name = pod.name.to_string();
    next.metadata.namespace = Some(pod.namespace.to_string());
    // A claim outlives the pod, so the pod must not own it, whatever this pod's own binding is.
    let outlives = view.binding == Binding::Stateful || !next.status.claims.is_empty();
    let pod_reference = || OwnerReference {
        api_version: "v1".into(),
        kind: "Pod".into(),
        name: pod.name.to_string(),
        uid: owner.to_owned(),
        ..OwnerReference::default()
    };
    next.metadata.owner_references = if outlives { Vec::new() } else { vec![pod_reference()] };
    // It is wanted again, since it runs.
    next.metadata.annotations.remove(keys::UNWANTED_SINCE);
    next.status.current = Current { uid: owner.to_owned(), node: view.node.to_string(), ips: entries };
    // By these the sweep finds who wants a claim: a bare pod of the same name does not take them over.
    if view.binding == Binding::Stateful || next.status.claims.is_empty() {
        (next.status.owner_controller_type, next.status.owner_controller_name) = match &view.controller {
            Some(controller) => (controller.kind.clone(), controller.name.to_string()),
            None => ("Pod".to_owned(), pod.name.to_string()),
        };
    }
    changed(current, next)
}

/// What is to be done to the endpoint so that it shows nothing which `owner` does not hold.
#[must_use]
pub fn clear(current: Option<&SpiderEndpoint>, owner: &OwnerUid, holders: &Holders) -> Merged {
    let Some(current) = current else { return Merged::Unchanged };
    if current.status.current.uid != owner.as_str() {
        return Merged::Unchanged;
    }
    let mut next = current.clone();
    let entries = &current.status.current.ips;
    next.status.current.ips =
        entries.iter().filter_map(|entry| held_part(entry, owner.as_str(), holders)).collect();
    if next.status.current.ips.is_empty() && next.status.claims.is_empty() {
        return Merged::Delete;
    }
    changed(Some(current), next)
}

fn changed(current: Option<&SpiderEndpoint>, next: SpiderEndpoint) -> Merged {
    if current == Some(&next) { Merged::Unchanged } else { Merged::Put(Box::new(next)) }
}
