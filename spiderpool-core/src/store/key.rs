//! Keys of documents, and which documents a listing wants.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Document;
use crate::{
    addr::Family,
    model::{BlockId, PlanId},
    name::{Namespace, NamespacedName, NodeName, ObjectName, ScopeName},
};

/// The kinds of documents.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Kind {
    /// [`crate::model::Scope`].
    Scope,
    /// [`crate::api::SpiderSubnet`].
    Subnet,
    /// [`crate::api::SpiderIPPool`].
    Pool,
    /// [`crate::api::SpiderReservedIP`].
    Reservation,
    /// [`crate::model::Plan`].
    Plan,
    /// [`crate::model::Block`].
    Block,
    /// [`crate::api::SpiderEndpoint`].
    Endpoint,
    /// [`crate::api::Resource`]: pods, nodes, namespaces, controllers.
    Resource,
}

impl Kind {
    /// All kinds, in the order of [`Key`].
    pub const ALL: [Self; 8] = [
        Self::Scope,
        Self::Subnet,
        Self::Pool,
        Self::Reservation,
        Self::Plan,
        Self::Block,
        Self::Endpoint,
        Self::Resource,
    ];

    /// A short name, unique and without NUL: the first part of a key in a byte store.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scope => "scope",
            Self::Subnet => "subnet",
            Self::Pool => "pool",
            Self::Reservation => "reservation",
            Self::Plan => "plan",
            Self::Block => "block",
            Self::Endpoint => "endpoint",
            Self::Resource => "resource",
        }
    }
}

/// The name of a [`crate::api::Resource`]: kind, group, namespace, name. The version is no part of it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct ResourceName {
    /// The kind, `Deployment`.
    pub kind: ObjectName,
    /// The API group; none for the core group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<ObjectName>,
    /// The namespace, for namespaced kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Namespace>,
    /// The name.
    pub name: ObjectName,
}

impl fmt::Display for ResourceName {
    /// `Deployment default/web`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// The key of a document. Listings are ascending by it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Key {
    /// A scope.
    Scope(ScopeName),
    /// A subnet.
    Subnet(ObjectName),
    /// A pool.
    Pool(ObjectName),
    /// A reservation.
    Reservation(ObjectName),
    /// A plan.
    Plan(PlanId),
    /// A block.
    Block(BlockId),
    /// An endpoint.
    Endpoint(NamespacedName),
    /// Any other object.
    Resource(ResourceName),
}

impl Key {
    /// The kind of the document that may stand under this key.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Scope(_) => Kind::Scope,
            Self::Subnet(_) => Kind::Subnet,
            Self::Pool(_) => Kind::Pool,
            Self::Reservation(_) => Kind::Reservation,
            Self::Plan(_) => Kind::Plan,
            Self::Block(_) => Kind::Block,
            Self::Endpoint(_) => Kind::Endpoint,
            Self::Resource(_) => Kind::Resource,
        }
    }

    /// The key of the pod `name`.
    #[must_use]
    pub fn pod(name: &NamespacedName) -> Self {
        // A literal that is a name by construction.
        let kind = ObjectName::new("Pod").unwrap_or_else(|_| name.name.clone());
        Self::Resource(ResourceName {
            kind,
            group: None,
            namespace: Some(name.namespace.clone()),
            name: name.name.clone(),
        })
    }
}

impl fmt::Display for Key {
    /// For people: `pool blue`, `block default/4/a00000`, `Deployment default/web`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scope(name) => write!(f, "scope {name}"),
            Self::Subnet(name) => write!(f, "subnet {name}"),
            Self::Pool(name) => write!(f, "pool {name}"),
            Self::Reservation(name) => write!(f, "reservation {name}"),
            Self::Plan(id) => write!(f, "plan {id}"),
            Self::Block(id) => write!(f, "{id}"),
            Self::Endpoint(name) => write!(f, "endpoint {name}"),
            Self::Resource(name) => write!(f, "{name}"),
        }
    }
}

/// Whether a listing of blocks wants all of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Room {
    /// All blocks.
    Any,
    /// Only those whose label says that they have room ([`crate::model::Block::has_room`]).
    Some,
}

/// Which documents. The label of an endpoint is its node, that of a block its room; a backend keeps an index (or
/// labels) for both, so that a filtered listing costs what it returns.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Selector {
    /// All of a kind.
    Kind(Kind),
    /// All of a kind in a namespace ([`Kind::Endpoint`] and [`Kind::Resource`]).
    InNamespace(Kind, Namespace),
    /// The endpoints whose `status.current.node` is this node.
    EndpointsOn(NodeName),
    /// The blocks of a scope and family with an index from `first` to `last`.
    Blocks {
        /// The scope.
        scope: ScopeName,
        /// The family.
        family: Family,
        /// The lowest index.
        #[serde(with = "crate::hex")]
        first: u128,
        /// The highest index.
        #[serde(with = "crate::hex")]
        last: u128,
        /// Which of them.
        room: Room,
    },
}

impl Selector {
    /// The kind of the documents that this selects.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Kind(kind) | Self::InNamespace(kind, _) => *kind,
            Self::EndpointsOn(_) => Kind::Endpoint,
            Self::Blocks { .. } => Kind::Block,
        }
    }

    /// Whether `document` under `key` is selected: the definition that every backend's index must agree with.
    #[must_use]
    pub fn matches(&self, key: &Key, document: &Document) -> bool {
        self.matches_facet(key, Facet::of(document))
    }

    /// The same of a document of which no more is known than what selectors ask.
    pub(super) fn matches_facet(&self, key: &Key, facet: Facet<'_>) -> bool {
        match (self, key, facet) {
            (Self::Kind(kind), ..) => key.kind() == *kind,
            (Self::InNamespace(Kind::Endpoint, namespace), Key::Endpoint(name), _) => {
                name.namespace == *namespace
            }
            (Self::InNamespace(Kind::Resource, namespace), Key::Resource(name), _) => {
                name.namespace.as_ref() == Some(namespace)
            }
            (Self::EndpointsOn(node), Key::Endpoint(_), Facet::Endpoint(of)) => of == node.as_str(),
            (Self::Blocks { scope, family, first, last, room }, Key::Block(id), Facet::Block { roomy }) => {
                id.scope == *scope
                    && id.family == *family
                    && (*first..=*last).contains(&id.index)
                    && (*room == Room::Any || roomy)
            }
            _ => false,
        }
    }
}

/// What selectors ask of a document besides its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Facet<'a> {
    /// A block: whether it has room.
    Block { roomy: bool },
    /// An endpoint: on which node.
    Endpoint(&'a str),
    /// Nothing.
    Other,
}

impl<'a> Facet<'a> {
    pub(super) fn of(document: &'a Document) -> Self {
        match document {
            Document::Block(block) => Self::Block { roomy: block.has_room() },
            Document::Endpoint(endpoint) => Self::Endpoint(&endpoint.status.current.node),
            _ => Self::Other,
        }
    }
}
