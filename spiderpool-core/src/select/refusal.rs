//! Why a pool may not be tried.

use std::{fmt, sync::Arc};

use crate::{
    addr::{Address, Family},
    api::Violations,
    model::{Pattern, Pool},
    name::{Namespace, NamespacedName, NodeName, ObjectName, Uid},
};

/// Why a pool may not be tried, displayed as the end of a sentence about it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no pool of this name.
    Missing,
    /// There is an object of this name that is not a pool.
    Malformed(Arc<Violations>),
    /// No pool of this family matches the pattern.
    NoMatch(Family),
    /// The pool is being deleted.
    Terminating,
    /// The pool is disabled.
    Disabled,
    /// The pool is of the other family.
    Family {
        /// The family asked for.
        wanted: Family,
    },
    /// The pool is for other nodes.
    Node(NodeName),
    /// The pool is for other namespaces; none: the pod's is not known.
    Namespace(Option<Namespace>),
    /// The pool is for other pods; none: no pod is known.
    Pod(Option<NamespacedName>),
    /// An auto pool of another application.
    Application(Option<NamespacedName>),
    /// An auto pool of an earlier application of the same name.
    EarlierApplication(Uid),
    /// The pool is for other network attachments; none: the interface's is not known.
    Attachment(Option<NamespacedName>),
    /// The master interface has no address in the pool's network.
    MasterSubnet(Vec<Address>),
    /// The pool has not got the address that is asked for.
    NotInPool {
        /// The address.
        address: Address,
    },
}

/// What was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Subject {
    Pool(Arc<Pool>),
    Name(ObjectName),
    Pattern(Pattern),
}

/// A pool that may not be tried. Displayed as a sentence: `pool "blue" is disabled (spec.disable)`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    subject: Subject,
    /// Why.
    pub reason: Refusal,
}

impl Refused {
    pub(super) fn of(pool: Arc<Pool>, reason: Refusal) -> Self {
        Self { subject: Subject::Pool(pool), reason }
    }

    pub(super) fn named(name: ObjectName, reason: Refusal) -> Self {
        Self { subject: Subject::Name(name), reason }
    }

    pub(super) fn pattern(pattern: Pattern, family: Family) -> Self {
        Self { subject: Subject::Pattern(pattern), reason: Refusal::NoMatch(family) }
    }

    /// The name of the pool, or the pattern.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.subject {
            Subject::Pool(pool) => pool.name.as_str(),
            Subject::Name(name) => name.as_str(),
            Subject::Pattern(pattern) => pattern.as_str(),
        }
    }

    /// Whether whoever named it should hear of it even if other pools are left.
    pub(super) fn is_probably_a_mistake(&self) -> bool {
        matches!(
            self.reason,
            Refusal::Missing | Refusal::Malformed(_) | Refusal::NoMatch(_) | Refusal::Family { .. }
        )
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Subject::Pattern(pattern) => write!(f, "pattern \"{pattern}\" {}", self.reason),
            Subject::Name(name) => write!(f, "pool \"{name}\" {}", self.reason),
            Subject::Pool(pool) => {
                write!(f, "pool \"{}\" {}", pool.name, self.reason)?;
                self.reason.write_details(pool, f)
            }
        }
    }
}

impl Refusal {
    /// What the pool has instead.
    fn write_details(&self, pool: &Pool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |field: &str, names: &[&dyn fmt::Display]| {
            let names: Vec<_> = names.iter().map(ToString::to_string).collect();
            format!(" (spec.{field}: {})", names.join(", "))
        };
        fn displays<T: fmt::Display>(items: &[T]) -> Vec<&dyn fmt::Display> {
            items.iter().map(|item| item as &dyn fmt::Display).collect()
        }
        match self {
            Self::Node(_) if pool.node_names.is_empty() => f.write_str(" (spec.nodeAffinity)"),
            Self::Node(_) => f.write_str(&names("nodeName", &displays(&pool.node_names))),
            Self::Namespace(_) if pool.namespace_names.is_empty() => f.write_str(" (spec.namespaceAffinity)"),
            Self::Namespace(_) => f.write_str(&names("namespaceName", &displays(&pool.namespace_names))),
            Self::Attachment(_) => f.write_str(&names("multusName", &displays(&pool.multus_names))),
            Self::Application(_) => match &pool.auto {
                Some(auto) => write!(f, " (it was made for {})", auto.application),
                None => Ok(()),
            },
            Self::MasterSubnet(_) => write!(f, " (spec.subnet: {})", pool.subnet),
            Self::NotInPool { address } if pool.gateway == Some(*address) => {
                f.write_str(": it is its gateway")
            }
            Self::NotInPool { address } if pool.excluded.contains(*address) => {
                f.write_str(": it is excluded (spec.excludeIPs)")
            }
            _ => Ok(()),
        }
    }
}

/// `Some` displayed, or `other`.
fn or(name: Option<&dyn fmt::Display>, other: &str) -> String {
    name.map_or_else(|| other.to_owned(), ToString::to_string)
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("does not exist"),
            Self::Malformed(violations) => {
                let first = violations.iter().next().map(ToString::to_string).unwrap_or_default();
                write!(f, "is not a valid pool: {first}")
            }
            Self::NoMatch(family) => write!(f, "matches no {family} pool"),
            Self::Terminating => f.write_str("is being deleted"),
            Self::Disabled => f.write_str("is disabled (spec.disable)"),
            Self::Family { wanted } => write!(f, "is not an {wanted} pool, but named as one"),
            Self::Node(node) => write!(f, "is not for node {node}"),
            Self::Namespace(Some(namespace)) => write!(f, "is not for namespace {namespace}"),
            Self::Namespace(None) => f.write_str("is for some namespaces only, and the pod's is not known"),
            Self::Pod(Some(pod)) => write!(f, "is not for pods with the labels of {pod} (spec.podAffinity)"),
            Self::Pod(None) => f.write_str("is for some pods only, and no pod is known (spec.podAffinity)"),
            Self::Application(pod) => {
                let pod = or(pod.as_ref().map(|pod| pod as _), "this sandbox");
                write!(f, "is not for the application of {pod}")
            }
            Self::EarlierApplication(uid) => {
                write!(f, "was made for an earlier application of this name (uid {uid}) and goes with it")
            }
            Self::Attachment(Some(network)) => {
                write!(f, "is not for interfaces attached through {network}")
            }
            Self::Attachment(None) => f.write_str(
                "is for some network attachments only, and that of this interface is not known: annotate the pod \
                 with v1.multus-cni.io/default-network or k8s.v1.cni.cncf.io/networks",
            ),
            Self::MasterSubnet(addresses) if addresses.is_empty() => {
                f.write_str("has to match the master interface, which has no known address")
            }
            Self::MasterSubnet(addresses) => {
                let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                write!(f, "has none of the master interface's addresses {} in its network", addresses.join(", "))
            }
            Self::NotInPool { address } => write!(f, "cannot grant the requested {address}"),
        }
    }
}
