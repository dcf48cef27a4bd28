//! Which object a key names, and back.

use spiderpool_core::{
    addr::Family,
    model::{BlockId, PlanId},
    name::{Namespace, NamespacedName, ObjectName, ScopeName, Uid},
    store::{Key, Kind},
};

use crate::names::CustomResource;

/// What the names of plans of reservations begin with. No uid of a pool does.
const RESERVATIONS: &str = "reservations.";

/// An object on the API server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) resource: CustomResource,
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
}

impl Place {
    /// The object of `key`; none if no object can have such a name, or the key is of a kind that is not kept here.
    pub(crate) fn of(key: &Key) -> Option<Self> {
        let resource = CustomResource::of(key.kind())?;
        let (namespace, name) = match key {
            Key::Scope(name) => (None, name.to_string()),
            Key::Subnet(name) | Key::Pool(name) | Key::Reservation(name) => (None, name.to_string()),
            Key::Plan(PlanId::Pool(uid)) if uid.as_str().starts_with(RESERVATIONS) => return None,
            Key::Plan(PlanId::Pool(uid)) => (None, uid.to_string()),
            Key::Plan(PlanId::Reservations(scope, family)) => {
                (None, format!("{RESERVATIONS}v{}.{scope}", family.number()))
            }
            Key::Block(BlockId { scope, family, index }) => (None, block_name(scope, *family, *index)?),
            Key::Endpoint(name) => (Some(name.namespace.to_string()), name.name.to_string()),
            Key::Resource(_) => return None,
        };
        let right = is_subdomain(&name) && namespace.as_deref().is_none_or(is_label);
        right.then_some(Self { resource, namespace, name })
    }

    /// The path of the objects beside it.
    pub(crate) fn collection(&self) -> String {
        self.resource.path(self.namespace.as_deref())
    }

    /// Its own path.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}", self.collection(), self.name)
    }
}

/// The key of an object of `kind` with this name; none if [`Place::of`] gives it to no key.
pub(crate) fn key_of(kind: Kind, namespace: Option<&str>, name: &str) -> Option<Key> {
    let object = || ObjectName::new(name).ok();
    let key = match kind {
        Kind::Scope => Key::Scope(ScopeName::new(name).ok()?),
        Kind::Subnet => Key::Subnet(object()?),
        Kind::Pool => Key::Pool(object()?),
        Kind::Reservation => Key::Reservation(object()?),
        Kind::Plan => Key::Plan(match name.strip_prefix(RESERVATIONS) {
            None => PlanId::Pool(Uid::new(name).ok()?),
            Some(rest) => {
                let (family, scope) = rest.split_once('.')?;
                PlanId::Reservations(ScopeName::new(scope).ok()?, family_of(family)?)
            }
        }),
        Kind::Block => {
            let (rest, index) = name.rsplit_once('.')?;
            let (scope, family) = rest.rsplit_once('.')?;
            let index = u128::from_str_radix(index, 16).ok()?;
            Key::Block(BlockId { scope: ScopeName::new(scope).ok()?, family: family_of(family)?, index })
        }
        Kind::Endpoint => {
            Key::Endpoint(NamespacedName { namespace: Namespace::new(namespace?).ok()?, name: object()? })
        }
        Kind::Resource => return None,
    };
    // One name per key: `default.v4.1` is not block 1, `default.v4.00000001` is.
    let place = Place::of(&key)?;
    (place.name == name && place.namespace.as_deref() == namespace).then_some(key)
}

/// `default.v4.00a06000`: in the order of addresses, also for `kubectl get`.
fn block_name(scope: &ScopeName, family: Family, index: u128) -> Option<String> {
    match family {
        Family::V4 => Some(format!("{scope}.v4.{:08x}", u32::try_from(index).ok()?)),
        Family::V6 => Some(format!("{scope}.v6.{index:032x}")),
    }
}

fn family_of(text: &str) -> Option<Family> {
    match text {
        "v4" => Some(Family::V4),
        "v6" => Some(Family::V6),
        _ => None,
    }
}

/// Whether `text` is a label of RFC 1123: the name of a namespace.
pub(crate) fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    bytes.len() <= 63
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
        && edge(bytes.first())
        && edge(bytes.last())
}

/// Whether `text` is a subdomain of RFC 1123 as Kubernetes takes it: its parts may be longer than 63 bytes.
pub(crate) fn is_subdomain(text: &str) -> bool {
    let edge =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    text.len() <= 253
        && text.split('.').all(|part| {
            let bytes = part.as_bytes();
            bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
                && edge(bytes.first())
                && edge(bytes.last())
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> impl Strategy<Value = Key> {
        let name = || "[a-z0-9]([-a-z0-9.]{0,10}[a-z0-9])?";
        let object = || name().prop_map(|text| ObjectName::new(text).unwrap());
        let scope = || name().prop_map(|text| ScopeName::new(text).unwrap());
        let family = || prop_oneof![Just(Family::V4), Just(Family::V6)];
        prop_oneof![
            scope().prop_map(Key::Scope),
            object().prop_map(Key::Pool),
            object().prop_map(Key::Subnet),
            object().prop_map(Key::Reservation),
            name().prop_map(|text| Key::Plan(PlanId::Pool(Uid::new(text).unwrap()))),
            (scope(), family()).prop_map(|(scope, family)| Key::Plan(PlanId::Reservations(scope, family))),
            (scope(), family(), prop_oneof![0..3u128, any::<u128>(), Just(u128::MAX)])
                .prop_map(|(scope, family, index)| Key::Block(BlockId { scope, family, index })),
            ("[a-z]{1,5}", object()).prop_map(|(namespace, name)| {
                Key::Endpoint(NamespacedName { namespace: Namespace::new(namespace).unwrap(), name })
            }),
        ]
    }

    proptest! {
        #[test]
        fn keys_come_back(key in key()) {
            if let Some(place) = Place::of(&key) {
                prop_assert_eq!(key_of(key.kind(), place.namespace.as_deref(), &place.name), Some(key));
            }
        }

        #[test]
        fn names_of_no_key_are_refused(name in "[-a-z0-9.]{1,40}") {
            for kind in Kind::ALL {
                if let Some(key) = key_of(kind, None, &name) {
                    prop_assert_eq!(Place::of(&key).map(|place| place.name), Some(name.clone()));
                }
            }
        }
    }

    #[test]
    fn names_are_those_that_people_see() {
        let scope = ScopeName::default_scope();
        let block = Key::Block(BlockId { scope: scope.clone(), family: Family::V4, index: 0xa0_6000 });
        let plan = Key::Plan(PlanId::Reservations(scope, Family::V6));
        let names = [block, plan].map(|key| Place::of(&key).unwrap().path());
        assert_eq!(
            names,
            [
                "/apis/spiderpool.spidernet.io/v2beta1/spideripblocks/default.v4.00a06000",
                "/apis/spiderpool.spidernet.io/v2beta1/spideripplans/reservations.v6.default",
            ]
        );
    }

    /// A path is put together from names: none may lead elsewhere.
    #[test]
    fn names_that_kubernetes_does_not_take_are_no_place() {
        for name in ["A", "a/b", "..", ".", "a?b", "a#b", "a%2fb", "-a", "a-", "a..b", ""] {
            if let Ok(name) = ObjectName::new(name) {
                assert_eq!(Place::of(&Key::Pool(name)), None);
            }
        }
    }
}
