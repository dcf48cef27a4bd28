//! An allocator with one pool, and pods that come and go.

use std::{sync::Arc, time::Duration};

use pollster::block_on;
use spiderpool_core::{
    addr::Address,
    admin::{Applied, Mode},
    alloc::{AddPart, AddRequest, Allocator, AllocatorConfig, DelRequest},
    api::{IPPoolSpec, ObjectMeta, SpiderIPPool},
    env::Env,
    model::{Binding, Controller, Owner, Slot},
    name::{ContainerId, InterfaceName, NetworkName, NodeName, ObjectName, OwnerUid, Uid},
    protocol::{Fence, PoolRef, ReleaseMode},
    store::Store,
};

use crate::Numbers;

pub(crate) const EXPECT: &str = "a name that is made here";

/// The manifest of a default pool of all addresses of `subnet` in `range`, without exclusions.
#[must_use]
pub fn pool(name: &str, subnet: &str, range: &str) -> SpiderIPPool {
    SpiderIPPool {
        metadata: ObjectMeta { name: name.into(), ..ObjectMeta::default() },
        spec: IPPoolSpec {
            subnet: subnet.into(),
            ips: vec![range.into()],
            default: Some(true),
            ..IPPoolSpec::default()
        },
        ..SpiderIPPool::default()
    }
}

/// The pool `name` as requests name it.
#[must_use]
pub fn reference(allocator: &Allocator, name: &str) -> Arc<PoolRef> {
    block_on(allocator.pool(&name.parse().expect(EXPECT))).expect("the pool is there")
}

/// The request of a pod of a Deployment, with records as long as they are in a cluster.
#[must_use]
pub fn add_request(pool: &Arc<PoolRef>, pod: u64) -> AddRequest {
    let eth0 = InterfaceName::new("eth0").expect(EXPECT);
    let controller = pod / 1_000;
    AddRequest {
        owner: owner(pod),
        container: container(pod),
        network: Some(NetworkName::new("macvlan-vlan0").expect(EXPECT)),
        controller: Some(Arc::new(Controller {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            name: ObjectName::new(format!("web-{controller}")).expect(EXPECT),
            uid: Uid::new(format!("00000000-0000-4000-9000-{controller:012x}")).expect(EXPECT),
        })),
        binding: Binding::Stateless,
        parts: vec![AddPart {
            slot: Slot::Named(eth0.clone()),
            interface: Some(eth0),
            family: pool.family,
            candidates: vec![pool.clone()],
            address: None,
        }],
        timeout: Duration::from_secs(20),
    }
}

/// The release of what [`add_request`] got.
#[must_use]
pub fn del_request(pod: u64) -> DelRequest {
    DelRequest {
        owner: owner(pod).uid,
        fence: Fence::Container(container(pod)),
        interface: Some(InterfaceName::new("eth0").expect(EXPECT)),
        mode: ReleaseMode::Del,
        timeout: Duration::from_secs(20),
    }
}

pub(crate) fn owner(pod: u64) -> Owner {
    let name = format!("default/web-{}-6d4b75cb6d-{pod:07x}", pod / 1_000);
    Owner {
        uid: OwnerUid::new(format!("00000000-0000-4000-8000-{pod:012x}")).expect(EXPECT),
        pod: Some(name.parse().expect(EXPECT)),
    }
}

pub(crate) fn container(pod: u64) -> ContainerId {
    // 64 hexadecimal digits, as container runtimes draw them.
    ContainerId::new(format!(
        "{:064x}",
        u128::from(pod).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
    ))
    .expect(EXPECT)
}

/// An allocator on a store, with one pool.
#[derive(Clone, Debug)]
pub struct Bed {
    /// The allocator.
    pub allocator: Allocator,
    /// Its pool.
    pub pool: Arc<PoolRef>,
}

