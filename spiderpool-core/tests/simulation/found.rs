//! What the simulation found in the allocator, each as a small case of its own: a seed shows something else as soon as
//! the simulation changes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use pollster::block_on;
use spiderpool_core::{
    addr::Family,
    admin::Mode,
    alloc::{AddError, AddPart, AddRequest, Allocator, AllocatorConfig, DelRequest, MemoryLog, Sharing},
    api::{IPPoolSpec, ObjectMeta, Resource, SpiderIPPool},
    endpoint::{ShownAddress, ShownInterface, View},
    env::{BoxFuture, Clock, Entropy, Env, Timer},
    inspect::RecordFilter,
    model::{Attachment, Binding, BlockBits, Controller, Owner, PlanId, Pool, Record, Slot},
    name::{ContainerId, InterfaceName, NodeName, OwnerUid},
    protocol::{Fence, PoolRef, ReleaseMode},
    store::{Fault, FaultPlan, FaultStore, Key, MemoryStore, Store, StoreExt},
    time::{Moment, Timestamp},
};

/// Surroundings in which time passes only where somebody waits.
#[derive(Debug, Default)]
struct Hands {
    millis: AtomicU64,
    numbers: AtomicU64,
}

impl Hands {
    fn pass(&self, time: Duration) {
        self.millis.fetch_add(time.as_millis().max(1) as u64, Ordering::SeqCst);
    }

    fn env(self: &Arc<Self>) -> Env {
        Env { clock: self.clone(), timer: self.clone(), entropy: self.clone() }
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.load(Ordering::SeqCst) as i64)
    }

    fn monotonic(&self) -> Moment {
        Moment::from_millis(self.millis.load(Ordering::SeqCst))
    }
}

impl Timer for Hands {
    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        self.pass(duration);
        Box::pin(std::future::ready(()))
    }
}

impl Entropy for Hands {
    fn next_u64(&self) -> u64 {
        self.numbers.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst)
    }
}

type Faulty = Arc<FaultStore<MemoryStore>>;

fn store() -> Faulty {
    Arc::new(FaultStore::new(MemoryStore::new(), FaultPlan::default()))
}

async fn open(store: &Faulty, hands: &Arc<Hands>, node: &str) -> Allocator {
    let mut config = AllocatorConfig::new(NodeName::new(node).unwrap());
    config.sharing = Sharing::Shared;
    config.block_bits = BlockBits::new(0);
    config.log = Some(Arc::new(MemoryLog::default()));
    let store: Arc<dyn Store> = store.clone();
    Allocator::open(store, hands.env(), config).await.unwrap()
}

fn pool(ips: &[&str]) -> SpiderIPPool {
    SpiderIPPool {
        metadata: ObjectMeta { name: "p".into(), ..ObjectMeta::default() },
        spec: IPPoolSpec {
            subnet: "10.0.0.0/24".into(),
            ips: ips.iter().map(ToString::to_string).collect(),
            ..IPPoolSpec::default()
        },
        ..SpiderIPPool::default()
    }
}

async fn reference(allocator: &Allocator) -> Arc<PoolRef> {
    allocator.pool(&"p".parse().unwrap()).await.unwrap()
}

fn owner(pod: &str) -> Owner {
    Owner {
        uid: OwnerUid::new(format!("uid-{pod}")).unwrap(),
        pod: Some(format!("default/{pod}").parse().unwrap()),
    }
}

fn container(id: &str) -> ContainerId {
    ContainerId::new(id).unwrap()
}

fn named(interface: &str) -> Option<InterfaceName> {
    Some(InterfaceName::new(interface).unwrap())
}

fn part(slot: Slot, interface: Option<InterfaceName>, pool: &Arc<PoolRef>) -> AddPart {
    AddPart { slot, interface, family: Family::V4, candidates: vec![pool.clone()], address: None }
}

