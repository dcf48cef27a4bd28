//! What these tests share: a clock that stands still, pools, pods, requests.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use spiderpool_core::{
    addr::{Address, Family},
    admin::Mode,
    alloc::{AddError, AddPart, AddRequest, Allocation, Allocator, AllocatorConfig, DelRequest, Freed},
    api::{
        IPPoolSpec, ObjectMeta, ReservedIPSpec, Resource, SpiderIPPool, SpiderReservedIP, SpiderSubnet,
        SubnetSpec,
    },
    env::{BoxFuture, Clock, Entropy, Env, Timer},
    model::{Binding, BlockBits, Owner, Pool, Slot, Subnet},
    name::{ContainerId, InterfaceName, NodeName, OwnerUid, ScopeName},
    protocol::{Fence, PoolRef, ReleaseMode},
    store::{FaultPlan, FaultStore, Key, MemoryStore, Store, StoreExt},
    time::{Moment, Timestamp},
};

/// A clock that moves only when told to, or when somebody sleeps.
#[derive(Debug)]
pub(crate) struct Hands(AtomicU64);

const START: i64 = 1_790_000_000_000;

impl Hands {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_millis() as u64, Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(START + self.0.load(Ordering::SeqCst) as i64)
    }

    fn monotonic(&self) -> Moment {
        Moment::from_millis(self.0.load(Ordering::SeqCst))
    }
}

#[derive(Debug)]
struct Sleep(Arc<Hands>);

impl Timer for Sleep {
    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        self.0.advance(duration.max(Duration::from_millis(1)));
        Box::pin(std::future::ready(()))
    }
}

#[derive(Debug)]
struct Numbers(AtomicU64);

