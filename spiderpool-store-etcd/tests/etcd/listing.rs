//! Listings of more than one page.

use std::collections::BTreeMap;

use spiderpool_core::{
    addr::Family,
    name::ScopeName,
    store::{Key, Room, Selector, Store},
};

use crate::world::{block, config, connect, etcd, runtime};

#[test]
fn a_long_listing_is_whole_and_its_index_agrees() {
    let Some(etcd) = etcd("long listings", 1) else { return };
    let config = config(&etcd);
    runtime().block_on(async {
        let store = connect(&config).await;
        let count = 1201_u128;
        let mut tasks = tokio::task::JoinSet::new();
        for part in 0..8 {
            let store = store.clone();
            tasks.spawn(async move {
                for index in (0..count).filter(|index| index % 8 == part) {
                    let block = block(index, index % 3 == 0);
                    store.create(&Key::Block(block.id().clone()), block.into()).await.unwrap();
                }
            });
        }
        tasks.join_all().await;
        let window = |first, last, room| Selector::Blocks {
            scope: ScopeName::default_scope(),
            family: Family::V4,
            first,
            last,
            room,
        };
        let indices = async |selector: Selector| {
            let listing = store.list(&selector).await.unwrap();
            let index = |key: &Key| match key {
                Key::Block(id) => id.index,
                other => panic!("{other}"),
            };
            listing.items.iter().map(|item| index(&item.key)).collect::<Vec<_>>()
        };
        assert_eq!(indices(window(0, u128::MAX, Room::Any)).await, (0..count).collect::<Vec<_>>());
        assert_eq!(indices(window(17, 1000, Room::Any)).await, (17..=1000).collect::<Vec<_>>());
        let with_room =
            |range: std::ops::Range<u128>| range.filter(|index| index % 3 == 0).collect::<Vec<_>>();
        assert_eq!(indices(window(0, u128::MAX, Room::Some)).await, with_room(0..count));
        assert_eq!(indices(window(17, 1000, Room::Some)).await, with_room(17..1001));

        // Filling and emptying them moves the index with the blocks.
        let blocks = store.list(&window(0, u128::MAX, Room::Any)).await.unwrap().items;
        let mut now = BTreeMap::new();
        for (number, item) in blocks.into_iter().enumerate().filter(|(number, _)| number % 10 == 0) {
            let Key::Block(id) = &item.key else { panic!("{item:?}") };
            let has_room = number % 20 == 0;
            store.update(&item.key, &item.token, block(id.index, has_room).into()).await.unwrap();
            now.insert(id.index, has_room);
        }
        let wanted: Vec<u128> =
            (0..count).filter(|index| now.get(index).copied().unwrap_or(index % 3 == 0)).collect();
        assert_eq!(indices(window(0, u128::MAX, Room::Some)).await, wanted);
    });
}
