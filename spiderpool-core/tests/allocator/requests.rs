//! What one request may count on: H12, H22, H23, cool-down, given addresses, several parts, cancellation.

use std::{
    future::Future,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use rstest::rstest;
use spiderpool_core::{
    addr::{Address, Family},
    admin::Mode,
    alloc::{AddError, AddPart, AddRequest, Allocator, AllocatorConfig, DelRequest},
    api::{Resource, SpiderReservedIP},
    model::{Attachment, Binding, Slot},
    name::{ContainerId, InterfaceName, NodeName, OwnerUid},
    protocol::{Fence, How, PoolRef, Refusal, ReleaseMode, Unusable},
    store::{Fault, FaultPlan, FaultStore, Key, Kind, MemoryStore, ResourceName, Selector, Store, StoreExt},
};

use super::{clock::Clockwork, world};

/// The runtime is told that a DEL is done, and the agent's view has to be told which address it was: also where the store
/// did not say what became of the write, and where it says so only to a later DEL.
#[test]
fn a_release_whose_answer_was_lost_is_told_all_the_same() {
    let clock = Arc::new(Clockwork::default());
    let store = Arc::new(FaultStore::new(MemoryStore::new(), FaultPlan::default()));
    let config = AllocatorConfig::new(NodeName::new("n1").unwrap());
    let allocator = pollster::block_on(Allocator::open(store.clone(), clock.env(), config)).unwrap();
    let pool = pollster::block_on(world::apply(&allocator, &world::pool("p", "10.0.0.0/24", &["10.0.0.1"])));
    let add = |container| {
        let request = world::add_request(0, container, std::slice::from_ref(&pool));
        pollster::block_on(allocator.add(&request)).unwrap()[0].address
    };
    let address = add("a");
    store.fail_write(1, Fault::After);
    assert_eq!(pollster::block_on(world::del(&allocator, 0, "a")).unwrap().released, [address]);
    assert_eq!(add("b"), address);
    // Now nothing can be read afterwards either, until the first DEL has given up.
    let operations = store.counts().operations;
    store.fail_write(1, Fault::After);
    for read in 1..100_000 {
        store.fail_read(read);
    }
    let pending = pollster::block_on(world::del(&allocator, 0, "b"));
    assert!(pending.is_err() && store.counts().operations > operations + 1, "{pending:?}");
    store.restart();
    assert_eq!(pollster::block_on(world::del(&allocator, 0, "b")).unwrap().released, [address]);
    assert_eq!(pollster::block_on(world::del(&allocator, 0, "b")).unwrap().released, []);
}

struct Lab {
    clock: Arc<Clockwork>,
    store: Arc<dyn Store>,
    allocator: Allocator,
}

fn lab() -> Lab {
    let clock = Arc::new(Clockwork::default());
    clock.pass(Duration::from_secs(100));
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let config = AllocatorConfig::new(NodeName::new("n1").unwrap());
    let allocator = pollster::block_on(Allocator::open(store.clone(), clock.env(), config)).unwrap();
    Lab { clock, store, allocator }
}

impl Lab {
    fn pool(&self, name: &str, subnet: &str, ips: &[&str], cooldown: &str) -> Arc<PoolRef> {
        let mut pool = world::pool(name, subnet, ips);
        pool.metadata.annotations.insert("ipam.spidernet.io/release-cooldown".into(), cooldown.into());
        pollster::block_on(world::apply(&self.allocator, &pool))
    }

    fn add(&self, pod: usize, container: &str, pools: &[Arc<PoolRef>]) -> Result<Vec<Address>, AddError> {
        let granted = pollster::block_on(self.allocator.add(&world::add_request(pod, container, pools)))?;
        Ok(granted.into_iter().map(|granted| granted.address).collect())
    }

    fn del(&self, pod: usize, container: &str) -> Vec<Address> {
        pollster::block_on(world::del(&self.allocator, pod, container)).unwrap().released
    }

    fn held(&self) -> Vec<Address> {
        let listing = pollster::block_on(self.store.list(&Selector::Kind(Kind::Block))).unwrap();
        let blocks = listing.items.iter().map(|item| item.document.as_block().unwrap().clone());
        blocks.flat_map(|b| b.records().map(|(at, _)| b.address(at)).collect::<Vec<_>>()).collect()
    }
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

#[test]
fn h12_an_add_that_comes_after_its_containers_end_is_refused() {
    let lab = lab();
    let pools = [lab.pool("p", "10.0.0.0/24", &["10.0.0.1-10.0.0.2"], "0s")];
    assert_eq!(lab.add(1, "c0", &pools).unwrap().len(), 1);
    assert_eq!(lab.del(1, "c0").len(), 1);
    let address = lab.add(1, "c1", &pools).unwrap();
    assert!(matches!(lab.add(1, "c0", &pools), Err(AddError::ContainerGone { .. })));
    assert!(lab.del(1, "c0").is_empty(), "a late or repeated DEL of the old container frees nothing");
    assert_eq!(lab.held(), address);
}

#[test]
fn h22_an_add_and_a_del_of_one_owner_take_turns() {
    for round in 0..200 {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let allocator = pollster::block_on(world::open(store.clone(), "n1"));
        let v4 = world::pool("v4", "10.0.0.0/24", &["10.0.0.1-10.0.0.4"]);
        let v6 = world::pool("v6", "fd00::/120", &["fd00::1-fd00::4"]);
        let pools = pollster::block_on(async {
            [world::apply(&allocator, &v4).await, world::apply(&allocator, &v6).await]
        });
        let add = || pollster::block_on(allocator.add(&world::add_request(1, "c0", &pools)));
        let del = || pollster::block_on(world::del(&allocator, 1, "c0"));
        let (added, deleted) = std::thread::scope(|scope| {
            let (first, second) = (scope.spawn(add), scope.spawn(del));
            (first.join().unwrap(), second.join().unwrap())
        });
        assert!(deleted.is_ok());
        let blocks = pollster::block_on(store.list(&Selector::Kind(Kind::Block))).unwrap();
        let held = blocks
            .items
            .iter()
            .map(|item| item.document.as_block().unwrap().held().count_ones())
            .sum::<u32>();
        assert_eq!(held, 0, "round {round}: a part was granted to nobody after the DEL: {added:?}");
    }
}

#[test]
fn h23_what_was_in_use_is_not_undone() {
    let lab = lab();
    let v4 = lab.pool("v4", "10.0.0.0/24", &["10.0.0.1"], "1h");
    let v6 = lab.pool("v6", "fd00::/120", &["fd00::1"], "1h");
    let both = [v4.clone(), v6.clone()];
    assert_eq!(lab.add(1, "c0", &both).unwrap().len(), 2);
    // The v6 part of c0 is freed, as by a DEL that was cut off half-way; another pod cannot have it for an hour.
    let half = DelRequest {
        owner: OwnerUid::new("uid-1").unwrap(),
        fence: Fence::Owner,
        interface: None,
        mode: ReleaseMode::Free,
        timeout: Duration::from_secs(5),
    };
    let record = pollster::block_on(lab.allocator.del(&half)).unwrap();
    assert_eq!(record.released.len(), 2);
    lab.clock.pass(Duration::from_secs(3_601));
    assert_eq!(lab.add(1, "c0", std::slice::from_ref(&v4)).unwrap(), [address("10.0.0.1")]);
    assert_eq!(lab.add(2, "d0", std::slice::from_ref(&v6)).unwrap(), [address("fd00::1")]);
    // c1 finds v4 (reattached) and no v6: v4 stays, and its release rests an hour.
    assert!(matches!(lab.add(1, "c1", &both), Err(AddError::Refused { .. })));
    assert_eq!(lab.held().len(), 2);
    assert_eq!(lab.del(1, "c1"), [address("10.0.0.1")]);
    let cooling = lab.add(3, "e0", &[v4]).unwrap_err();
    let AddError::Refused { candidates, .. } = cooling else { panic!("{cooling}") };
    assert!(matches!(candidates[0].1, Refusal::Cooling(_)), "{candidates:?}");
}

#[test]
fn what_a_refused_request_granted_is_free_at_once() {
    let lab = lab();
    let v4 = lab.pool("v4", "10.0.0.0/24", &["10.0.0.1"], "1h");
    let v6 = lab.pool("v6", "fd00::/120", &["fd00::1"], "1h");
    lab.add(2, "d0", std::slice::from_ref(&v6)).unwrap();
    assert!(matches!(lab.add(1, "c0", &[v4.clone(), v6]), Err(AddError::Refused { .. })));
    assert_eq!(lab.add(3, "e0", &[v4]).unwrap(), [address("10.0.0.1")], "undone without cool-down");
}

#[test]
fn the_longest_idle_address_is_reused_first_and_none_before_its_time() {
    let lab = lab();
    let pools = [lab.pool("p", "10.0.0.0/24", &["10.0.0.1-10.0.0.3"], "10s")];
    let of: Vec<Address> = (0..3).map(|pod| lab.add(pod, &format!("c{pod}"), &pools).unwrap()[0]).collect();
    for pod in [1, 0, 2] {
        lab.clock.pass(Duration::from_secs(1));
        lab.del(pod, &format!("c{pod}"));
    }
    lab.clock.pass(Duration::from_millis(7_999));
    assert!(matches!(lab.add(9, "x", &pools), Err(AddError::Refused { .. })));
    lab.clock.pass(Duration::from_millis(1_001));
    assert_eq!(lab.add(9, "y", &pools).unwrap(), [of[1]]);
    lab.clock.pass(Duration::from_secs(2));
    assert_eq!(lab.add(8, "z", &pools).unwrap(), [of[0]]);
}

#[rstest]
#[case::free("10.0.0.2", None)]
#[case::held("10.0.0.1", Some("held by pod default/pod-1"))]
#[case::excluded("10.0.0.3", Some("not one of its addresses"))]
#[case::gateway("10.0.0.4", Some("not one of its addresses"))]
#[case::reserved("10.0.0.5", Some("is reserved"))]
#[case::outside("10.0.1.1", Some("not one of its addresses"))]
fn a_given_address_is_granted_or_explained(#[case] wanted: &str, #[case] refused: Option<&str>) {
    let lab = lab();
    let mut pool = world::pool("p", "10.0.0.0/24", &["10.0.0.1-10.0.0.9"]);
    pool.spec.exclude_ips = vec!["10.0.0.3".into(), "10.0.0.4".into()];
    pool.spec.gateway = Some("10.0.0.4".into());
    let pool = pollster::block_on(world::apply(&lab.allocator, &pool));
    let mut reservation = SpiderReservedIP::default();
    reservation.metadata.name = "r".into();
    reservation.spec.ips = vec!["10.0.0.5".into()];
    pollster::block_on(lab.allocator.apply_reservation(&reservation, Mode::Real)).unwrap();
    let ask = |pod: usize, wanted: &str| {
        let mut request = world::add_request(pod, &format!("c{pod}"), std::slice::from_ref(&pool));
        request.parts[0].address = Some(address(wanted));
        pollster::block_on(lab.allocator.add(&request))
    };
    assert_eq!(ask(1, "10.0.0.1").unwrap()[0].address, address("10.0.0.1"));
    match (ask(2, wanted), refused) {
        (Ok(granted), None) => assert_eq!(granted[0].address, address(wanted)),
        (Err(error), Some(words)) => {
            assert!(error.to_string().contains(words), "{error}");
            let AddError::Refused { candidates, .. } = error else { panic!("{error}") };
            assert!(matches!(
                candidates[0].1,
                Refusal::Unusable(_, Unusable::Held(_) | Unusable::NotInPool | Unusable::Reserved)
            ));
        }
        (other, _) => panic!("{other:?}"),
    }
}

/// A request for two interfaces by position, as with unnamed `ippools`.
fn unnamed(container: &str, pool: &Arc<PoolRef>, named: Option<&str>) -> AddRequest {
    let part = |index: u8| AddPart {
        slot: Slot::Indexed(index),
        interface: match (index, named) {
            (0, None) => Some(InterfaceName::new("eth0").unwrap()),
            (_, named) => named.map(|name| InterfaceName::new(name).unwrap()),
        },
        family: Family::V4,
        candidates: vec![pool.clone()],
        address: None,
    };
    let mut request = world::add_request(1, container, std::slice::from_ref(pool));
    request.parts = if named.is_some() { vec![part(1)] } else { vec![part(0), part(1)] };
    request
}

#[test]
fn with_unnamed_pools_the_first_add_grants_all_and_the_first_del_frees_what_nobody_claimed() {
    let lab = lab();
    let pool = lab.pool("p", "10.0.0.0/24", &["10.0.0.1-10.0.0.4"], "0s");
    let granted = pollster::block_on(lab.allocator.add(&unnamed("c0", &pool, None))).unwrap();
    assert_ne!(granted[0].address, granted[1].address, "two interfaces of one pool have two addresses");
    let claimed = pollster::block_on(lab.allocator.add(&unnamed("c0", &pool, Some("net1")))).unwrap();
    assert_eq!((claimed[0].address, claimed[0].how), (granted[1].address, How::Reattached));
    assert_eq!(lab.del(1, "c0"), [granted[0].address], "net1 was claimed: its own DEL frees it");
    let again = pollster::block_on(lab.allocator.add(&unnamed("c1", &pool, None))).unwrap();
    assert_eq!(again[1].address, granted[1].address);
    let mut freed = lab.del(1, "c1");
    freed.sort();
    let mut both = [again[0].address, again[1].address];
    both.sort();
    assert_eq!(freed.len(), 1, "net1 keeps its name: {freed:?} of {both:?}");
    let net1 = DelRequest {
        owner: OwnerUid::new("uid-1").unwrap(),
        fence: Fence::Container(ContainerId::new("c1").unwrap()),
        interface: Some(InterfaceName::new("net1").unwrap()),
        mode: ReleaseMode::Del,
        timeout: Duration::from_secs(5),
    };
    assert_eq!(pollster::block_on(lab.allocator.del(&net1)).unwrap().released, [again[1].address]);
    // A pod whose second interface never came: the first one's DEL frees both.
    pollster::block_on(lab.allocator.add(&unnamed("c2", &pool, None))).unwrap();
    assert_eq!(lab.del(1, "c2").len(), 2);
    assert!(lab.held().is_empty());
}

fn stateful(uid: &str, container: &str, pools: &[Arc<PoolRef>]) -> AddRequest {
    let mut request = world::add_request(0, container, pools);
    request.owner.uid = OwnerUid::new(uid).unwrap();
    request.owner.pod = Some("default/web-0".parse().unwrap());
    request.binding = Binding::Stateful;
    request.timeout = Duration::from_secs(1);
    request
}

fn declare(lab: &Lab, uid: &str) {
    let mut pod = Resource { api_version: "v1".into(), kind: "Pod".into(), ..Resource::default() };
    pod.metadata.name = "web-0".into();
    pod.metadata.namespace = Some("default".into());
    pod.metadata.uid = Some(uid.into());
    let name = "default/web-0".parse().unwrap();
    let key = Key::pod(&name);
    pollster::block_on(async {
        match lab.store.pod(&name).await.unwrap() {
            None => lab.store.create(&key, pod.into()).await.unwrap(),
            Some((_, token)) => lab.store.update(&key, &token, pod.into()).await.unwrap(),
        };
    });
}

#[test]
fn a_stateful_pod_keeps_its_address_over_restarts_and_dual_stack() {
    let lab = lab();
    let v4 = lab.pool("v4", "10.0.0.0/24", &["10.0.0.1-10.0.0.2"], "0s");
    let v6 = lab.pool("v6", "fd00::/120", &["fd00::1-fd00::2"], "0s");
    let both = [v4, v6];
    declare(&lab, "u1");
    let first = pollster::block_on(lab.allocator.add(&stateful("u1", "c1", &both))).unwrap();
    let del = |uid: &str, container: &str| {
        let request = DelRequest {
            owner: OwnerUid::new(uid).unwrap(),
            fence: Fence::Container(ContainerId::new(container).unwrap()),
            interface: Some(InterfaceName::new("eth0").unwrap()),
            mode: ReleaseMode::Del,
            timeout: Duration::from_secs(5),
        };
        pollster::block_on(lab.allocator.del(&request)).unwrap()
    };
    let freed = del("u1", "c1");
    assert_eq!((freed.released.len(), freed.detached.len()), (0, 2));
    // Others fill the pools up; the name's addresses stay.
    lab.add(1, "x1", &both).unwrap();
    assert!(lab.add(2, "x2", &both).is_err());
    declare(&lab, "u2");
    let second = pollster::block_on(lab.allocator.add(&stateful("u2", "c2", &both))).unwrap();
    let addresses = |granted: &[spiderpool_core::alloc::Allocation]| {
        granted.iter().map(|g| g.address).collect::<Vec<_>>()
    };
    assert_eq!(addresses(&first), addresses(&second));
    assert!(second.iter().all(|g| g.record.attachment == Attachment::Container("c2".parse().unwrap())));
    // The old incarnation's late ADD and DEL change nothing.
    let late = pollster::block_on(lab.allocator.add(&stateful("u1", "c1b", &both)));
    assert!(matches!(late, Err(AddError::Replaced { .. })), "{late:?}");
    assert_eq!(del("u1", "c1"), spiderpool_core::alloc::Freed::default());
    assert_eq!(lab.held().len(), 4);
}

#[test]
fn h18_to_h21_a_binding_is_released_only_when_nobody_wants_it() {
    use spiderpool_core::protocol::{BindingHolder, Kept, Unbound};
    let lab = lab();
    let pools = [lab.pool("v4", "10.0.0.0/24", &["10.0.0.1"], "0s")];
    let mut set =
        Resource { api_version: "apps/v1".into(), kind: "StatefulSet".into(), ..Resource::default() };
    set.metadata.name = "web".into();
    set.metadata.namespace = Some("default".into());
    set.metadata.uid = Some("set-1".into());
    set.rest.insert("spec".into(), serde_json::json!({"replicas": 1}));
    let name = ResourceName {
        kind: "StatefulSet".parse().unwrap(),
        group: Some("apps".parse().unwrap()),
        namespace: Some("default".parse().unwrap()),
        name: "web".parse().unwrap(),
    };
    let key = Key::Resource(name.clone());
    let token = pollster::block_on(lab.store.create(&key, set.clone().into())).unwrap();
    let judge = || {
        let holder = BindingHolder { controller: name.clone(), uid: "set-1".parse().unwrap() };
        let slot = Slot::Named(InterfaceName::new("eth0").unwrap());
        pollster::block_on(lab.allocator.unbind(
            &"default/web-0".parse().unwrap(),
            &slot,
            Family::V4,
            Some(holder),
        ))
    };
    declare(&lab, "u1");
    pollster::block_on(lab.allocator.add(&stateful("u1", "c1", &pools))).unwrap();
    assert_eq!(judge(), Unbound::Kept(Kept::PodExists));
    let pod = "default/web-0".parse().unwrap();
    pollster::block_on(async {
        let (_, token) = lab.store.pod(&pod).await.unwrap().unwrap();
        lab.store.delete(&Key::pod(&pod), &token).await.unwrap();
    });
    assert_eq!(judge(), Unbound::Kept(Kept::Wanted), "between two incarnations the address stays (H19)");
    set.rest.insert("spec".into(), serde_json::json!({"replicas": 0}));
    pollster::block_on(lab.store.update(&key, &token, set.into())).unwrap();
    assert!(matches!(judge(), Unbound::Kept(Kept::Attached(_))), "the container still runs");
    let detach = DelRequest {
        owner: OwnerUid::new("u1").unwrap(),
        fence: Fence::Container(ContainerId::new("c1").unwrap()),
        interface: None,
        mode: ReleaseMode::Del,
        timeout: Duration::from_secs(5),
    };
    pollster::block_on(lab.allocator.del(&detach)).unwrap();
    assert_eq!(judge(), Unbound::Released);
    assert_eq!(judge(), Unbound::Nothing);
    assert!(lab.held().is_empty());
}

/// Polls `future` at most `times` times. Whether it finished.
fn poll_times(future: impl Future, times: usize) -> bool {
    let mut future = std::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..times).any(|_| matches!(future.as_mut().poll(&mut context), Poll::Ready(_)))
}

/// A store that answers only at the second poll, so that a request can be dropped at every operation.
fn slow(seed: u64) -> (Arc<MemoryStore>, FaultStore<Arc<MemoryStore>>) {
    let truth = Arc::new(MemoryStore::new());
    let plan = FaultPlan { seed, delay: 1.0, delay_up_to: Duration::from_millis(1), ..FaultPlan::default() };
    (truth.clone(), FaultStore::new(truth, plan))
}

#[derive(Debug)]
struct TwoPolls;

impl spiderpool_core::env::Timer for TwoPolls {
    fn sleep(&self, _: Duration) -> spiderpool_core::env::BoxFuture<()> {
        let mut polled = false;
        Box::pin(std::future::poll_fn(move |context| {
            if std::mem::replace(&mut polled, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }))
    }
}

#[test]
fn a_request_dropped_at_any_point_leaves_nothing_that_its_del_does_not_free() {
    let mut finished = false;
    for times in 1..400 {
        let clock = Arc::new(Clockwork::default());
        let mut env = clock.env();
        env.timer = Arc::new(TwoPolls);
        let (truth, store) = slow(times as u64);
        let store: Arc<dyn Store> = Arc::new(store.with_timer(env.clone()));
        let config = AllocatorConfig::new(NodeName::new("n1").unwrap());
        let allocator = pollster::block_on(Allocator::open(store, env, config)).unwrap();
        let pool = world::pool("p", "10.0.0.0/24", &["10.0.0.1-10.0.0.4"]);
        let pools = [pollster::block_on(world::apply(&allocator, &pool))];
        finished = poll_times(allocator.add(&world::add_request(1, "c0", &pools)), times);
        // Another pod of the same block goes on as if nothing had happened.
        let other = pollster::block_on(world::add(&allocator, 2, &pools)).unwrap();
        pollster::block_on(world::del(&allocator, 1, "c0")).unwrap();
        let listing = pollster::block_on(truth.list(&Selector::Kind(Kind::Block))).unwrap();
        let held: Vec<Address> = listing
            .items
            .iter()
            .map(|item| item.document.as_block().unwrap().clone())
            .flat_map(|block| block.records().map(|(at, _)| block.address(at)).collect::<Vec<_>>())
            .collect();
        assert_eq!(held, [other[0].address], "dropped after {times} polls");
        if finished {
            break;
        }
    }
    assert!(finished, "the request never came to its end");
}
