//! What people call a kind: plural, singular, short, or as manifests write it.

use spiderpool_core::{
    api::{GROUP, manifest::Object},
    name::{Namespace, NamespacedName, ObjectName},
    store::{Key, Kind, ResourceName},
};

use super::known;
use crate::failure::Failure;

/// A kind that was named.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum KindName {
    /// Spiderpool's own, or what it keeps for itself.
    Own(Kind),
    /// Any other; its name in lower case, in singular. Which kind that is, the stored objects say.
    Other(String),
}

/// Short names and irregular plurals of kinds that are not ours.
const SHORT: [(&str, &str); 12] = [
    ("po", "pod"),
    ("no", "node"),
    ("ns", "namespace"),
    ("deploy", "deployment"),
    ("sts", "statefulset"),
    ("ds", "daemonset"),
    ("rs", "replicaset"),
    ("cj", "cronjob"),
    ("cs", "cloneset"),
    ("net-attach-def", "networkattachmentdefinition"),
    ("nad", "networkattachmentdefinition"),
    ("svc", "service"),
];

impl KindName {
    /// Reads what was typed. A group after the name (`pods.v1`, `spiderippools.spiderpool.spidernet.io`) is left out.
    pub(crate) fn read(text: &str) -> Self {
        let lower = text.to_ascii_lowercase();
        let bare = lower.split_once('.').map_or(lower.as_str(), |(bare, _)| bare);
        let own = match bare {
            "sp" | "spiderippool" | "spiderippools" | "pool" | "pools" | "ippool" | "ippools" => Kind::Pool,
            "ss" | "spidersubnet" | "spidersubnets" | "subnet" | "subnets" => Kind::Subnet,
            "se" | "spiderendpoint" | "spiderendpoints" | "endpoint" | "endpoints" => Kind::Endpoint,
            "sr" | "spiderreservedip" | "spiderreservedips" | "reservedip" | "reservedips" => {
                Kind::Reservation
            }
            "block" | "blocks" => Kind::Block,
            "plan" | "plans" => Kind::Plan,
            "scope" | "scopes" => Kind::Scope,
            _ => {
                let full = SHORT.iter().find(|(short, _)| *short == bare).map(|(_, full)| *full);
                return Self::Other(
                    full.unwrap_or_else(|| bare.strip_suffix('s').unwrap_or(bare)).to_owned(),
                );
            }
        };
        Self::Own(own)
    }

    /// The stored kind that holds it.
    pub(crate) fn stored(&self) -> Kind {
        match self {
            Self::Own(kind) => *kind,
            Self::Other(_) => Kind::Resource,
        }
    }

    /// Checks that there is such a kind: one of ours, one that is often declared, or one that an object among `existing`
    /// is of. `typed` is how it was named.
    pub(crate) fn check<'k>(
        &self,
        typed: &str,
        existing: impl Iterator<Item = &'k Key>,
    ) -> Result<(), Failure> {
        let Self::Other(kind) = self else { return Ok(()) };
        if known::is_known(kind) {
            return Ok(());
        }
        let mut stored = Vec::new();
        for key in existing {
            let Key::Resource(name) = key else { continue };
            let lower = name.kind.as_str().to_ascii_lowercase();
            let singular = lower.strip_suffix('s').unwrap_or(&lower);
            if singular == kind {
                return Ok(());
            }
            stored.push(singular.to_owned());
        }
        Err(known::unknown(typed, stored.iter().map(String::as_str)))
    }

    /// Whether `object` is of this kind.
    pub(crate) fn is(&self, object: &Object) -> bool {
        match (self, object) {
            (Self::Other(name), Object::Resource(resource)) => {
                let kind = resource.kind.to_ascii_lowercase();
                kind == *name || kind.strip_suffix('s') == Some(name)
            }
            (Self::Other(_), _) => false,
            (Self::Own(kind), object) => object.key().is_ok_and(|key| key.kind() == *kind),
        }
    }

    /// The key of the object `name` of this kind, among the keys of objects of it that exist where that is needed.
    pub(crate) fn key<'k>(
        &self,
        namespace: &str,
        name: &str,
        mut existing: impl Iterator<Item = &'k Key>,
    ) -> Result<Key, Failure> {
        let wrong = |error: spiderpool_core::name::NameError| Failure::usage(error.to_string());
        let object = || ObjectName::new(name).map_err(wrong);
        Ok(match self {
            Self::Own(Kind::Pool) => Key::Pool(object()?),
            Self::Own(Kind::Subnet) => Key::Subnet(object()?),
            Self::Own(Kind::Reservation) => Key::Reservation(object()?),
            Self::Own(Kind::Endpoint) => {
                let namespace = Namespace::new(namespace).map_err(wrong)?;
                Key::Endpoint(NamespacedName { namespace, name: object()? })
            }
            Self::Own(kind) => {
                let found = existing.find(|key| key.kind() == *kind && internal_name(key) == name);
                found.cloned().ok_or_else(|| not_found(kind.name(), name))?
            }
            Self::Other(kind) => {
                let is = |own: &ResourceName| {
                    let lower = own.kind.as_str().to_ascii_lowercase();
                    let namespaced = own.namespace.as_ref().is_none_or(|own| own.as_str() == namespace);
                    own.name.as_str() == name
                        && namespaced
                        && (lower == *kind || lower.strip_suffix('s') == Some(kind))
                };
                let found = existing.find(|key| matches!(key, Key::Resource(own) if is(own)));
                found.cloned().ok_or_else(|| not_found(kind, name))?
            }
        })
    }
}

/// The name of a document that Spiderpool keeps for itself.
pub(crate) fn internal_name(key: &Key) -> String {
    match key {
        Key::Scope(name) => name.to_string(),
        Key::Plan(id) => id.to_string(),
        Key::Block(id) => format!("{}/{}/{:x}", id.scope, id.family.number(), id.index),
        key => key.to_string(),
    }
}

fn not_found(kind: &str, name: &str) -> Failure {
    Failure::not_found(format!("{kind} {name} does not exist"))
        .remedy(format!("spiderpoolctl get {kind} -A lists those that do"))
}

/// An object as kubectl refers to it: `spiderippool.spiderpool.spidernet.io/blue`, `pod/web-0`.
pub(crate) fn reference(object: &Object) -> String {
    let kind = object.kind().to_ascii_lowercase();
    let group = match object {
        Object::Resource(resource) => resource.api_version.split_once('/').map(|(group, _)| group.to_owned()),
        _ => Some(GROUP.to_owned()),
    };
    let name = &object.metadata().name;
    match group {
        Some(group) => format!("{kind}.{group}/{name}"),
        None => format!("{kind}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("sp", KindName::Own(Kind::Pool))]
    #[case("SpiderIPPool", KindName::Own(Kind::Pool))]
    #[case("spiderippools.spiderpool.spidernet.io", KindName::Own(Kind::Pool))]
    #[case("ss", KindName::Own(Kind::Subnet))]
    #[case("spiderendpoint", KindName::Own(Kind::Endpoint))]
    #[case("sr", KindName::Own(Kind::Reservation))]
    #[case("blocks", KindName::Own(Kind::Block))]
    #[case("po", KindName::Other("pod".into()))]
    #[case("pods", KindName::Other("pod".into()))]
    #[case("Pod", KindName::Other("pod".into()))]
    #[case("clonesets.apps.kruise.io", KindName::Other("cloneset".into()))]
    fn kinds_have_many_names(#[case] text: &str, #[case] kind: KindName) {
        assert_eq!(KindName::read(text), kind);
    }
}
