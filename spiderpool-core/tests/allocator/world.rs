//! What the tests of the allocator share: pools, pods, requests.

use std::{sync::Arc, time::Duration};

use spiderpool_core::{
    addr::Family,
    admin::{Applied, Mode},
    alloc::{
        AddError, AddPart, AddRequest, Allocation, Allocator, AllocatorConfig, DelError, DelRequest, Freed,
    },
    api::{IPPoolSpec, ObjectMeta, SpiderIPPool},
    env::Env,
    model::{Binding, Owner, Slot},
    name::{ContainerId, InterfaceName, NodeName, OwnerUid},
    protocol::{Fence, PoolRef, ReleaseMode},
    store::Store,
};

pub(crate) fn pool(name: &str, subnet: &str, ips: &[&str]) -> SpiderIPPool {
    SpiderIPPool {
        metadata: ObjectMeta { name: name.into(), ..ObjectMeta::default() },
        spec: IPPoolSpec {
            subnet: subnet.into(),
            ips: ips.iter().map(ToString::to_string).collect(),
            ..IPPoolSpec::default()
        },
        ..SpiderIPPool::default()
    }
}

pub(crate) async fn open(store: Arc<dyn Store>, node: &str) -> Allocator {
    Allocator::open(store, Env::system(), AllocatorConfig::new(NodeName::new(node).unwrap())).await.unwrap()
}

pub(crate) async fn apply(allocator: &Allocator, pool: &SpiderIPPool) -> Arc<PoolRef> {
    let applied = allocator.apply_pool(pool, Mode::Real).await.unwrap();
    assert!(!matches!(applied, Applied::Deleted));
    reference(allocator, &pool.metadata.name).await
}

pub(crate) async fn reference(allocator: &Allocator, name: &str) -> Arc<PoolRef> {
    allocator.pool(&name.parse().unwrap()).await.unwrap()
}

pub(crate) fn add_request(pod: usize, container: &str, pools: &[Arc<PoolRef>]) -> AddRequest {
    let families = [Family::V4, Family::V6];
    let parts = families.into_iter().filter_map(|family| {
        let candidates: Vec<_> = pools.iter().filter(|pool| pool.family == family).cloned().collect();
        (!candidates.is_empty()).then(|| AddPart {
            slot: Slot::Named(InterfaceName::new("eth0").unwrap()),
            interface: Some(InterfaceName::new("eth0").unwrap()),
            family,
            candidates,
            address: None,
        })
    });
    AddRequest {
        owner: owner(pod),
        container: ContainerId::new(container).unwrap(),
        network: None,
        controller: None,
        binding: Binding::Stateless,
        parts: parts.collect(),
        timeout: Duration::from_secs(20),
    }
}

pub(crate) fn owner(pod: usize) -> Owner {
    Owner {
        uid: OwnerUid::new(format!("uid-{pod}")).unwrap(),
        pod: Some(format!("default/pod-{pod}").parse().unwrap()),
    }
}

pub(crate) async fn add(
    allocator: &Allocator,
    pod: usize,
    pools: &[Arc<PoolRef>],
) -> Result<Vec<Allocation>, AddError> {
    allocator.add(&add_request(pod, &format!("container-{pod}"), pools)).await
}

pub(crate) async fn del(allocator: &Allocator, pod: usize, container: &str) -> Result<Freed, DelError> {
    let request = DelRequest {
        owner: owner(pod).uid,
        fence: Fence::Container(ContainerId::new(container).unwrap()),
        interface: Some(InterfaceName::new("eth0").unwrap()),
        mode: ReleaseMode::Del,
        timeout: Duration::from_secs(20),
    };
    allocator.del(&request).await
}
