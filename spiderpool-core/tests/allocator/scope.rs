//! A scope whose own document is lost.

use std::sync::Arc;

use spiderpool_core::{
    alloc::{Allocator, AllocatorConfig, OpenError},
    env::Env,
    model::{BlockBits, FORMAT, Scope},
    name::{NodeName, ScopeName},
    store::{Key, MemoryStore, Store},
};

use crate::world::{add, apply, pool, reference};

async fn open(store: &Arc<dyn Store>, bits: u8) -> Result<Allocator, OpenError> {
    let mut config = AllocatorConfig::new(NodeName::new("n").unwrap());
    config.block_bits = Some(BlockBits::new(bits).unwrap());
    Allocator::open(store.clone(), Env::system(), config).await
}

async fn lose(store: &Arc<dyn Store>) {
    let key = Key::Scope(ScopeName::default_scope());
    let found = store.get(&key).await.unwrap().unwrap();
    store.delete(&key, &found.token).await.unwrap();
}

#[test]
fn a_lost_scope_has_the_size_of_its_blocks_and_is_never_guessed() {
    pollster::block_on(async {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let allocator = open(&store, 2).await.unwrap();
        let own = apply(&allocator, &pool("p", "10.0.0.0/24", &["10.0.0.1-10.0.0.9"])).await;
        let mut held = Vec::new();
        for pod in 0..4 {
            held.push(add(&allocator, pod, std::slice::from_ref(&own)).await.unwrap()[0].address);
        }
        drop(allocator);
        lose(&store).await;
        // Whatever size is asked for: the blocks are there.
        let allocator = open(&store, 4).await.unwrap();
        assert_eq!(allocator.block_bits().get(), 2);
        let own = reference(&allocator, "p").await;
        for (pod, address) in held.iter().enumerate() {
            assert_eq!(add(&allocator, pod, std::slice::from_ref(&own)).await.unwrap()[0].address, *address);
        }
        for pod in 4..9 {
            let address = add(&allocator, pod, std::slice::from_ref(&own)).await.unwrap()[0].address;
            assert!(!held.contains(&address), "{address} twice");
            held.push(address);
        }
        drop(allocator);

        // Blocks of two sizes: one of them is wrong, and which one is for a person to say.
        lose(&store).await;
        let (key, bits) = (Key::Scope(ScopeName::default_scope()), BlockBits::new(4).unwrap());
        let scope = Scope { name: ScopeName::default_scope(), block_bits: bits, format: FORMAT };
        store.create(&key, scope.into()).await.unwrap();
        let allocator = open(&store, 4).await.unwrap();
        let other = apply(&allocator, &pool("q", "10.9.0.0/24", &["10.9.0.1"])).await;
        add(&allocator, 99, &[other]).await.unwrap();
        drop(allocator);
        lose(&store).await;
        let error = open(&store, 4).await.unwrap_err();
        assert!(matches!(error, OpenError::ScopeLost { .. }), "{error}");
        let words = error.to_string();
        assert!(
            words.contains("they have 4 and 16 addresses") && words.contains("spiderpoolctl export"),
            "{words}"
        );
        assert!(store.get(&key).await.unwrap().is_none(), "nothing was changed");
    });
}
