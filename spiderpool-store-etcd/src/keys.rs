//! Keys as etcd keeps them, below the prefix, with `/` between their parts, which no name contains:
//!
//! ```text
//! scope/NAME    subnet/NAME    pool/NAME    reservation/NAME    plan/ID
//! block/SCOPE/4/INDEX          in 32 hexadecimal digits, so that a window of blocks is a range of keys
//! endpoint/NAMESPACE/NAME
//! resource/NAMESPACE/GROUP/KIND/NAME         the first two are empty for none
//! room/SCOPE/4/INDEX           empty; there if the block has room
//! on/NODE/NAMESPACE/NAME       empty; there if the endpoint is on the node
//! ```

use spiderpool_core::{
    addr::Family,
    model::BlockId,
    name::{Namespace, NamespacedName, NodeName, ObjectName, ScopeName},
    store::{Document, Key, Kind, ResourceName, Room, Selector},
};

/// How many hexadecimal digits an index has.
const DIGITS: usize = 32;

/// The keys of one prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    prefix: String,
}

/// From the first key to before the second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) first: Vec<u8>,
    pub(crate) end: Vec<u8>,
}

/// Where what a selector wants is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// All of these keys are documents that are wanted.
    Documents(Range),
    /// These keys are of an index; [`Keys::of_index`] gives the document of each.
    Index(Range),
}

impl Keys {
    /// The keys that begin with `prefix`, which ends with `/`.
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// The key of a document.
    pub(crate) fn encode(&self, key: &Key) -> Vec<u8> {
        let name = key.kind().name();
        let rest = match key {
            Key::Scope(scope) => scope.to_string(),
            Key::Subnet(object) | Key::Pool(object) | Key::Reservation(object) => object.to_string(),
            Key::Plan(id) => id.to_string(),
            Key::Block(id) => block(id),
            Key::Endpoint(object) => object.to_string(),
            Key::Resource(ResourceName { kind, group, namespace, name }) => {
                let group = group.as_ref().map_or("", ObjectName::as_str);
                let namespace = namespace.as_ref().map_or("", Namespace::as_str);
                format!("{namespace}/{group}/{kind}/{name}")
            }
        };
        format!("{}{name}/{rest}", self.prefix).into_bytes()
    }

    /// The document whose key `bytes` are; none if [`Keys::encode`] never writes them.
    pub(crate) fn decode(&self, bytes: &[u8]) -> Option<Key> {
        let text = std::str::from_utf8(bytes).ok()?.strip_prefix(&self.prefix)?;
        let (kind, rest) = text.split_once('/')?;
        let kind = Kind::ALL.into_iter().find(|known| known.name() == kind)?;
        Some(match kind {
            Kind::Scope => Key::Scope(rest.parse().ok()?),
            Kind::Subnet => Key::Subnet(rest.parse().ok()?),
            Kind::Pool => Key::Pool(rest.parse().ok()?),
            Kind::Reservation => Key::Reservation(rest.parse().ok()?),
            Kind::Plan => Key::Plan(rest.parse().ok()?),
            Kind::Block => Key::Block(parse_block(rest)?),
            Kind::Endpoint => Key::Endpoint(rest.parse().ok()?),
            Kind::Resource => {
                let mut parts = rest.split('/');
                let namespace = parts.next().filter(|part| !part.is_empty());
                let group = parts.next().filter(|part| !part.is_empty());
                let kind = parts.next()?.parse().ok()?;
                let name = parts.next()?.parse().ok()?;
                if parts.next().is_some() {
                    return None;
                }
                Key::Resource(ResourceName {
                    kind,
                    group: group.map(str::parse).transpose().ok()?,
                    namespace: namespace.map(str::parse).transpose().ok()?,
                    name,
                })
            }
        })
    }

    /// The key of the index entry that says that a block has room.
    pub(crate) fn room(&self, id: &BlockId) -> Vec<u8> {
        format!("{}room/{}", self.prefix, block(id)).into_bytes()
    }

    /// The key of the index entry that says that an endpoint is on its node; none if it is on none.
    pub(crate) fn on(&self, name: &NamespacedName, document: &Document) -> Option<Vec<u8>> {
        let Document::Endpoint(endpoint) = document else { return None };
        // A text that is no node's name is nothing that can be asked for.
        let node = NodeName::new(&endpoint.status.current.node).ok()?;
        Some(format!("{}on/{node}/{name}", self.prefix).into_bytes())
    }

    /// The document's key that an index entry stands for.
    pub(crate) fn of_index(&self, bytes: &[u8]) -> Option<Key> {
        let text = std::str::from_utf8(bytes).ok()?.strip_prefix(&self.prefix)?;
        match text.split_once('/')? {
            ("room", rest) => Some(Key::Block(parse_block(rest)?)),
            ("on", rest) => Some(Key::Endpoint(rest.split_once('/')?.1.parse().ok()?)),
            _ => None,
        }
    }

    /// Where what `selector` selects is found; none for what selects nothing.
    pub(crate) fn place(&self, selector: &Selector) -> Option<Place> {
        let name = selector.kind().name();
        match selector {
            Selector::EndpointsOn(node) => Some(Place::Index(self.below(&format!("on/{node}/")))),
            Selector::Blocks { room: Room::Some, .. } => self.window("room", selector).map(Place::Index),
            Selector::Kind(_) => Some(Place::Documents(self.below(&format!("{name}/")))),
            _ => self.documents(selector).map(Place::Documents),
        }
    }