impl Bed {
    /// Opens `store` and applies a pool of `range` in `subnet`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, env: Env, subnet: &str, range: &str) -> Self {
        let config = AllocatorConfig::new(NodeName::new("node-1").expect(EXPECT));
        let allocator = block_on(Allocator::open(store, env, config)).expect("the store opens");
        let applied =
            block_on(allocator.apply_pool(&pool("pool", subnet, range), Mode::Real)).expect("it applies");
        assert!(!matches!(applied, Applied::Deleted), "the pool is there");
        let pool = reference(&allocator, "pool");
        Self { allocator, pool }
    }

    /// Grants an address to a pod.
    pub fn add(&self, request: &AddRequest) -> Address {
        block_on(self.allocator.add(request))
            .expect("an address")
            .first()
            .expect("one for the only part")
            .address
    }

    /// Releases a pod's address.
    pub fn del(&self, request: &DelRequest) {
        let freed = block_on(self.allocator.del(request)).expect("released");
        assert_eq!(freed.released.len(), 1, "it held one");
    }
}

/// The pods that hold addresses, and the next one to come.
#[derive(Clone, Debug, Default)]
pub struct Pods {
    held: Vec<u64>,
    next: u64,
}

impl Pods {
    /// How many hold an address.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// A pod that has never been.
    pub fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

/// Pods that come and go at a constant fill: one of those that hold an address goes, a new one comes.
#[derive(Debug)]
pub struct Churn {
    /// Where.
    pub bed: Bed,
    pods: Pods,
    numbers: Numbers,
}

/// One grant and one release, ready to be sent. Making them is not part of what is measured.
#[derive(Debug)]
struct Turn {
    /// The request of a new pod.
    add: AddRequest,
    /// The release of a pod that holds an address. Without any, that of the new pod: it has to come after the grant.
    del: DelRequest,
    leaving: usize,
    coming: u64,
}

impl Churn {
    /// Nobody is there yet.
    #[must_use]
    pub fn new(bed: Bed) -> Self {
        Self { bed, pods: Pods::default(), numbers: Numbers::from(7) }
    }

    /// Grants until `held` addresses are held.
    pub fn fill(&mut self, held: usize) {
        while self.pods.len() < held {
            let pod = self.pods.fresh();
            self.bed.add(&add_request(&self.bed.pool, pod));
            self.pods.held.push(pod);
        }
    }

    /// Releases addresses, chosen at random, until `held` are held: free ones are then all over the pool.
    pub fn drain(&mut self, held: usize) {
        while self.pods.len() > held {
            let leaving = self.leave();
            self.bed.del(&leaving);
        }
    }

    /// The releases of `count` pods that hold an address, chosen at random; of fewer where there are fewer.
    pub fn dels(&mut self, count: usize) -> Vec<DelRequest> {
        let count = count.min(self.pods.len());
        (0..count).map(|_| self.leave()).collect()
    }

    /// The requests of `count` pods that have never been.
    pub fn adds(&mut self, count: usize) -> Vec<AddRequest> {
        let Self { bed, pods, .. } = self;
        (0..count).map(|_| add_request(&bed.pool, pods.fresh())).collect()
    }

    fn leave(&mut self) -> DelRequest {
        let leaving = self.numbers.below(self.pods.len());
        del_request(self.pods.held.swap_remove(leaving))
    }

    /// What comes next.
    fn turn(&mut self) -> Turn {
        let coming = self.pods.fresh();
        let leaving = self.numbers.below(self.pods.len());
        let del = del_request(self.pods.held.get(leaving).copied().unwrap_or(coming));
        Turn { add: add_request(&self.bed.pool, coming), del, leaving, coming }
    }

    /// One turn; what `time` says of its grant and of its release.
    pub fn turn_timed<T>(&mut self, time: impl Fn(&mut dyn FnMut()) -> T) -> (T, T) {
        let turn = self.turn();
        let bed = &self.bed;
        let grant = || {
            time(&mut || {
                std::hint::black_box(bed.add(std::hint::black_box(&turn.add)));
            })
        };
        let release = || time(&mut || bed.del(std::hint::black_box(&turn.del)));
        if self.pods.is_empty() {
            return (grant(), release());
        }
        let released = release();
        let granted = grant();
        self.pods.held[turn.leaving] = turn.coming;
        (granted, released)
    }
}
