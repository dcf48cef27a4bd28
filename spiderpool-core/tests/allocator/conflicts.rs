//! Somebody else is faster, and that is counted.

use std::sync::Arc;

use spiderpool_core::{
    alloc::{Allocator, AllocatorConfig, Sharing},
    env::Env,
    name::NodeName,
    store::{MemoryStore, Store},
};

use crate::world::{add, apply, del, pool, reference};

#[test]
fn a_write_that_has_to_be_repeated_counts_once_for_what_it_was() {
    pollster::block_on(async {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let open = async |node: &str| {
            let mut config = AllocatorConfig::new(NodeName::new(node).unwrap());
            config.sharing = Sharing::Shared;
            Allocator::open(store.clone(), Env::system(), config).await.unwrap()
        };
        let (a, b) = (open("a").await, open("b").await);
        apply(&a, &pool("p", "10.0.0.0/24", &["10.0.0.1-10.0.0.9"])).await;
        let (own, other) = ([reference(&a, "p").await], [reference(&b, "p").await]);
        // Each believes what it saw of the block last.
        add(&a, 1, &own).await.unwrap();
        let first = a.conflicts();
        assert_eq!((first.grants, first.releases, first.merged.sum), (0, 0, 1));
        add(&b, 2, &other).await.unwrap();
        add(&a, 3, &own).await.unwrap();
        let after = a.conflicts();
        assert_eq!((after.grants, after.releases), (1, 0));
        // The second write, of one operation, was done at the second try.
        assert_eq!((after.merged.counts[1], after.merged.sum), (2, 2));
        assert_eq!((after.repeats.counts[..2].to_vec(), after.repeats.sum), (vec![1, 1], 1));
        add(&a, 4, &own).await.unwrap();
        assert_eq!(a.conflicts().grants, 1, "nobody was in the way");
        let before = b.conflicts();
        del(&b, 2, "container-2").await.unwrap();
        let after = b.conflicts();
        assert_eq!((after.grants, after.releases), (before.grants, before.releases + 1));
    });
}