fn request(pod: &str, id: &str, parts: Vec<AddPart>) -> AddRequest {
    AddRequest {
        owner: owner(pod),
        container: container(id),
        network: None,
        controller: None,
        binding: Binding::Stateless,
        parts,
        timeout: Duration::from_millis(500),
    }
}

fn eth0(pool: &Arc<PoolRef>) -> Vec<AddPart> {
    vec![part(Slot::Named(InterfaceName::new("eth0").unwrap()), named("eth0"), pool)]
}

fn del(pod: &str, id: &str, interface: Option<InterfaceName>) -> DelRequest {
    DelRequest {
        owner: owner(pod).uid,
        fence: Fence::Container(container(id)),
        interface,
        mode: ReleaseMode::Del,
        timeout: Duration::from_secs(5),
    }
}

/// H11: the attempt to reattach is still on its way, and the key holds an address already: that of the container before.
/// The DEL of the newer one has to make it impossible.
#[test]
fn a_late_reattachment_does_not_come_back_after_its_del() {
    block_on(async {
        let (store, hands) = (store(), Arc::new(Hands::default()));
        let allocator = open(&store, &hands, "n").await;
        allocator.apply_pool(&pool(&["10.0.0.1-10.0.0.3"]), Mode::Real).await.unwrap();
        let pools = reference(&allocator).await;
        allocator.add(&request("web", "c1", eth0(&pools))).await.unwrap();
        store.crash(1, Fault::Late(u32::MAX));
        let answer = allocator.add(&request("web", "c2", eth0(&pools))).await;
        assert!(matches!(answer, Err(AddError::Busy { .. })), "{answer:?}");
        store.restart();
        allocator.del(&del("web", "c2", None)).await.unwrap();
        store.land().await;
        let records = allocator.inspect().records(&RecordFilter::default()).await.unwrap();
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].1.attachment, Attachment::Container(container("c1")));
    });
}

/// Rule 2: an editor died, and an edit that was refused has emptied the blocks' copies. What another node gave back
/// meanwhile is found all the same.
#[test]
fn room_is_found_beside_an_edit_in_flight() {
    block_on(async {
        let (store, hands) = (store(), Arc::new(Hands::default()));
        let (first, second) = (open(&store, &hands, "n1").await, open(&store, &hands, "n2").await);
        first.apply_pool(&pool(&["10.0.0.1-10.0.0.3"]), Mode::Real).await.unwrap();
        let pools = reference(&first).await;
        for pod in ["a", "b", "c"] {
            first.add(&request(pod, pod, eth0(&pools))).await.unwrap();
        }
        let full = second.add(&request("d", "d", eth0(&pools))).await;
        assert!(matches!(full, Err(AddError::Refused { .. })), "{full:?}");
        first.apply_pool(&pool(&["10.0.0.9"]), Mode::Real).await.unwrap_err();
        // The editor dies as soon as the plan knows of its edit.
        let held = first.inspect().records(&RecordFilter::default()).await.unwrap();
        let give_back = async |record: &Record| {
            let pod = record.owner.pod.as_ref().unwrap().name.as_str();
            first.del(&del(pod, pod, None)).await.unwrap();
        };
        let (last, record) = held.last().unwrap();
        give_back(record).await;
        let rest = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(str::to_owned);
        let rest: Vec<String> = rest.into_iter().filter(|ip| *ip != last.to_string()).collect();
        let narrower = pool(&rest.iter().map(String::as_str).collect::<Vec<_>>());
        let plan = PlanId::Pool(pools.uid.clone());
        for n in 1.. {
            store.crash(n, Fault::Before);
            let died = first.apply_pool(&narrower, Mode::Real).await;
            store.restart();
            let (plan, _) = store.plan(&plan).await.unwrap().unwrap();
            if !plan.pending.is_empty() {
                break;
            }
            died.unwrap_err();
        }
        let (address, record) = held.first().unwrap();
        give_back(record).await;
        // The proof of before is believed for a second.
        hands.pass(Duration::from_secs(2));
        let mut again = request("e", "e", eth0(&pools));
        again.timeout = Duration::from_secs(10);
        assert_eq!(second.add(&again).await.unwrap()[0].address, *address);
    });
}

