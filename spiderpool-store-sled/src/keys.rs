//! Keys as bytes: the kind's name and the parts of the key, each ended by a NUL, which no name contains.
//!
//! A block's key is its scope and then 17 bytes, the family's number and the index, big-endian; a record of the block
//! stands under the block's key and one more byte, its offset. So a block and its records are neighbours.

use spiderpool_core::{
    addr::Family,
    model::BlockId,
    name::{Namespace, NamespacedName, ObjectName, ScopeName},
    store::{Key, Kind, ResourceName},
};

/// Where the database's own data stands.
pub(crate) const META: &[u8] = b"\0meta";

/// What a key of the database stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Meta,
    Document(Key),
    Record(BlockId, u8),
}

pub(crate) fn encode(key: &Key) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    let mut part = |text: &str| {
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
    };
    part(key.kind().name());
    match key {
        Key::Scope(name) => part(name.as_str()),
        Key::Subnet(name) | Key::Pool(name) | Key::Reservation(name) => part(name.as_str()),
        Key::Plan(id) => part(&id.to_string()),
        Key::Endpoint(name) => {
            part(name.namespace.as_str());
            part(name.name.as_str());
        }
        Key::Resource(name) => {
            part(name.kind.as_str());
            // No name is empty, so an empty part is none.
            part(name.group.as_ref().map_or("", ObjectName::as_str));
            part(name.namespace.as_ref().map_or("", Namespace::as_str));
            part(name.name.as_str());
        }
        Key::Block(id) => {
            part(id.scope.as_str());
            bytes.push(id.family.number());
            bytes.extend_from_slice(&id.index.to_be_bytes());
        }
    }
    bytes
}

/// The key of the record at `offset` of the block under `block`.
pub(crate) fn record(block: &[u8], offset: u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(block.len() + 1);
    bytes.extend_from_slice(block);
    bytes.push(offset);
    bytes
}

/// The document whose key `bytes` are.
pub(crate) fn document(bytes: &[u8]) -> Option<Key> {
    match decode(bytes) {
        Some(Place::Document(key)) => Some(key),
        _ => None,
    }
}

/// What `bytes` stand for; none if [`encode`] never writes them.
pub(crate) fn decode(bytes: &[u8]) -> Option<Place> {
    if bytes == META {
        return Some(Place::Meta);
    }
    let mut rest = bytes;
    let mut part = || {
        let end = rest.iter().position(|byte| *byte == 0)?;
        let text = std::str::from_utf8(&rest[..end]).ok()?;
        rest = &rest[end + 1..];
        Some(text)
    };
    let kind = part()?;
    let kind = Kind::ALL.into_iter().find(|known| known.name() == kind)?;
    let key = match kind {
        Kind::Scope => Key::Scope(part()?.parse().ok()?),
        Kind::Subnet => Key::Subnet(part()?.parse().ok()?),
        Kind::Pool => Key::Pool(part()?.parse().ok()?),
        Kind::Reservation => Key::Reservation(part()?.parse().ok()?),
        Kind::Plan => Key::Plan(part()?.parse().ok()?),
        Kind::Endpoint => {
            Key::Endpoint(NamespacedName { namespace: part()?.parse().ok()?, name: part()?.parse().ok()? })
        }
        Kind::Resource => {
            let kind = part()?.parse().ok()?;
            let group = Some(part()?).filter(|text| !text.is_empty()).map(str::parse).transpose().ok()?;
            let namespace = Some(part()?).filter(|text| !text.is_empty()).map(str::parse).transpose().ok()?;
            Key::Resource(ResourceName { kind, group, namespace, name: part()?.parse().ok()? })
        }
        Kind::Block => {
            let scope: ScopeName = part()?.parse().ok()?;
            let (family, rest) = rest.split_first()?;
            let family = Family::try_from(u64::from(*family)).ok()?;
            let (index, rest) = rest.split_at_checked(16)?;
            let index = u128::from_be_bytes(index.try_into().ok()?);
            let id = BlockId { scope, family, index };
            return match rest {
                [] => Some(Place::Document(Key::Block(id))),
                [offset] => Some(Place::Record(id, *offset)),
                _ => None,
            };
        }
    };
    rest.is_empty().then_some(Place::Document(key))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use spiderpool_core::model::PlanId;

    use super::*;

    fn name() -> impl Strategy<Value = String> {
        "[!-.0-~]{1,12}"
    }

    fn key() -> impl Strategy<Value = Key> {
        let object = || name().prop_map(|text| ObjectName::new(text).unwrap());
        let namespace = || name().prop_map(|text| Namespace::new(text).unwrap());
        let family = || prop_oneof![Just(Family::V4), Just(Family::V6)];
        let scope = || name().prop_map(|text| ScopeName::new(text).unwrap());
        prop_oneof![
            scope().prop_map(Key::Scope),
            object().prop_map(Key::Subnet),
            object().prop_map(Key::Pool),
            object().prop_map(Key::Reservation),
            name().prop_map(|text| Key::Plan(PlanId::Pool(text.parse().unwrap()))),
            (scope(), family()).prop_map(|(scope, family)| Key::Plan(PlanId::Reservations(scope, family))),
            (namespace(), object())
                .prop_map(|(namespace, name)| Key::Endpoint(NamespacedName { namespace, name })),
            (object(), prop::option::of(object()), prop::option::of(namespace()), object()).prop_map(
                |(kind, group, namespace, name)| Key::Resource(ResourceName { kind, group, namespace, name })
            ),
            (scope(), family(), prop_oneof![0..3u128, any::<u128>(), Just(u128::MAX)])
                .prop_map(|(scope, family, index)| Key::Block(BlockId { scope, family, index })),
        ]
    }

    proptest! {
        #[test]
        fn keys_come_back(key in key(), offset in 0..64u8) {
            let bytes = encode(&key);
            prop_assert_eq!(decode(&bytes), Some(Place::Document(key.clone())));
            if let Key::Block(id) = key {
                prop_assert_eq!(decode(&record(&bytes, offset)), Some(Place::Record(id, offset)));
            }
        }

        #[test]
        fn blocks_of_a_space_are_in_order(a in any::<u128>(), b in any::<u128>()) {
            let bytes = |index| {
                encode(&Key::Block(BlockId { scope: ScopeName::default_scope(), family: Family::V6, index }))
            };
            prop_assert_eq!(bytes(a).cmp(&bytes(b)), a.cmp(&b));
        }

        #[test]
        fn bytes_that_are_no_key_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some(Place::Document(key)) = decode(&bytes) {
                prop_assert_eq!(encode(&key), bytes);
            }
        }
    }
}