    /// A range of documents with all that `selector` selects, and perhaps more; none for what selects nothing.
    pub(crate) fn documents(&self, selector: &Selector) -> Option<Range> {
        let name = selector.kind().name();
        match selector {
            Selector::Kind(_) | Selector::EndpointsOn(_) => Some(self.below(&format!("{name}/"))),
            Selector::InNamespace(Kind::Endpoint | Kind::Resource, namespace) => {
                Some(self.below(&format!("{name}/{namespace}/")))
            }
            Selector::InNamespace(..) => None,
            Selector::Blocks { .. } => self.window(name, selector),
        }
    }

    /// All keys, documents and indexes.
    pub(crate) fn all(&self) -> Range {
        self.below("")
    }

    fn window(&self, name: &str, selector: &Selector) -> Option<Range> {
        let Selector::Blocks { scope, family, first, last, .. } = selector else { return None };
        let at = |index| {
            let id = BlockId { scope: scope.clone(), family: *family, index };
            format!("{}{name}/{}", self.prefix, block(&id)).into_bytes()
        };
        let mut end = at(*last);
        end.push(0);
        (first <= last).then(|| Range { first: at(*first), end })
    }

    fn below(&self, path: &str) -> Range {
        let first = format!("{}{path}", self.prefix).into_bytes();
        let mut end = first.clone();
        // It ends with a slash.
        if let Some(byte) = end.last_mut() {
            *byte += 1;
        }
        Range { first, end }
    }
}

fn block(id: &BlockId) -> String {
    format!("{}/{}/{:0DIGITS$x}", id.scope, id.family.number(), id.index)
}

fn parse_block(text: &str) -> Option<BlockId> {
    let mut parts = text.split('/');
    let scope: ScopeName = parts.next()?.parse().ok()?;
    let family = Family::try_from(parts.next()?.parse::<u64>().ok()?).ok()?;
    let digits = parts.next()?;
    let index = u128::from_str_radix(digits, 16).ok()?;
    let id = BlockId { scope, family, index };
    // One block has one key: no signs, no capitals, nothing behind.
    (block(&id) == text).then_some(id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name() -> impl Strategy<Value = String> {
        "[!-.0-~]{1,12}"
    }

    fn family() -> impl Strategy<Value = Family> {
        prop_oneof![Just(Family::V4), Just(Family::V6)]
    }

    fn key() -> impl Strategy<Value = Key> {
        let object = || name().prop_map(|text| ObjectName::new(text).unwrap());
        let namespace = || name().prop_map(|text| Namespace::new(text).unwrap());
        let scope = || name().prop_map(|text| ScopeName::new(text).unwrap());
        prop_oneof![
            scope().prop_map(Key::Scope),
            object().prop_map(Key::Subnet),
            object().prop_map(Key::Pool),
            object().prop_map(Key::Reservation),
            name().prop_map(|uid| Key::Plan(format!("pool:{uid}").parse().unwrap())),
            (scope(), family(), any::<u128>()).prop_map(|(scope, family, index)| Key::Block(BlockId {
                scope,
                family,
                index
            })),
            (namespace(), object())
                .prop_map(|(namespace, name)| Key::Endpoint(NamespacedName { namespace, name })),
            (object(), prop::option::of(object()), prop::option::of(namespace()), object()).prop_map(
                |(kind, group, namespace, name)| Key::Resource(ResourceName { kind, group, namespace, name })
            ),
        ]
    }

    fn contains(range: &Range, key: &[u8]) -> bool {
        range.first.as_slice() <= key && key < range.end.as_slice()
    }

    proptest! {
        /// A key reads back as it was written, below its prefix only, and is never taken for one of another kind.
        #[test]
        fn keys_read_back(key in key()) {
            let keys = Keys::new("/lab/");
            let bytes = keys.encode(&key);
            prop_assert_eq!(keys.decode(&bytes), Some(key.clone()));
            prop_assert_eq!(Keys::new("/other/").decode(&bytes), None);
            prop_assert!(contains(&keys.all(), &bytes) && !contains(&Keys::new("/lab0/").all(), &bytes));
            for kind in Kind::ALL {
                let range = keys.documents(&Selector::Kind(kind)).unwrap();
                prop_assert_eq!(contains(&range, &bytes), kind == key.kind());
            }
        }

        /// A window of blocks is a range of keys, of documents and of the index alike.
        #[test]
        fn windows_are_ranges(
            indices in [any::<u128>(), any::<u128>(), any::<u128>()],
            window in family(),
            family in family(),
        ) {
            let keys = Keys::new("/lab/");
            let scope = ScopeName::default_scope();
            let [index, first, last] = indices;
            let selector = Selector::Blocks { scope: scope.clone(), family: window, first, last, room: Room::Some };
            let id = BlockId { scope, family, index };
            let inside = family == window && (first..=last).contains(&index);
            let found = |range: Option<Range>, key: Vec<u8>| range.is_some_and(|range| contains(&range, &key));
            prop_assert_eq!(found(keys.documents(&selector), keys.encode(&Key::Block(id.clone()))), inside);
            prop_assert_eq!(found(keys.window("room", &selector), keys.room(&id)), inside);
            prop_assert_eq!(keys.of_index(&keys.room(&id)), Some(Key::Block(id)));
        }

        /// No key makes the reader panic, and what it reads it would write.
        #[test]
        fn any_bytes_are_answered(text in "/lab/(scope|pool|plan|block|endpoint|resource|room|on)/\\PC{0,40}") {
            let keys = Keys::new("/lab/");
            if let Some(key) = keys.decode(text.as_bytes()) {
                prop_assert_eq!(keys.encode(&key), text.as_bytes());
            }
            let _ = keys.of_index(text.as_bytes());
        }
    }
}
