//! The names of the custom resources: one table, from which definitions, clients and access rules are to be made.

use spiderpool_core::api::GROUP;
use spiderpool_core::store::Kind;

/// The only version of the group that is served and stored.
pub const VERSION: &str = "v2beta1";

/// The category that all kinds are in, so that `kubectl get spiderpool` lists them.
pub const CATEGORY: &str = "spiderpool";

/// The finalizer of every object that must not vanish while addresses depend on it.
pub const FINALIZER: &str = "spiderpool.spidernet.io";

/// Whether the objects of a kind live in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResourceScope {
    /// They belong to the cluster.
    Cluster,
    /// They belong to a namespace.
    Namespaced,
}

/// Whether a kind has a status subresource, which is written apart from the rest of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatusSubresource {
    /// Status is written by itself, and such a write leaves `metadata.generation` alone.
    Present,
    /// The object is written as a whole.
    Absent,
}

/// What the API server calls one kind of Spiderpool's documents.
///
/// The kinds of upstream Spiderpool keep upstream's names, so that manifests, scripts and habits keep working.
/// Scopes, plans and blocks are this project's own; they are not for editing, so they have no short names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CustomResource {
    /// The kind as manifests write it.
    pub kind: &'static str,
    /// The plural in lower case, which stands in paths and access rules.
    pub plural: &'static str,
    /// The short name that `kubectl` understands, if there is one.
    pub short_name: Option<&'static str>,
    /// Whether its objects live in a namespace.
    pub scope: ResourceScope,
    /// Whether it has a status subresource.
    pub status: StatusSubresource,
}

impl CustomResource {
    /// Every custom resource of the group.
    pub const ALL: [Self; 7] = [
        Self::SUBNET,
        Self::POOL,
        Self::RESERVED_IP,
        Self::ENDPOINT,
        Self::IP_SCOPE,
        Self::IP_PLAN,
        Self::IP_BLOCK,
    ];

    /// SpiderSubnet.
    pub const SUBNET: Self =
        Self::cluster("SpiderSubnet", "spidersubnets", Some("ss"), StatusSubresource::Present);

    /// SpiderIPPool.
    pub const POOL: Self =
        Self::cluster("SpiderIPPool", "spiderippools", Some("sp"), StatusSubresource::Present);

    /// SpiderReservedIP. Upstream's has no status; this one has, because fencing a pending edit takes a write that
    /// changes the object's revision and nothing else.
    pub const RESERVED_IP: Self =
        Self::cluster("SpiderReservedIP", "spiderreservedips", Some("sr"), StatusSubresource::Present);

    /// SpiderEndpoint: one per pod, under the pod's name in the pod's namespace.
    pub const ENDPOINT: Self = Self {
        kind: "SpiderEndpoint",
        plural: "spiderendpoints",
        short_name: Some("se"),
        scope: ResourceScope::Namespaced,
        status: StatusSubresource::Absent,
    };

    /// SpiderIPScope: block size and storage format in force.
    pub const IP_SCOPE: Self =
        Self::cluster("SpiderIPScope", "spideripscopes", None, StatusSubresource::Absent);

    /// SpiderIPPlan: a pool's ranges in force and its pending edits.
    pub const IP_PLAN: Self = Self::cluster("SpiderIPPlan", "spideripplans", None, StatusSubresource::Absent);

    /// SpiderIPBlock: who holds which address of one block.
    pub const IP_BLOCK: Self =
        Self::cluster("SpiderIPBlock", "spideripblocks", None, StatusSubresource::Absent);

    const fn cluster(
        kind: &'static str,
        plural: &'static str,
        short_name: Option<&'static str>,
        status: StatusSubresource,
    ) -> Self {
        Self { kind, plural, short_name, scope: ResourceScope::Cluster, status }
    }

    /// The custom resource that documents of this kind are kept as. `None` for [`Kind::Resource`]: pods, nodes and
    /// their controllers are Kubernetes' own.
    #[must_use]
    pub const fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Scope => Some(Self::IP_SCOPE),
            Kind::Subnet => Some(Self::SUBNET),
            Kind::Pool => Some(Self::POOL),
            Kind::Reservation => Some(Self::RESERVED_IP),
            Kind::Plan => Some(Self::IP_PLAN),
            Kind::Block => Some(Self::IP_BLOCK),
            Kind::Endpoint => Some(Self::ENDPOINT),
            Kind::Resource => None,
        }
    }

    /// The name of its CustomResourceDefinition: `PLURAL.GROUP`.
    #[must_use]
    pub fn definition_name(&self) -> String {
        format!("{}.{GROUP}", self.plural)
    }

    /// The path of its collection on the API server, of all namespaces if it is namespaced.
    #[must_use]
    pub fn collection_path(&self) -> String {
        self.path(None)
    }

    /// The path of its collection, of one namespace where one is named.
    pub(crate) fn path(&self, namespace: Option<&str>) -> String {
        let namespace = namespace.map(|namespace| format!("namespaces/{namespace}/")).unwrap_or_default();
        format!("/apis/{GROUP}/{VERSION}/{namespace}{}", self.plural)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use spiderpool_core::api::API_VERSION;

    use super::*;

    #[test]
    fn group_and_version_are_those_of_the_manifests() {
        assert_eq!(format!("{GROUP}/{VERSION}"), API_VERSION);
    }

    /// What the API server demands of a definition: plural and kind match, and no name is taken twice.
    #[test]
    fn names_are_well_formed_and_unique() {
        let mut names = BTreeSet::new();
        for resource in CustomResource::ALL {
            assert_eq!(resource.plural, format!("{}s", resource.kind.to_lowercase()));
            assert!(names.insert(resource.plural), "{resource:?}");
            assert!(resource.short_name.is_none_or(|short| names.insert(short)), "{resource:?}");
        }
    }

    #[test]
    fn every_kind_of_document_but_foreign_ones_has_its_own_resource() {
        let kept: BTreeSet<&str> =
            Kind::ALL.into_iter().filter_map(CustomResource::of).map(|resource| resource.kind).collect();
        assert_eq!(kept, CustomResource::ALL.map(|resource| resource.kind).into());
        assert_eq!(CustomResource::of(Kind::Resource), None);
    }

    #[test]
    fn users_find_the_names_that_they_know() {
        let known =
            CustomResource::ALL.iter().filter_map(|resource| Some((resource.short_name?, resource.kind)));
        assert_eq!(
            known.collect::<Vec<_>>(),
            [
                ("ss", "SpiderSubnet"),
                ("sp", "SpiderIPPool"),
                ("sr", "SpiderReservedIP"),
                ("se", "SpiderEndpoint")
            ]
        );
        assert_eq!(CustomResource::POOL.definition_name(), "spiderippools.spiderpool.spidernet.io");
        assert_eq!(
            CustomResource::IP_BLOCK.collection_path(),
            "/apis/spiderpool.spidernet.io/v2beta1/spideripblocks"
        );
    }
}
