//! Several allocators, each with a client and a cache of its own, on one API server.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use spiderpool_core::{
    admin::Mode,
    alloc::{AddError, AddRequest, Allocator, AllocatorConfig, DelRequest},
    api::{IPPoolSpec, ObjectMeta, SpiderIPPool},
    env::Env,
    name::{ContainerId, InterfaceName, NodeName},
    store::{Kind, Selector, Store},
};

use crate::cluster::{Cluster, shared};

/// How slow the machine is proves nothing.
const TIMEOUT: Duration = Duration::from_secs(300);

const NODES: usize = 4;
const PER_NODE: usize = 15;

async fn open(cluster: &Cluster, node: usize) -> Allocator {
    let config = AllocatorConfig::new(NodeName::new(format!("node-{node}")).unwrap());
    Allocator::open(Arc::new(cluster.store().await), Env::system(), config).await.unwrap()
}

/// A container is never created again.
fn container(round: usize, node: usize, n: usize) -> ContainerId {
    ContainerId::new(format!("container-{round}-{node}-{n}")).unwrap()
}

async fn clear(store: &dyn Store) {
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Resource) {
        for item in store.list(&Selector::Kind(kind)).await.unwrap().items {
            store.delete(&item.key, &item.token).await.unwrap();
        }
    }
}

/// N addresses serve exactly N pods, whoever asks, twice over; the next one is told that there is none.
#[test]
fn n_addresses_serve_n_pods() {
    let Some(cluster) = shared() else { return };
    cluster.runtime.block_on(async {
        let store = cluster.store().await;
        clear(&store).await;
        let mut nodes = Vec::new();
        for node in 0..NODES {
            nodes.push(open(&cluster, node).await);
        }
        let spec = IPPoolSpec {
            subnet: "10.7.0.0/24".into(),
            ips: vec![format!("10.7.0.10-10.7.0.{}", 9 + NODES * PER_NODE)],
            ..IPPoolSpec::default()
        };
        let metadata = ObjectMeta { name: "exact".into(), ..ObjectMeta::default() };
        let pool = SpiderIPPool { metadata, spec, ..SpiderIPPool::default() };
        nodes[0].apply_pool(&pool, Mode::Real).await.unwrap();

        for round in 0..2 {
            let mut tasks = Vec::new();
            for (node, allocator) in nodes.iter().enumerate() {
                for n in 0..PER_NODE {
                    let allocator = allocator.clone();
                    tasks.push(tokio::spawn(async move {
                        let pool = allocator.pool(&"exact".parse().unwrap()).await.unwrap();
                        let eth0 = InterfaceName::new("eth0").unwrap();
                        let request = AddRequest::of_container(&container(round, node, n), &eth0, &pool);
                        let request = AddRequest { timeout: TIMEOUT, ..request };
                        allocator.add(&request).await.map(|granted| granted[0].address)
                    }));
                }
            }
            let mut granted = BTreeSet::new();
            for task in tasks {
                let address = task.await.unwrap().unwrap_or_else(|error| panic!("round {round}: {error}"));
                assert!(granted.insert(address), "round {round}: {address} was granted twice");
            }
            assert_eq!(granted.len(), NODES * PER_NODE);
            let extra = open(&cluster, 9).await;
            let pool = extra.pool(&"exact".parse().unwrap()).await.unwrap();
            let eth0 = InterfaceName::new("eth0").unwrap();
            let request = AddRequest::of_container(&container(round, 9, 0), &eth0, &pool);
            let refused = extra.add(&AddRequest { timeout: TIMEOUT, ..request }).await;
            let Err(refusal @ AddError::Refused { .. }) = &refused else { panic!("{refused:?}") };
            assert!(refusal.to_string().contains("exact"), "{refusal}");

            let mut tasks = Vec::new();
            for (node, allocator) in nodes.iter().enumerate() {
                for n in 0..PER_NODE {
                    let allocator = allocator.clone();
                    tasks.push(tokio::spawn(async move {
                        let request = DelRequest::of_container(&container(round, node, n));
                        allocator.del(&DelRequest { timeout: TIMEOUT, ..request }).await.unwrap().released
                    }));
                }
            }
            let mut released = BTreeSet::new();
            for task in tasks {
                released.extend(task.await.unwrap());
            }
            assert_eq!(released, granted);
        }
        let blocks = store.list(&Selector::Kind(Kind::Block)).await.unwrap().items;
        assert!(blocks.iter().all(|item| item.document.as_block().unwrap().held() == 0));
        clear(&store).await;
    });
}
