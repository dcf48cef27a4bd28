//! A store whose pods are another system's, as on Kubernetes: it gives them one by one, and does not list them.

use std::sync::Arc;

use async_trait::async_trait;
use pollster::block_on;
use spiderpool_core::{
    admin::Mode,
    model::Binding,
    name::{ContainerId, NodeName},
    store::{
        Capabilities, Document, Key, Kind, Listing, MemoryStore, Position, Selector, Store, StoreError,
        Token, Versioned, Watch,
    },
    sweep::{Declared, SandboxSeen, Sandboxes, Sources, StoreSources, SweepPolicy},
};

use super::{
    sweep::{pod, put},
    world::{add, apply, open, pool, still_env},
};

#[derive(Debug)]
struct Elsewhere(MemoryStore);

#[async_trait]
impl Store for Elsewhere {
    fn capabilities(&self) -> Capabilities {
        Capabilities { own_resources: false, ..self.0.capabilities() }
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        self.0.get(key).await
    }

    async fn list(&self, selector: &Selector) -> Result<Listing, StoreError> {
        match selector {
            Selector::Kind(Kind::Resource) => {
                Err(StoreError::Unsupported { what: "a listing of all objects of a cluster" })
            }
            _ => self.0.list(selector).await,
        }
    }

    async fn tokens(&self, selector: &Selector) -> Result<Vec<(Key, Token)>, StoreError> {
        self.0.tokens(selector).await
    }

    async fn create(&self, key: &Key, document: Document) -> Result<Token, StoreError> {
        self.0.create(key, document).await
    }

    async fn update(&self, key: &Key, token: &Token, document: Document) -> Result<Token, StoreError> {
        self.0.update(key, token, document).await
    }

    async fn delete(&self, key: &Key, token: &Token) -> Result<(), StoreError> {
        self.0.delete(key, token).await
    }

    async fn watch(&self, selector: &Selector, from: &Position) -> Result<Box<dyn Watch>, StoreError> {
        self.0.watch(selector, from).await
    }
}

/// All have ended.
#[derive(Debug)]
struct Ended;

#[async_trait]
impl Sandboxes for Ended {
    async fn sandbox(&self, _: &NodeName, _: &ContainerId) -> SandboxSeen {
        SandboxSeen::Gone
    }
}

#[test]
fn a_pod_that_is_not_there_is_gone_although_nobody_can_list_pods() {
    block_on(async {
        let (env, _) = still_env();
        let store: Arc<dyn Store> = Arc::new(Elsewhere(MemoryStore::new()));
        let allocator = open(store.clone(), &env, 3).await;
        let pool = apply(&allocator, &pool("p", "10.0.0.0/24", &["10.0.0.1-10.0.0.9"])).await;
        let mut held = Vec::new();
        for pod in 0..2 {
            let granted = add(&allocator, pod, 0, std::slice::from_ref(&pool), Binding::Stateless).await;
            held.push(granted.unwrap()[0].address);
        }
        put(store.as_ref(), pod(1, "uid-1", "Running")).await;
        let sources = StoreSources::new(store, env.clock.clone(), Arc::new(Ended), Declared::WhereAny);
        let sources: Arc<dyn Sources> = Arc::new(sources);
        let swept = allocator.sweep(&sources, &SweepPolicy::default(), Mode::Real).await.unwrap();
        let freed: Vec<_> = swept.freed().map(|judged| judged.address).collect();
        assert_eq!(freed, held[..1]);
    });
}
