//! Creators that are held up between their claim and their pool (rule 5e).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::Mutex;
use pollster::block_on;
use rstest::rstest;
use spiderpool_core::{
    admin::Mode,
    model::Subnet,
    store::{
        Capabilities, Document, Fault, FaultPlan, FaultStore, Key, Listing, MemoryStore, Position, Selector,
        Store, StoreError, StoreExt, Token, Versioned, Watch,
    },
};

use super::{
    scene::CIDR,
    world::{apply, open, pool, record, still_env, stored_subnet, subnet},
};

/// A store in which something happens before a pool is created, or after a Subnet is changed.
#[derive(Debug)]
struct Delayed {
    inner: MemoryStore,
    pool: &'static str,
    before_pool: Mutex<Option<Happening>>,
    after_subnet: Mutex<Option<Happening>>,
}

impl Delayed {
    fn new(inner: MemoryStore, pool: &'static str) -> Self {
        Self { inner, pool, before_pool: Mutex::default(), after_subnet: Mutex::default() }
    }
}

struct Happening(Box<dyn FnMut() + Send>);

impl std::fmt::Debug for Happening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("something")
    }
}

#[async_trait]
impl Store for Delayed {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        self.inner.get(key).await
    }

    async fn list(&self, selector: &Selector) -> Result<Listing, StoreError> {
        self.inner.list(selector).await
    }

    async fn tokens(&self, selector: &Selector) -> Result<Vec<(Key, Token)>, StoreError> {
        self.inner.tokens(selector).await
    }

    async fn create(&self, key: &Key, document: Document) -> Result<Token, StoreError> {
        if *key == Key::Pool(self.pool.parse().unwrap()) {
            self.before_pool.lock().iter_mut().for_each(|Happening(happen)| happen());
        }
        self.inner.create(key, document).await
    }

    async fn update(&self, key: &Key, token: &Token, document: Document) -> Result<Token, StoreError> {
        let written = self.inner.update(key, token, document).await?;
        if let Key::Subnet(_) = key {
            self.after_subnet.lock().iter_mut().for_each(|Happening(happen)| happen());
        }
        Ok(written)
    }

    async fn delete(&self, key: &Key, token: &Token) -> Result<(), StoreError> {
        self.inner.delete(key, token).await
    }

    async fn watch(&self, selector: &Selector, from: &Position) -> Result<Box<dyn Watch>, StoreError> {
        self.inner.watch(selector, from).await
    }
}

/// A creation that takes longer than its claim stands, while another pool gets some of its addresses: its creator
/// looks at the record once more, and takes the pool back. The other one stays.
#[rstest]
#[case::in_the_record(true)]
#[case::in_the_record_and_done(false)]
fn a_creation_that_lost_its_claim_is_taken_back(#[case] others_creator_dies: bool) {
    block_on(async {
        let (env, hands) = still_env();
        let inner = MemoryStore::new();
        let faulty = Arc::new(FaultStore::new(inner.clone(), FaultPlan::default()));
        let other = open(faulty.clone(), &env, 4).await;
        other.apply_subnet(&subnet("home", CIDR, &["10.0.0.1-10.0.0.99"]), Mode::Real).await.unwrap();
        let winner = other.clone();
        let mut done = false;
        let meanwhile = move || {
            if std::mem::replace(&mut done, true) {
                return;
            }
            hands.advance(Duration::from_secs(60));
            if others_creator_dies {
                // After the pool is there: its claim still stands in the record.
                faulty.fail_write(3, Fault::Before);
            }
            let made = block_on(winner.apply_pool(&pool("other", CIDR, &["10.0.0.9-10.0.0.12"]), Mode::Real));
            assert_eq!(made.is_err(), others_creator_dies);
        };
        let delayed = Delayed::new(inner, "slow");
        *delayed.before_pool.lock() = Some(Happening(Box::new(meanwhile)));
        let slow = open(Arc::new(delayed), &env, 4).await;
        let wanted = pool("slow", CIDR, &["10.0.0.1-10.0.0.9"]);
        let text = slow.apply_pool(&wanted, Mode::Real).await.unwrap_err().to_string();
        assert!(text.contains("10.0.0.9 of pool other"), "{text}");
        assert!(slow.store().pool(&"slow".parse().unwrap()).await.unwrap().is_none());
        other.tend().await.unwrap();
        assert_eq!(
            record(&other, "home").await,
            BTreeMap::from([("other".into(), "10.0.0.9-10.0.0.12".into())])
        );
        assert_eq!(other.inspect().fsck().await.unwrap(), []);
    });
}

/// A creator that was held up after its claim claims once more: a creation is sent only while its claim is young.
#[test]
fn a_creation_is_sent_only_on_a_young_claim() {
    block_on(async {
        let (env, hands) = still_env();
        let inner = MemoryStore::new();
        let plain = open(Arc::new(inner.clone()), &env, 4).await;
        plain.apply_subnet(&subnet("home", CIDR, &["10.0.0.1-10.0.0.99"]), Mode::Real).await.unwrap();
        let delayed = Delayed::new(inner, "slow");
        let (clock, mut delays) = (hands.clone(), [45u64, 31, 1, 29].into_iter());
        *delayed.after_subnet.lock() = Some(Happening(Box::new(move || {
            delays.next().into_iter().for_each(|seconds| clock.advance(Duration::from_secs(seconds)));
        })));
        let sent = Arc::new(Mutex::new(Vec::new()));
        let (ages, clock) = (sent.clone(), env.clock.clone());
        *delayed.before_pool.lock() = Some(Happening(Box::new(move || {
            let home = Subnet::try_from(&block_on(stored_subnet(&plain, "home"))).unwrap();
            let claims = home.controlled.values().flat_map(|entry| &entry.pending);
            ages.lock().extend(claims.map(|claim| clock.now().since(claim.since).as_secs()));
        })));
        let slow = open(Arc::new(delayed), &env, 4).await;
        apply(&slow, &pool("slow", CIDR, &["10.0.0.1-10.0.0.9"])).await;
        // Claimed and given back twice, then sent.
        let ages = sent.lock().clone();
        assert!(ages.len() == 1 && ages[0] < 30, "{ages:?}");
        assert_eq!(
            record(&slow, "home").await,
            BTreeMap::from([("slow".into(), "10.0.0.1-10.0.0.9".into())])
        );
        assert_eq!(slow.inspect().fsck().await.unwrap(), []);
    });
}
