//! A pool, parsed: what selection and allocation work with.

use std::{fmt, time::Duration};

use super::{Affinity, AutoPool, Network, Route, auto::read_pod_affinity};
use crate::{
    addr::{Address, Cidr, Family, IpSet},
    api::{LabelSelector, SpiderIPPool, ViolationKind, Violations, keys},
    mutation::Mutation,
    name::{NameError, Namespace, NamespacedName, NodeName, ObjectName, Uid},
};

/// A parsed [`SpiderIPPool`]. Large enough to be shared as `Arc<Pool>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pool {
    /// The name.
    pub name: ObjectName,
    /// The uid: a pool re-created under its name is another one.
    pub uid: Uid,
    /// The family of all of its addresses.
    pub family: Family,
    /// Its network.
    pub subnet: Cidr,
    /// `ips`.
    pub ips: IpSet,
    /// `excludeIPs`.
    pub excluded: IpSet,
    /// The gateway, never granted.
    pub gateway: Option<Address>,
    /// Routes for its pods.
    pub routes: Vec<Route>,
    /// VLAN of older manifests, handed on to endpoints; 0 to 4094.
    pub vlan: Option<u16>,
    /// Which pods, by label; none for an auto pool.
    pub pod_affinity: Option<Affinity>,
    /// Which namespaces, by label; unused where names are given.
    pub namespace_affinity: Option<Affinity>,
    /// Which namespaces; empty: any.
    pub namespace_names: Vec<Namespace>,
    /// Which nodes, by label; unused where names are given.
    pub node_affinity: Option<Affinity>,
    /// Which nodes; empty: any.
    pub node_names: Vec<NodeName>,
    /// Which network attachments; empty: any.
    pub multus_names: Vec<AttachmentName>,
    /// Whether it serves pods for which nothing else is configured.
    pub default: bool,
    /// Whether new allocations are refused.
    pub disabled: bool,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// For an auto pool, whose it is.
    pub auto: Option<AutoPool>,
    /// How long a released address rests before it may be granted again.
    pub cooldown: Duration,
}

impl Pool {
    /// The addresses that may be granted, as far as the pool itself is concerned: `ips` without `excludeIPs` and
    /// gateway; none while it is terminating. Cost: the number of pieces of the sets.
    #[must_use]
    pub fn usable(&self) -> IpSet {
        if self.terminating {
            return IpSet::new(self.family);
        }
        let mut usable = self.allocatable();
        if Mutation::IgnoreExclusions.active() {
            return self.ips.clone();
        }
        if let Some(gateway) = self.gateway {
            usable.remove(gateway);
        }
        usable
    }

    /// `ips` without `excludeIPs`: what `status.totalIPCount` counts, as upstream counts it.
    #[must_use]
    pub fn allocatable(&self) -> IpSet {
        self.ips.difference(&self.excluded)
    }
}

impl TryFrom<&SpiderIPPool> for Pool {
    type Error = Violations;

    /// Parses a pool; all mistakes are reported at once. Only the form is checked here, so that a pool that an older
    /// version accepted still serves: [`crate::validate`] is stricter.
    fn try_from(object: &SpiderIPPool) -> Result<Self, Violations> {
        let mut found = Violations::none();
        let (metadata, spec) = (&object.metadata, &object.spec);
        let name = read_name(ObjectName::new(&metadata.name), "metadata.name", &mut found);
        let uid = read_uid(metadata.uid.as_deref(), &mut found);
        let network = Network::read(spec.into(), &mut found);
        let audience = Audience::read(object, &mut found);
        let auto = AutoPool::read(object, &mut found);
        let cooldown = read_cooldown(object, &mut found);
        let parsed = name.zip(uid).zip(network.family.zip(network.subnet)).zip(cooldown);
        match parsed {
            Some((((name, uid), (family, subnet)), cooldown)) if found.is_empty() => Ok(Self {
                name,
                uid,
                family,
                subnet,
                ips: network.ips(family),
                excluded: network.excluded(family),
                gateway: network.gateway,
                routes: network.routes.into_iter().map(|(_, route)| route).collect(),
                vlan: network.vlan,
                pod_affinity: audience.pod_affinity,
                namespace_affinity: audience.namespace_affinity,
                namespace_names: audience.namespace_names,
                node_affinity: audience.node_affinity,
                node_names: audience.node_names,
                multus_names: audience.multus_names,
                default: spec.default == Some(true),
                disabled: spec.disable == Some(true),
                terminating: metadata.deletion_timestamp.is_some(),
                auto,
                cooldown,
            }),
            _ => Err(found),
        }
    }
}

