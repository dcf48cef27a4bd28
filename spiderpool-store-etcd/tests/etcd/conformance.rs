use std::{sync::Arc, thread::JoinHandle, time::Duration};

use async_trait::async_trait;
use etcd_client::GetOptions;
use parking_lot::Mutex;
use spiderpool_core::{
    env::{BoxFuture, Env},
    store::{
        Kind, Selector, Store, StoreError,
        conformance::{Harness, Names, Retrying, run},
    },
};
use spiderpool_store_etcd::{EtcdConfig, EtcdStore};
use spiderpool_testbed::Etcd;

use crate::world::{config, cut_off, etcd, lose, members, raw, runtime};

/// What etcd claims leaves these out: exclusive use, large documents without a limit, the refusal of watches.
const EXECUTED: usize = 39;

/// One cluster under proof. A crash is that of all its members.
#[derive(Debug)]
pub(crate) struct OnEtcd {
    etcd: Arc<Mutex<Etcd>>,
    config: EtcdConfig,
    storm: Option<Storm>,
    /// Whether every write is answered: nobody harms the servers from elsewhere.
    unharmed: bool,
}

impl OnEtcd {
    pub(crate) fn new(etcd: Etcd) -> Self {
        let config = config(&etcd);
        Self { etcd: Arc::new(Mutex::new(etcd)), config, storm: None, unharmed: true }
    }

    /// The servers, for whoever harms them from now on.
    pub(crate) fn harm(&mut self) -> Arc<Mutex<Etcd>> {
        self.unharmed = false;
        self.etcd.clone()
    }

    async fn connect(&self) -> Result<EtcdStore, StoreError> {
        EtcdStore::connect(&self.config, &Env::system()).await
    }
}

#[async_trait]
impl Harness for OnEtcd {
    fn env(&self) -> Env {
        Env::system()
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(300)
    }

    fn volume(&self) -> usize {
        500
    }

    fn names(&self) -> Names {
        Names::Any
    }

    fn certain(&self) -> bool {
        self.unharmed && self.storm.is_none()
    }

    async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        let store = self.connect().await?;
        let Some(storm) = &self.storm else { return Ok(Arc::new(store)) };
        storm.blow(&self.etcd);
        Ok(Arc::new(Retrying::new(Arc::new(store))))
    }

    fn can_crash(&self) -> bool {
        true
    }

    async fn crash(&self, store: Arc<dyn Store>) -> Result<(), StoreError> {
        let etcd = self.etcd.clone();
        let crash = tokio::task::spawn_blocking(move || {
            let mut etcd = etcd.lock();
            let members = 0..etcd.size();
            members.clone().for_each(|number| etcd.kill(number));
            etcd.restart_all().unwrap();
        });
        crash.await.unwrap();
        drop(store);
        Ok(())
    }

    async fn parallel(&self, work: Vec<BoxFuture<()>>) {
        for task in work.into_iter().map(tokio::spawn).collect::<Vec<_>>() {
            task.await.unwrap();
        }
    }
}

/// Misfortunes of a cluster of three, one at a time, beside what its clients do.
#[derive(Debug, Default)]
struct Storm {
    blown: Mutex<Blown>,
}

#[derive(Debug, Default)]
struct Blown {
    count: usize,
    openings: usize,
    last: Option<JoinHandle<()>>,
}

/// One check in so many meets a misfortune.
const CALM: usize = 3;

impl Storm {
    /// Begins the next misfortune, once the last one is over.
    fn blow(&self, etcd: &Arc<Mutex<Etcd>>) {
        let mut blown = self.blown.lock();
        blown.openings += 1;
        if !blown.openings.is_multiple_of(CALM) {
            return;
        }
        if let Some(last) = blown.last.take() {
            last.join().unwrap();
        }
        let (etcd, kind) = (etcd.clone(), blown.count % 3);
        blown.count += 1;
        blown.last = Some(std::thread::spawn(move || {
            let mut etcd = etcd.lock();
            let leader = etcd.leader().unwrap();
            let victim = if kind == 2 { (leader + 1) % etcd.size() } else { leader };
            if kind == 0 {
                lose(&mut etcd, victim);
            } else {
                cut_off(&etcd, victim);
            }
        }));
    }

    /// How many there were, all of them over.
    fn count(&self) -> usize {
        let mut blown = self.blown.lock();
        if let Some(last) = blown.last.take() {
            last.join().unwrap();
        }
        blown.count
    }
}

/// Deletes all documents through the store: then no key may be left, of an index either.
async fn nothing_is_left(harness: &OnEtcd) {
    let store = harness.connect().await.unwrap();
    for kind in Kind::ALL {
        for item in store.list(&Selector::Kind(kind)).await.unwrap().items {
            store.delete(&item.key, &item.token).await.unwrap();
        }
    }
    let members = members(&harness.etcd.lock());
    let mut client = raw(&members).await;
    let all = GetOptions::new().with_prefix().with_keys_only();
    let left = client.get(harness.config.url.prefix(), Some(all)).await.unwrap();
    let left: Vec<_> = left.kvs().iter().map(|kv| String::from_utf8_lossy(kv.key()).into_owned()).collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn one_member_keeps_the_contract() {
    let Some(etcd) = etcd("one member keeps the contract", 1) else { return };
    let harness = OnEtcd::new(etcd);
    runtime().block_on(async {
        let report = run(&harness).await;
        println!("{report}");
        assert!(report.is_green(EXECUTED), "{report}");
        nothing_is_left(&harness).await;
    });
}

#[test]
fn three_members_keep_the_contract_while_leaders_die_and_links_break() {
    let Some(etcd) = etcd("three members keep the contract", 3) else { return };
    let harness = OnEtcd { storm: Some(Storm::default()), ..OnEtcd::new(etcd) };
    runtime().block_on(async {
        let report = run(&harness).await;
        println!("{report}");
        // One less: who won a race of deletions is a guess after a lost answer.
        assert!(report.is_green(EXECUTED - 1), "{report}");
        let storms = harness.storm.as_ref().unwrap().count();
        assert!(storms > 10, "only {storms} misfortunes");
        nothing_is_left(&harness).await;
    });
}
