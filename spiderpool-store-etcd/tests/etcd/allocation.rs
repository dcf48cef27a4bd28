//! Several allocators with a client each, on one cluster.

use std::{collections::BTreeSet, sync::Arc};

use spiderpool_core::{
    admin::Mode,
    alloc::{AddRequest, Allocator, AllocatorConfig, DelRequest},
    api::{IPPoolSpec, ObjectMeta, SpiderIPPool},
    env::Env,
    name::{ContainerId, InterfaceName, NodeName},
};
use tokio::task::JoinSet;

use crate::world::{config, connect, etcd, runtime};

const NODES: usize = 5;
const PODS_PER_NODE: usize = 20;

fn container(round: usize, node: usize, pod: usize) -> ContainerId {
    ContainerId::new(format!("container-{round}-{node}-{pod}")).unwrap()
}

/// As many addresses as pods: each gets one, no two the same, and the pool serves as many again once they are gone.
#[test]
fn exactly_as_many_pods_are_served_as_there_are_addresses() {
    let Some(etcd) = etcd("allocation", 3) else { return };
    let config = config(&etcd);
    runtime().block_on(async {
        let mut allocators = Vec::new();
        for node in 0..NODES {
            let settings = AllocatorConfig::new(NodeName::new(format!("node-{node}")).unwrap());
            let store = Arc::new(connect(&config).await);
            allocators.push(Allocator::open(store, Env::system(), settings).await.unwrap());
        }
        let spec = IPPoolSpec {
            subnet: "10.7.0.0/16".into(),
            ips: vec![format!("10.7.1.1-10.7.1.{}", NODES * PODS_PER_NODE)],
            ..Default::default()
        };
        let metadata = ObjectMeta { name: "exact".into(), ..Default::default() };
        let pool = SpiderIPPool { metadata, spec, ..Default::default() };
        allocators[0].apply_pool(&pool, Mode::Real).await.unwrap();
        for round in 0..2 {
            let mut adding = JoinSet::new();
            for (node, allocator) in allocators.iter().enumerate() {
                let pool = allocator.pool(&"exact".parse().unwrap()).await.unwrap();
                for pod in 0..PODS_PER_NODE {
                    let (allocator, pool) = (allocator.clone(), pool.clone());
                    adding.spawn(async move {
                        let eth0 = InterfaceName::new("eth0").unwrap();
                        let request = AddRequest::of_container(&container(round, node, pod), &eth0, &pool);
                        allocator.add(&request).await.unwrap()[0].address
                    });
                }
            }
            let given: Vec<_> = adding.join_all().await;
            let distinct: BTreeSet<_> = given.iter().collect();
            assert_eq!((given.len(), distinct.len()), (NODES * PODS_PER_NODE, NODES * PODS_PER_NODE));
            // One more finds none, and knows it.
            let pool = allocators[1].pool(&"exact".parse().unwrap()).await.unwrap();
            let eth0 = InterfaceName::new("eth0").unwrap();
            let more = AddRequest::of_container(&container(round, 9, 9), &eth0, &pool);
            let refused = allocators[1].add(&more).await.unwrap_err().to_string();
            assert!(refused.contains("exact"), "{refused}");
            let mut deleting = JoinSet::new();
            for (node, allocator) in allocators.iter().enumerate() {
                for pod in 0..PODS_PER_NODE {
                    let allocator = allocator.clone();
                    deleting.spawn(async move {
                        allocator
                            .del(&DelRequest::of_container(&container(round, node, pod)))
                            .await
                            .unwrap()
                            .released
                            .len()
                    });
                }
            }
            assert_eq!(deleting.join_all().await.iter().sum::<usize>(), NODES * PODS_PER_NODE);
        }
    });
}