/// Rule 8: parts that no ADD claimed go with their container, also where a newer one has taken the first interface over.
#[test]
fn unclaimed_parts_go_without_the_first_interface() {
    block_on(async {
        let (store, hands) = (store(), Arc::new(Hands::default()));
        let allocator = open(&store, &hands, "n").await;
        allocator.apply_pool(&pool(&["10.0.0.1-10.0.0.3"]), Mode::Real).await.unwrap();
        let pools = reference(&allocator).await;
        let first = || part(Slot::Indexed(0), named("eth0"), &pools);
        let both = vec![first(), part(Slot::Indexed(1), None, &pools)];
        allocator.add(&request("web", "c1", both)).await.unwrap();
        allocator.add(&request("web", "c2", vec![first()])).await.unwrap();
        assert_eq!(allocator.del(&del("web", "c2", named("eth0"))).await.unwrap().released.len(), 1);
        assert_eq!(allocator.del(&del("web", "c1", named("eth0"))).await.unwrap().released.len(), 1);
        assert_eq!(allocator.inspect().records(&RecordFilter::default()).await.unwrap(), []);
    });
}

/// Rule 9: an endpoint that a bare pod made becomes a claim: it does not go with that pod, and names whom the sweep has
/// to ask.
#[test]
fn a_claim_keeps_its_controller_beside_a_bare_pod_of_its_name() {
    block_on(async {
        let (store, hands) = (store(), Arc::new(Hands::default()));
        let allocator = open(&store, &hands, "n").await;
        allocator.apply_pool(&pool(&["10.0.0.1-10.0.0.3"]), Mode::Real).await.unwrap();
        let pools = reference(&allocator).await;
        let name = owner("web-0").pod.unwrap();
        let bare = request("web-0", "c1", eth0(&pools));
        let granted = allocator.add(&bare).await.unwrap();
        let parsed =
            Pool::try_from(allocator.store().pool(&"p".parse().unwrap()).await.unwrap().unwrap().0.as_ref());
        let view = View {
            owner: bare.owner.clone(),
            node: NodeName::new("n").unwrap(),
            controller: None,
            binding: Binding::Stateless,
            interfaces: vec![ShownInterface {
                slot: bare.parts[0].slot.clone(),
                interface: named("eth0"),
                addresses: vec![ShownAddress::of(granted[0].address, &parsed.unwrap())],
                routes: Vec::new(),
                clean_gateway: false,
                mac: None,
            }],
        };
        allocator.record_view(&view).await.unwrap();

        let mut stateful = request("web-0", "c2", eth0(&pools));
        stateful.owner.uid = OwnerUid::new("another").unwrap();
        stateful.binding = Binding::Stateful;
        stateful.controller = Some(Arc::new(Controller {
            api_version: "apps/v1".into(),
            kind: "StatefulSet".into(),
            name: "web".parse().unwrap(),
            uid: "set".parse().unwrap(),
        }));
        let pod = Resource {
            metadata: ObjectMeta { uid: Some("another".into()), ..ObjectMeta::default() },
            ..Resource::default()
        };
        store.create(&Key::pod(&name), pod.into()).await.unwrap();
        allocator.add(&stateful).await.unwrap();
        // The bare pod's agent writes its view once more.
        allocator.record_view(&view).await.unwrap();
        let (endpoint, _) = allocator.store().endpoint(&name).await.unwrap().unwrap();
        assert_eq!(endpoint.status.claims.len(), 1);
        assert_eq!(endpoint.metadata.owner_references, []);
        let of =
            (endpoint.status.owner_controller_type.as_str(), endpoint.status.owner_controller_name.as_str());
        assert_eq!(of, ("StatefulSet", "web"));
    });
}
