//! What a full pool of many blocks costs those who ask for an address of it: blocks read, by a store that counts them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use pollster::block_on;
use spiderpool_core::{
    alloc::{AddError, Allocator, AllocatorConfig, MemoryLog, Sharing},
    name::NodeName,
    protocol::PoolRef,
    store::{
        Capabilities, Document, Key, Listing, MemoryStore, Position, Selector, Store, StoreError, Token,
        Versioned, Watch,
    },
};

use super::{clock::Clockwork, world};

/// 125 blocks of 16.
const ADDRESSES: usize = 2_000;
const BLOCKS: usize = ADDRESSES / 16;

#[derive(Clone, Debug, Default)]
struct Counting {
    store: MemoryStore,
    blocks: Arc<AtomicUsize>,
}

impl Counting {
    fn count<'a>(&self, read: impl IntoIterator<Item = &'a Versioned>) {
        let blocks = read.into_iter().filter(|item| item.document.as_block().is_some()).count();
        self.blocks.fetch_add(blocks, Ordering::SeqCst);
    }

    /// How many blocks were read since the last call.
    fn taken(&self) -> usize {
        self.blocks.swap(0, Ordering::SeqCst)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for Counting {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        let found = self.store.get(key).await?;
        self.count(&found);
        Ok(found)
    }

    async fn list(&self, selector: &Selector) -> Result<Listing, StoreError> {
        let listing = self.store.list(selector).await?;
        self.count(&listing.items);
        Ok(listing)
    }

    async fn tokens(&self, selector: &Selector) -> Result<Vec<(Key, Token)>, StoreError> {
        self.store.tokens(selector).await
    }

    async fn create(&self, key: &Key, document: Document) -> Result<Token, StoreError> {
        self.store.create(key, document).await
    }

    async fn update(&self, key: &Key, token: &Token, document: Document) -> Result<Token, StoreError> {
        self.store.update(key, token, document).await
    }

    async fn delete(&self, key: &Key, token: &Token) -> Result<(), StoreError> {
        self.store.delete(key, token).await
    }

    async fn watch(&self, selector: &Selector, from: &Position) -> Result<Box<dyn Watch>, StoreError> {
        self.store.watch(selector, from).await
    }
}

struct Scene {
    counting: Counting,
    clock: Arc<Clockwork>,
    /// Which gave all addresses to pods 0 to 1,999.
    holder: Allocator,
    pool: Arc<PoolRef>,
}

impl Scene {
    fn agent(&self, node: &str) -> Allocator {
        let agent = agent(&self.counting, &self.clock, node);
        self.counting.taken();
        agent
    }

    /// How many blocks it takes to refuse another pod.
    fn refused(&self, agent: &Allocator) -> usize {
        let answer = block_on(world::add(agent, ADDRESSES, std::slice::from_ref(&self.pool)));
        assert!(matches!(answer, Err(AddError::Refused { .. })), "{answer:?}");
        // Longer than a refusal is believed.
        self.clock.pass(Duration::from_secs(2));
        self.counting.taken()
    }

    /// How many blocks it takes to serve `pod`.
    fn served(&self, agent: &Allocator, pod: usize) -> usize {
        block_on(world::add(agent, pod, std::slice::from_ref(&self.pool))).unwrap();
        self.counting.taken()
    }

    fn free(&self, pod: usize) {
        block_on(world::del(&self.holder, pod, &format!("container-{pod}"))).unwrap();
        self.counting.taken();
    }
}

fn agent(counting: &Counting, clock: &Arc<Clockwork>, node: &str) -> Allocator {
    let mut config = AllocatorConfig::new(NodeName::new(node).unwrap());
    config.sharing = Sharing::Shared;
    config.log = Some(Arc::new(MemoryLog::default()));
    block_on(Allocator::open(Arc::new(counting.clone()), clock.env(), config)).unwrap()
}

fn full() -> Scene {
    let (counting, clock) = (Counting::default(), Arc::new(Clockwork::default()));
    let holder = agent(&counting, &clock, "holder");
    let pool = block_on(world::apply(&holder, &world::pool("p", "10.0.0.0/16", &["10.0.0.0-10.0.7.207"])));
    for pod in 0..ADDRESSES {
        block_on(world::add(&holder, pod, std::slice::from_ref(&pool))).unwrap();
    }
    Scene { counting, clock, holder, pool }
}

#[test]
fn a_refusal_reads_what_has_changed() {
    let scene = full();
    let agent = scene.agent("n1");
    assert_eq!(scene.refused(&agent), BLOCKS, "it has seen none");
    assert_eq!(scene.refused(&agent), 0, "all are as they were");
    // Somebody leaves, and another one takes the place.
    scene.free(7);
    scene.served(&scene.holder, ADDRESSES + 1);
    assert_eq!(scene.refused(&agent), 1, "one has changed");
    assert_eq!(scene.refused(&agent), 0, "and was seen");
    scene.free(70);
    scene.free(700);
    assert!(scene.served(&agent, ADDRESSES + 2) <= 1, "where there is room says a label");
}

#[test]
fn an_agent_that_starts_reads_no_block_but_its_own() {
    let scene = full();
    scene.free(1_000);
    assert!(scene.served(&scene.agent("n1"), ADDRESSES) <= 1);
}