impl Entropy for Numbers {
    fn next_u64(&self) -> u64 {
        let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Surroundings in which nothing happens by itself.
pub(crate) fn still_env() -> (Env, Arc<Hands>) {
    let hands = Arc::new(Hands(AtomicU64::new(0)));
    let env = Env {
        clock: hands.clone(),
        timer: Arc::new(Sleep(hands.clone())),
        entropy: Arc::new(Numbers(AtomicU64::new(7))),
    };
    (env, hands)
}

pub(crate) fn config(bits: u8) -> AllocatorConfig {
    let mut config = AllocatorConfig::new(NodeName::new("node-1").unwrap());
    config.block_bits = BlockBits::new(bits);
    config
}

pub(crate) async fn open(store: Arc<dyn Store>, env: &Env, bits: u8) -> Allocator {
    Allocator::open(store, env.clone(), config(bits)).await.unwrap()
}

pub(crate) fn texts(items: &[&str]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

pub(crate) fn pool(name: &str, subnet: &str, ips: &[&str]) -> SpiderIPPool {
    SpiderIPPool {
        metadata: ObjectMeta { name: name.into(), ..ObjectMeta::default() },
        spec: IPPoolSpec { subnet: subnet.into(), ips: texts(ips), ..IPPoolSpec::default() },
        ..SpiderIPPool::default()
    }
}

pub(crate) fn reservation(name: &str, ips: &[&str]) -> SpiderReservedIP {
    SpiderReservedIP {
        metadata: ObjectMeta { name: name.into(), ..ObjectMeta::default() },
        spec: ReservedIPSpec { ips: texts(ips), ..ReservedIPSpec::default() },
        ..SpiderReservedIP::default()
    }
}

/// The pool as it stands in the store.
pub(crate) async fn stored(allocator: &Allocator, name: &str) -> SpiderIPPool {
    allocator.store().pool(&name.parse().unwrap()).await.unwrap().unwrap().0.as_ref().clone()
}

pub(crate) async fn reference(allocator: &Allocator, name: &str) -> Arc<PoolRef> {
    reference_to(&Pool::try_from(&stored(allocator, name).await).unwrap())
}

pub(crate) fn reference_to(pool: &Pool) -> Arc<PoolRef> {
    Arc::new(PoolRef::new(pool, ScopeName::default_scope()))
}

pub(crate) async fn apply(allocator: &Allocator, pool: &SpiderIPPool) -> Arc<PoolRef> {
    allocator.apply_pool(pool, Mode::Real).await.unwrap();
    reference(allocator, &pool.metadata.name).await
}

pub(crate) fn owner(pod: usize) -> Owner {
    Owner {
        uid: OwnerUid::new(format!("uid-{pod}")).unwrap(),
        pod: Some(format!("default/pod-{pod}").parse().unwrap()),
    }
}

/// The pod of [`owner`], for stateful requests: the allocator asks the store whether it is the present one.
pub(crate) async fn declare_pod(allocator: &Allocator, pod: usize) {
    let owner = owner(pod);
    let resource = Resource {
        api_version: "v1".into(),
        kind: "Pod".into(),
        metadata: ObjectMeta {
            name: format!("pod-{pod}"),
            namespace: Some("default".into()),
            uid: Some(owner.uid.to_string()),
            ..ObjectMeta::default()
        },
        ..Resource::default()
    };
    let key = Key::pod(owner.pod.as_ref().unwrap());
    if let Ok(None) = allocator.store().get(&key).await {
        // Whether it is there shows when the allocator asks for it.
        let _ = allocator.store().create(&key, resource.into()).await;
    }
}

/// A request for one address of each family among `pools`.
pub(crate) fn request(
    pod: usize,
    container: ContainerId,
    pools: &[Arc<PoolRef>],
    binding: Binding,
) -> AddRequest {
    let parts = [Family::V4, Family::V6].into_iter().filter_map(|family| {
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
        container,
        network: None,
        controller: None,
        binding,
        parts: parts.collect(),
        timeout: Duration::from_secs(5),
    }
}

/// The sandbox of a pod's `round`-th start.
pub(crate) fn container(pod: usize, round: usize) -> ContainerId {
    ContainerId::new(format!("container-{pod}-{round}")).unwrap()
}

pub(crate) async fn add(
    allocator: &Allocator,
    pod: usize,
    round: usize,
    pools: &[Arc<PoolRef>],
    binding: Binding,
) -> Result<Vec<Allocation>, AddError> {
    if binding == Binding::Stateful {
        declare_pod(allocator, pod).await;
    }
    allocator.add(&request(pod, container(pod, round), pools, binding)).await
}

pub(crate) async fn del(allocator: &Allocator, pod: usize, round: usize) -> Freed {
    let request = DelRequest {
        owner: owner(pod).uid,
        fence: Fence::Container(container(pod, round)),
        interface: None,
        mode: ReleaseMode::Del,
        timeout: Duration::from_secs(5),
    };
    allocator.del(&request).await.unwrap()
}

pub(crate) fn address(text: &str) -> Address {
    text.parse().unwrap()
}

pub(crate) fn subnet(name: &str, cidr: &str, ips: &[&str]) -> SpiderSubnet {
    SpiderSubnet {
        metadata: ObjectMeta { name: name.into(), ..ObjectMeta::default() },
        spec: SubnetSpec { subnet: cidr.into(), ips: texts(ips), ..SubnetSpec::default() },
        ..SpiderSubnet::default()
    }
}

/// The subnet as it stands in the store.
pub(crate) async fn stored_subnet(allocator: &Allocator, name: &str) -> SpiderSubnet {
    allocator.store().subnet(&name.parse().unwrap()).await.unwrap().unwrap().0.as_ref().clone()
}

/// Which pool has what, by the record of a subnet.
pub(crate) async fn record(allocator: &Allocator, name: &str) -> BTreeMap<String, String> {
    let subnet = Subnet::try_from(&stored_subnet(allocator, name).await).unwrap();
    let entries = subnet.controlled.iter();
    entries
        .map(|(pool, entry)| {
            assert!(entry.pending.is_empty(), "{pool} claims for ever");
            (pool.to_string(), entry.ips.to_string())
        })
        .collect()
}

/// A store in memory whose operations take their time, so that those who race meet.
pub(crate) fn slow_store() -> Arc<dyn Store> {
    let plan =
        FaultPlan { seed: 1, delay: 0.4, delay_up_to: Duration::from_millis(2), ..FaultPlan::default() };
    Arc::new(FaultStore::new(MemoryStore::new(), plan).with_timer(Env::system()))
}
