//! Listings against their definition, after any sequence of writes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use spiderpool_core::{
    addr::Family,
    api::{Current, EndpointStatus, Resource, SpiderEndpoint, SpiderIPPool},
    model::{Block, BlockBits, BlockId, Copy, Plan, PlanId},
    name::{Namespace, NamespacedName, NodeName, ObjectName, ScopeName, Uid},
    store::{
        Document, Key, Kind, ResourceName, Room, Selector, Token, Versioned,
        local::{Before, Event, History, Revision, Table},
    },
};

fn names() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "a-b", "a.b", "ab", "b"])
}

fn families() -> impl Strategy<Value = Family> {
    prop::sample::select(vec![Family::V4, Family::V6])
}

fn block(id: &BlockId, full: bool) -> Block {
    let bits = BlockBits::new(1).unwrap();
    let mut block = Block::empty(id.clone(), bits);
    if full {
        // A pool that allows nothing here.
        let id = PlanId::Pool(Uid::new("u").unwrap());
        block.install(&Plan::empty(id, None, block.id().family, 1));
    }
    assert_eq!(block.copies().iter().any(|copy: &Copy| copy.usable == 0), full);
    block
}

/// A document of one of the kinds that have indexes of their own, or of one that has none.
fn documents() -> impl Strategy<Value = (Key, Document)> {
    let blocks = (names(), families(), 0..6u128, any::<bool>()).prop_map(|(scope, family, index, full)| {
        let id = BlockId { scope: ScopeName::new(scope).unwrap(), family, index };
        (Key::Block(id.clone()), block(&id, full).into())
    });
    let endpoints = (names(), names(), names()).prop_map(|(namespace, name, node)| {
        let name = NamespacedName {
            namespace: Namespace::new(namespace).unwrap(),
            name: ObjectName::new(name).unwrap(),
        };
        let current = Current { node: node.into(), ..Current::default() };
        let status = EndpointStatus { current, ..EndpointStatus::default() };
        (Key::Endpoint(name), SpiderEndpoint { status, ..SpiderEndpoint::default() }.into())
    });
    let resources = (names(), prop::option::of(names()), names()).prop_map(|(kind, namespace, name)| {
        let kind = ObjectName::new(kind).unwrap();
        let namespace = namespace.map(|text| Namespace::new(text).unwrap());
        let key = ResourceName { kind, group: None, namespace, name: ObjectName::new(name).unwrap() };
        (Key::Resource(key), Resource::default().into())
    });
    let pools =
        names().prop_map(|name| (Key::Pool(ObjectName::new(name).unwrap()), SpiderIPPool::default().into()));
    prop_oneof![4 => blocks, 3 => endpoints, 3 => resources, 1 => pools]
}

fn selectors() -> Vec<Selector> {
    let mut all: Vec<_> = Kind::ALL.into_iter().map(Selector::Kind).collect();
    for name in ["a", "a-b", "ab", "c"] {
        let namespace = Namespace::new(name).unwrap();
        all.extend(Kind::ALL.into_iter().map(|kind| Selector::InNamespace(kind, namespace.clone())));
        all.push(Selector::EndpointsOn(NodeName::new(name).unwrap()));
        for family in [Family::V4, Family::V6] {
            for (first, last) in [(0, u128::MAX), (1, 3), (3, 3), (4, 2)] {
                let scope = ScopeName::new(name).unwrap();
                all.push(Selector::Blocks { scope: scope.clone(), family, first, last, room: Room::Any });
                all.push(Selector::Blocks { scope, family, first, last, room: Room::Some });
            }
        }
    }
    all
}

proptest! {
    /// Every listing is what the selector's definition says, ascending; and every watch, applied to the listing at
    /// which it began, ends at the listing of now.
    #[test]
    fn listings_and_watches_agree_with_the_selector(
        steps in prop::collection::vec((documents(), prop::bool::weighted(0.7)), 1..80),
        begin in 0..80usize,
    ) {
        let mut table = Table::default();
        let mut model: BTreeMap<Key, Versioned> = BTreeMap::new();
        let mut history = History::new(Revision(0), 1000);
        let all = selectors();
        let mut begun: Option<(Revision, Vec<Vec<Versioned>>)> = None;
        for (n, ((key, document), put)) in steps.into_iter().enumerate() {
            if n == begin {
                begun = Some((history.latest(), all.iter().map(|selector| table.list(selector)).collect()));
            }
            let revision = Revision(n as u64 + 1);
            let after = put.then(|| Versioned { key: key.clone(), token: Token::new(n.to_string()), document });
            let before = match &after {
                Some(new) => table.put(new.clone()),
                None => table.remove(&key),
            };
            let expected = match &after {
                Some(new) => model.insert(key.clone(), new.clone()),
                None => model.remove(&key),
            };
            prop_assert_eq!(&before, &expected);
            let found = table.get(&key);
            prop_assert_eq!(found.as_ref(), model.get(&key));
            prop_assert_eq!(table.token(&key), model.get(&key).map(|found| &found.token));
            prop_assert_eq!(table.len(), model.len());
            if before.is_some() || after.is_some() {
                let before = before.as_ref().map(|old| Before::from(&old.document));
                history.push(Event { revision, key, before, after });
            }
        }
        for selector in &all {
            let matching = model.values().filter(|item| selector.matches(&item.key, &item.document));
            prop_assert_eq!(table.list(selector), matching.cloned().collect::<Vec<_>>(), "{:?}", selector);
        }
        let Some((from, listings)) = begun else { return Ok(()) };
        for (selector, listing) in all.iter().zip(listings) {
            let mut seen: BTreeMap<_, _> = listing.into_iter().map(|item| (item.key.clone(), item)).collect();
            let mut at = from;
            while let (Some(change), next) = history.after(at, selector).unwrap() {
                prop_assert!(next > at);
                at = next;
                match change {
                    spiderpool_core::store::Change::Put(item) => drop(seen.insert(item.key.clone(), item)),
                    spiderpool_core::store::Change::Deleted(key) => prop_assert!(seen.remove(&key).is_some()),
                }
            }
            prop_assert_eq!(seen.into_values().collect::<Vec<_>>(), table.list(selector), "{:?}", selector);
        }
    }
}
