//! Servers of a test's own, and clients of theirs.

use std::sync::atomic::{AtomicU32, Ordering};

use spiderpool_core::{
    addr::{Family, IpSet},
    env::Env,
    model::{Block, BlockBits, BlockId, Epoch, Plan, PlanId},
    name::{ScopeName, Uid},
    store::{
        Document, Key, Store, StoreError,
        conformance::{Sample, every_kind},
    },
};
use spiderpool_store_etcd::{EtcdConfig, EtcdStore};
use spiderpool_testbed::{Etcd, EtcdOptions, or_skip};
use tokio::runtime::Runtime;

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap()
}

/// A cluster, or a skip that is counted.
pub(crate) fn etcd(test: &str, members: usize) -> Option<Etcd> {
    or_skip(&format!("store-etcd: {test}"), Etcd::start(&EtcdOptions::members(members)))
}

/// A prefix of its own in the cluster.
pub(crate) fn config(etcd: &Etcd) -> EtcdConfig {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    EtcdConfig::at(format!("{}/test-{number}", etcd.url()).parse().unwrap())
}

pub(crate) async fn connect(config: &EtcdConfig) -> EtcdStore {
    EtcdStore::connect(config, &Env::system()).await.unwrap()
}

/// The addresses of all members.
pub(crate) fn members(etcd: &Etcd) -> Vec<String> {
    (0..etcd.size()).map(|number| etcd.client_address(number).to_string()).collect()
}

/// A member dies, and comes back once the others have a leader.
pub(crate) fn lose(etcd: &mut Etcd, member: usize) {
    etcd.kill(member);
    etcd.leader().unwrap();
    etcd.restart(member).unwrap();
}

/// A member is cut off from the others until it notices, and finds them again.
pub(crate) fn cut_off(etcd: &Etcd, member: usize) {
    etcd.partition(member).unwrap();
    etcd.wait_until(|etcd| !etcd.has_leader(member)).unwrap();
    etcd.heal();
    etcd.wait_until(|etcd| etcd.has_leader(member)).unwrap();
}

/// A client of etcd's own, for what the store does not do.
pub(crate) async fn raw(members: &[String]) -> etcd_client::Client {
    etcd_client::Client::connect(members, None).await.unwrap()
}

/// A document that stands under a key of its own.
pub(crate) fn sample(name: &str, version: u32) -> Sample {
    let mut kinds = every_kind(name, version).unwrap().into_iter();
    kinds.rfind(|sample| matches!(sample.key, Key::Pool(_))).unwrap()
}

/// The same document in another version, under the same key.
pub(crate) fn version(name: &str, version: u32) -> Document {
    sample(name, version).document
}

/// A block, empty or with nothing that may be granted in it.
pub(crate) fn block(index: u128, has_room: bool) -> Block {
    let id = BlockId { scope: ScopeName::default_scope(), family: Family::V4, index };
    let mut block = Block::empty(id, BlockBits::new(4).unwrap());
    if !has_room {
        block.install(&Plan {
            id: PlanId::Pool(Uid::new("pool-1").unwrap()),
            pool: None,
            epoch: Epoch { birth: 1, n: 1 },
            usable: IpSet::new(Family::V4),
            pending: Vec::new(),
        });
    }
    assert_eq!(block.has_room(), has_room);
    block
}

pub(crate) async fn put(store: &dyn Store, name: &str) -> Result<(), StoreError> {
    let Sample { key, document } = sample(name, 1);
    store.create(&key, document).await.map(drop)
}
