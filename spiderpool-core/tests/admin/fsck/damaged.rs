//! Documents that cannot be read.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use pollster::block_on;
use spiderpool_core::{
    inspect::FindingKind,
    model::Binding,
    store::{
        Capabilities, Document, FaultPlan, FaultStore, Key, Kind, Listing, MemoryStore, Position, Selector,
        Store, StoreError, Token, Versioned, Watch,
    },
};

use crate::{
    scene::World,
    world::{add, apply, pool},
};

/// A store of which some documents cannot be read.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) inner: MemoryStore,
    pub(crate) bad: Vec<Key>,
}

impl Broken {
    fn check(&self, key: &Key) -> Result<(), StoreError> {
        match self.bad.contains(key) {
            true => {
                Err(StoreError::Damaged { what: key.to_string(), message: "its checksum is wrong".into() })
            }
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Store for Broken {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        self.check(key)?;
        self.inner.get(key).await
    }

    async fn list(&self, selector: &Selector) -> Result<Listing, StoreError> {
        let listing = self.inner.list(selector).await?;
        listing.items.iter().try_for_each(|item| self.check(&item.key))?;
        Ok(listing)
    }

    async fn tokens(&self, selector: &Selector) -> Result<Vec<(Key, Token)>, StoreError> {
        self.inner.tokens(selector).await
    }

    async fn create(&self, key: &Key, document: Document) -> Result<Token, StoreError> {
        self.inner.create(key, document).await
    }

    async fn update(&self, key: &Key, token: &Token, document: Document) -> Result<Token, StoreError> {
        self.inner.update(key, token, document).await
    }

    async fn delete(&self, key: &Key, token: &Token) -> Result<(), StoreError> {
        self.inner.delete(key, token).await
    }

    async fn watch(&self, selector: &Selector, from: &Position) -> Result<Box<dyn Watch>, StoreError> {
        self.inner.watch(selector, from).await
    }
}

#[test]
fn what_cannot_be_read_is_a_finding_and_hides_nothing_else() {
    block_on(async {
        let healthy = MemoryStore::new();
        let world = World::new(Arc::new(healthy.clone())).await;
        let b = apply(&world.allocator, &pool("v6", "fd00::/64", &["fd00::1-fd00::ff"])).await;
        add(&world.allocator, 5, 0, &[b], Binding::Stateless).await.unwrap();
        let stray = world.record(3, "gone", Binding::Stateless).await;
        world.plant_record("10.0.0.90", stray).await;
        let keys: Vec<Key> = {
            let mut keys = Vec::new();
            for kind in Kind::ALL {
                let listing = healthy.list(&Selector::Kind(kind)).await.unwrap();
                keys.extend(listing.items.into_iter().map(|item| item.key));
            }
            keys
        };
        for key in &keys {
            // With the scope's own document gone, the reader takes its word for the size.
            let broken = Broken { inner: healthy.clone(), bad: vec![key.clone()] };
            let mut inspect = world.allocator.inspect();
            inspect = inspect.with_store(Arc::new(broken));
            let findings = inspect.fsck().await.unwrap();
            let damaged: Vec<&str> = findings
                .iter()
                .filter(|finding| finding.kind == FindingKind::Damaged)
                .map(|finding| finding.object.as_str())
                .collect();
            assert_eq!(damaged, [key.to_string()]);
            let others = findings.iter().filter(|finding| finding.kind != FindingKind::Damaged);
            for other in others {
                assert_eq!(other.kind, FindingKind::UnknownPool, "{key} is damaged: {other}");
            }
            let unrelated = !matches!(key, Key::Pool(_) | Key::Block(_));
            assert!(!unrelated || findings.iter().any(|finding| finding.kind == FindingKind::UnknownPool));
        }
        // Two damaged blocks of both families, each found alone.
        let blocks: Vec<Key> = keys.iter().filter(|key| matches!(key, Key::Block(_))).cloned().collect();
        let bad = vec![blocks[0].clone(), blocks[blocks.len() - 1].clone()];
        let inspect = world
            .allocator
            .inspect()
            .with_store(Arc::new(Broken { inner: healthy.clone(), bad: bad.clone() }));
        let findings = inspect.fsck().await.unwrap();
        let found: BTreeSet<String> = findings.iter().map(|finding| finding.object.clone()).collect();
        assert!(bad.iter().all(|key| found.contains(&key.to_string())), "{findings:#?}");
        // A store that does not answer is no finding.
        let away = FaultStore::new(healthy, FaultPlan::default());
        away.fail_read(3);
        world.allocator.inspect().with_store(Arc::new(away)).fsck().await.unwrap_err();
    });
}
