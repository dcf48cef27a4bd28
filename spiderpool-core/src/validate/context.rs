//! What an object is judged against.

use std::sync::Arc;

use crate::{
    addr::{Cidr, Family},
    api::{SpiderIPPool, SpiderSubnet, ViolationKind, Violations},
    model::Families,
    name::ObjectName,
};

/// Whether pools belong to the Subnet of their CIDR.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Subnets {
    /// They do: they inherit from it and must lie inside it.
    #[default]
    Enabled,
    /// Subnets have no bearing on pools.
    Disabled,
}

/// Who edits an object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Editor {
    /// A person, or a program that acts for one.
    #[default]
    Person,
    /// The controller, which sizes auto pools: it claims what it gives to one in the same edit.
    Controller,
}

/// What an object is judged against. Cheap to copy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// The enabled families.
    pub families: Families,
    /// Whether Subnets govern pools.
    pub feature: Subnets,
    /// Who edits.
    pub editor: Editor,
    /// All pools that exist; the judged one may be among them and is passed over.
    pub pools: &'a [Arc<SpiderIPPool>],
    /// All Subnets that exist; likewise.
    pub subnets: &'a [Arc<SpiderSubnet>],
}

impl<'a> Context<'a> {
    /// The Subnet of exactly this network, unless it is being deleted or the feature is off.
    pub(crate) fn subnet_of(&self, network: Cidr) -> Option<&'a SpiderSubnet> {
        if self.feature == Subnets::Disabled {
            return None;
        }
        let found = self.subnets.iter().find(|subnet| {
            subnet.metadata.deletion_timestamp.is_none() && subnet.spec.subnet.parse() == Ok(network)
        });
        found.map(AsRef::as_ref)
    }

    /// Pools other than `name`, each with its network; those whose network cannot be read are passed over.
    pub(super) fn other_pools(&self, name: &str) -> impl Iterator<Item = (&'a SpiderIPPool, Cidr)> {
        let others = self.pools.iter().filter(move |pool| pool.metadata.name != name);
        others.filter_map(|pool| Some((pool.as_ref(), pool.spec.subnet.parse().ok()?)))
    }

    /// Subnets other than `name`, each with its network.
    pub(super) fn other_subnets(&self, name: &str) -> impl Iterator<Item = (&'a SpiderSubnet, Cidr)> {
        let others = self.subnets.iter().filter(move |subnet| subnet.metadata.name != name);
        others.filter_map(|subnet| Some((subnet.as_ref(), subnet.spec.subnet.parse().ok()?)))
    }

    /// The family must be one that is enabled.
    pub(super) fn check_family(&self, family: Option<Family>, found: &mut Violations) {
        if let Some(family) = family.filter(|family| !self.families.contains(*family)) {
            found.forbidden(
                "spec.ipVersion",
                format!("{family} is disabled: enable it, or use {}", self.families),
            );
        }
    }
}

/// The name must be one that Kubernetes takes, so that what works in the lab works in a cluster.
pub(super) fn check_name(name: &str, found: &mut Violations) {
    if let Err(error) = ObjectName::new(name) {
        found.invalid("metadata.name", error);
    } else if !crate::model::is_dns_subdomain(name) {
        let message = format!(
            "`{name}` is not a name: write lower-case letters, digits, `-` and `.`, beginning and ending with a letter \
             or digit"
        );
        found.invalid("metadata.name", message);
    }
}

/// A new object's name must be free.
pub(super) fn check_free<'n>(name: &str, mut taken: impl Iterator<Item = &'n str>, found: &mut Violations) {
    if taken.any(|other| other == name) {
        found.add(
            ViolationKind::Duplicate,
            "metadata.name",
            format!("`{name}` exists already: choose another name"),
        );
    }
}

/// What cannot change once an object exists.
pub(super) fn check_fixed<T: PartialEq + std::fmt::Display>(
    field: &str,
    old: Option<T>,
    new: Option<T>,
    found: &mut Violations,
) {
    // What cannot be read is reported elsewhere.
    if let Some((old, new)) = old.zip(new).filter(|(old, new)| old != new) {
        found.forbidden(field, format!("it is {old} and cannot become {new}: make a new object instead"));
    }
}

/// An object that is being deleted keeps its `spec`. Everything else about it may change, or its finalizers could
/// never be taken off.
pub(super) fn check_terminating<T: PartialEq>(old: &T, new: &T) -> Violations {
    let mut found = Violations::none();
    if old != new {
        found.forbidden("spec", "the object is being deleted and cannot be changed: wait until it is gone");
    }
    found
}