/// Whom a pool serves.
pub(crate) struct Audience {
    pod_affinity: Option<Affinity>,
    namespace_affinity: Option<Affinity>,
    namespace_names: Vec<Namespace>,
    node_affinity: Option<Affinity>,
    node_names: Vec<NodeName>,
    multus_names: Vec<AttachmentName>,
}

impl Audience {
    pub(crate) fn read(pool: &SpiderIPPool, found: &mut Violations) -> Self {
        let spec = &pool.spec;
        Self {
            pod_affinity: read_pod_affinity(pool, found),
            namespace_affinity: read_affinity(spec.namespace_affinity.as_ref(), "namespaceAffinity", found),
            namespace_names: read_names(&spec.namespace_name, "namespaceName", found),
            node_affinity: read_affinity(spec.node_affinity.as_ref(), "nodeAffinity", found),
            node_names: read_names(&spec.node_name, "nodeName", found),
            multus_names: read_names(&spec.multus_name, "multusName", found),
        }
    }
}

fn read_affinity(selector: Option<&LabelSelector>, field: &str, found: &mut Violations) -> Option<Affinity> {
    Some(Affinity::read(selector?, &format!("spec.{field}"), found))
}

fn read_names<T: std::str::FromStr<Err = NameError>>(
    texts: &[String],
    field: &str,
    found: &mut Violations,
) -> Vec<T> {
    let names = texts.iter().enumerate();
    names.filter_map(|(i, text)| read_name(text.parse(), &format!("spec.{field}[{i}]"), found)).collect()
}

pub(crate) fn read_name<T>(name: Result<T, NameError>, field: &str, found: &mut Violations) -> Option<T> {
    name.map_err(|error| found.invalid(field, error)).ok()
}

pub(crate) fn read_uid(uid: Option<&str>, found: &mut Violations) -> Option<Uid> {
    let Some(uid) = uid else {
        let message = "the object has no uid: the store that holds it draws one at creation";
        found.add(ViolationKind::Required, "metadata.uid", message);
        return None;
    };
    read_name(Uid::new(uid), "metadata.uid", found)
}

/// The annotation [`keys::COOLDOWN`].
pub(crate) fn read_cooldown(pool: &SpiderIPPool, found: &mut Violations) -> Option<Duration> {
    let Some(text) = pool.metadata.annotations.get(keys::COOLDOWN) else { return Some(Duration::ZERO) };
    let duration = read_duration(text);
    if duration.is_none() {
        let message = format!("`{text}` is not a duration: write one such as `30s`, `5m` or `1h30m`");
        found.invalid(format!("metadata.annotations[{}]", keys::COOLDOWN), message);
    }
    duration
}

/// A duration as people write it: `30s`, `5m`, `1h30m`; nothing and `0` are none at all.
pub(crate) fn read_duration(text: &str) -> Option<Duration> {
    match text.trim() {
        "" | "0" => Some(Duration::ZERO),
        text => text.parse::<jiff::SignedDuration>().ok().and_then(|duration| duration.try_into().ok()),
    }
}

/// An entry of `multusName`: the name of a network attachment, in Spiderpool's own namespace where none is given.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AttachmentName {
    /// The namespace, if written.
    pub namespace: Option<Namespace>,
    /// The name.
    pub name: ObjectName,
}

impl AttachmentName {
    /// Whether this names `attachment`, for a Spiderpool installed in `home`.
    #[must_use]
    pub fn is(&self, attachment: &NamespacedName, home: &Namespace) -> bool {
        self.name == attachment.name && *self.namespace.as_ref().unwrap_or(home) == attachment.namespace
    }
}

impl std::str::FromStr for AttachmentName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Ok(match text.split_once('/') {
            Some((namespace, name)) => {
                Self { namespace: Some(Namespace::new(namespace)?), name: ObjectName::new(name)? }
            }
            None => Self { namespace: None, name: ObjectName::new(text)? },
        })
    }
}

impl fmt::Display for AttachmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        write!(f, "{}", self.name)
    }
}

#[cfg(test)]
mod tests;
