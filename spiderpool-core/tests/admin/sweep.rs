//! Passes of the sweep over a store.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use pollster::block_on;
use proptest::prelude::*;
use serde_json::json;
use spiderpool_core::{
    addr::Address,
    admin::Mode,
    alloc::{Allocator, AllocatorConfig},
    api::{Resource, keys},
    inspect::RecordFilter,
    model::{Attachment, Binding, Controller, Record},
    name::{ContainerId, NodeName, ObjectName, Uid},
    protocol::PoolRef,
    store::{
        Document, FaultPlan, FaultStore, Key, Kind, MemoryStore, ResourceName, Selector, Store, StoreExt,
        Versioned,
    },
    sweep::{Declared, Done, SandboxSeen, Sandboxes, Sources, StoreSources, SweepPolicy, Swept},
};

use super::{
    scene::World as Scene,
    world::{Hands, add, address, apply, container, del, open, owner, pool, request, still_env},
};

/// What the nodes say of their containers; of others they say that they are there.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    sandboxes: Mutex<BTreeMap<ContainerId, SandboxSeen>>,
    /// Something happens while the node is asked.
    meanwhile: Mutex<Option<Meanwhile>>,
}

#[derive(Debug)]
struct Meanwhile {
    allocator: Allocator,
    pool: Arc<PoolRef>,
    pod: usize,
}

impl Nodes {
    pub(crate) fn say(&self, pod: usize, round: usize, seen: SandboxSeen) {
        self.sandboxes.lock().insert(container(pod, round), seen);
    }
}

#[async_trait]
impl Sandboxes for Nodes {
    async fn sandbox(&self, _: &NodeName, container: &ContainerId) -> SandboxSeen {
        let meanwhile = self.meanwhile.lock().take();
        if let Some(Meanwhile { allocator, pool, pod }) = meanwhile {
            add(&allocator, pod, 9, &[pool], Binding::Stateless).await.unwrap();
        }
        self.sandboxes.lock().get(container).copied().unwrap_or(SandboxSeen::Alive)
    }
}

/// A scope with one pool, and who can be asked.
pub(crate) struct World {
    pub(crate) allocator: Allocator,
    hands: Arc<Hands>,
    pool: Arc<PoolRef>,
    pub(crate) nodes: Arc<Nodes>,
    pub(crate) sources: Arc<dyn Sources>,
}

impl World {
    pub(crate) async fn new(store: Arc<dyn Store>) -> Self {
        let (env, hands) = still_env();
        let allocator = open(store.clone(), &env, 3).await;
        let pool = apply(&allocator, &pool("p", "10.0.0.0/24", &["10.0.0.1-10.0.0.60"])).await;
        let nodes = Arc::new(Nodes::default());
        let sources = StoreSources::new(store, env.clock.clone(), nodes.clone(), Declared::Always);
        Self { allocator, hands, pool, nodes, sources: Arc::new(sources) }
    }

    pub(crate) async fn sweep(&self, mode: Mode) -> Swept {
        self.allocator.sweep(&self.sources, &SweepPolicy::default(), mode).await.unwrap()
    }

    pub(crate) async fn add(&self, pod: usize, round: usize, binding: Binding) -> Address {
        let mut request = request(pod, container(pod, round), std::slice::from_ref(&self.pool), binding);
        if binding == Binding::Stateful {
            request.controller = Some(stateful_set().into());
        }
        self.allocator.add(&request).await.unwrap()[0].address
    }

    pub(crate) async fn put(&self, object: serde_json::Value) {
        put(self.allocator.store().as_ref(), object).await;
    }

    async fn remove(&self, key: &Key) {
        if let Some(found) = self.allocator.store().get(key).await.unwrap() {
            self.allocator.store().delete(key, &found.token).await.unwrap();
        }
    }

    pub(crate) async fn remove_pod(&self, pod: usize) {
        self.remove(&Key::pod(owner(pod).pod.as_ref().unwrap())).await;
    }

    pub(crate) async fn held(&self) -> BTreeSet<Address> {
        let records = self.allocator.inspect().records(&RecordFilter::default()).await.unwrap();
        records.into_iter().map(|(address, _)| address).collect()
    }

    async fn everything(&self) -> Vec<Versioned> {
        everything(self.allocator.store().as_ref()).await
    }
}

pub(crate) async fn everything(store: &dyn Store) -> Vec<Versioned> {
    let mut all = Vec::new();
    for kind in Kind::ALL {
        all.extend(store.list(&Selector::Kind(kind)).await.unwrap().items);
    }
    all
}

/// Writes an object, over what is there.
pub(crate) async fn put(store: &dyn Store, object: serde_json::Value) {
    let object: Resource = serde_json::from_value(object).unwrap();
    let group = object.api_version.split_once('/').map(|(group, _)| ObjectName::new(group).unwrap());
    let key = Key::Resource(ResourceName {
        kind: ObjectName::new(&object.kind).unwrap(),
        group,
        namespace: object.metadata.namespace.as_deref().map(|text| text.parse().unwrap()),
        name: ObjectName::new(&object.metadata.name).unwrap(),
    });
    match store.get(&key).await.unwrap() {
        Some(found) => store.update(&key, &found.token, object.into()).await.unwrap(),
        None => store.create(&key, object.into()).await.unwrap(),
    };
}

/// The pod of [`owner`].
pub(crate) fn pod(pod: usize, uid: &str, phase: &str) -> serde_json::Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": "default", "name": format!("pod-{pod}"), "uid": uid},
        "status": {"phase": phase, "podIPs": [{"ip": "10.0.0.1"}]},
    })
}

/// The StatefulSet `pod`, which pod-0, pod-1 … belong to.
fn stateful_set() -> Controller {
    Controller {
        api_version: "apps/v1".into(),
        kind: "StatefulSet".into(),
        name: ObjectName::new("pod").unwrap(),
        uid: Uid::new("uid-set").unwrap(),
    }
}

fn set(uid: &str, replicas: usize) -> serde_json::Value {
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"namespace": "default", "name": "pod", "uid": uid}, "spec": {"replicas": replicas},
    })
}

fn node(taint: &str) -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}, "spec": {"taints": [{"key": taint}]}})
}

fn lease(renewed: &str) -> serde_json::Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"namespace": "kube-node-lease", "name": "node-1"}, "spec": {"renewTime": renewed},
    })
}

/// How one pod of a random world stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Api {
    Runs,
    Absent,
    Replaced,
}

#[derive(Clone, Debug)]
struct Pod {
    stateful: bool,
    api: Api,
    sandbox: SandboxSeen,
    detached: bool,
}

fn pods() -> impl Strategy<Value = Vec<Pod>> {
    use SandboxSeen::{Alive, Gone, NodeSilent};
    let api = prop::sample::select(vec![Api::Runs, Api::Absent, Api::Absent, Api::Replaced]);
    let sandbox = prop::sample::select(vec![Gone, Gone, Alive, NodeSilent]);
    let one = (any::<bool>(), api, sandbox, any::<bool>());
    let one = one.prop_map(|(stateful, api, sandbox, detached)| Pod { stateful, api, sandbox, detached });
    prop::collection::vec(one, 0..12)
}

/// Which pods keep their address: said once more, in the words of rules 9d and 15.
fn keeps(pods: &[Pod], replicas: usize, node_gone: bool) -> BTreeSet<usize> {
    let stays = |(at, pod): (usize, &Pod)| {
        let unused = match pod.sandbox {
            SandboxSeen::Gone => true,
            SandboxSeen::NodeSilent => node_gone,
            _ => false,
        };
        let keeps = match (pod.stateful, pod.detached) {
            (false, true) => false,
            (false, false) => pod.api == Api::Runs || !unused,
            (true, detached) => pod.api != Api::Absent || at < replicas || !(unused || detached),
        };
        keeps.then_some(at)
    };
    pods.iter().enumerate().filter_map(stays).collect()
}

async fn set_up(world: &World, pods: &[Pod]) -> BTreeMap<Address, usize> {
    let mut held = BTreeMap::new();
    for (at, it) in pods.iter().enumerate() {
        let binding = if it.stateful { Binding::Stateful } else { Binding::Stateless };
        world.put(pod(at, owner(at).uid.as_str(), "Running")).await;
        held.insert(world.add(at, 0, binding).await, at);
        if it.detached {
            del(&world.allocator, at, 0).await;
        }
        world.nodes.say(at, 0, it.sandbox);
        match it.api {
            Api::Runs => {}
            Api::Absent => world.remove_pod(at).await,
            Api::Replaced => world.put(pod(at, "reborn", "Running")).await,
        }
    }
    held
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// I5 and I6 in one: after a pass exactly those are held that a source knows to be alive.
    #[test]
    fn a_pass_frees_what_both_sources_call_gone_and_nothing_else(
        pods in pods(),
        replicas in 0..12usize,
        node_gone: bool,
    ) {
        block_on(async {
            let world = World::new(Arc::new(MemoryStore::new())).await;
            let held = set_up(&world, &pods).await;
            world.put(node(if node_gone { "node.kubernetes.io/out-of-service" } else { "x" })).await;
            world.put(set("uid-set", replicas)).await;
            let before = world.everything().await;
            let dry = world.sweep(Mode::DryRun).await;
            assert_eq!(world.everything().await, before, "a dry run writes nothing");
            let real = world.sweep(Mode::Real).await;
            let would: Vec<_> = dry.freed().map(|judged| (judged.address, judged.reason())).collect();
            let did: Vec<_> = real.freed().map(|judged| (judged.address, judged.reason())).collect();
            assert_eq!(did, would);
            let kept: BTreeSet<usize> = world.held().await.iter().map(|address| held[address]).collect();
            assert_eq!(kept, keeps(&pods, replicas, node_gone));
            assert_eq!(world.allocator.inspect().fsck().await.unwrap(), []);
            // Nothing is left to do.
            assert_eq!(world.sweep(Mode::Real).await.freed().count(), 0);
        });
    }

    /// The same among faults: nothing is freed that should stay, ever; and once they are over, one pass does it all.
    #[test]
    fn faults_free_nothing_and_leave_nothing(pods in pods(), replicas in 0..12usize, seed: u64) {
        block_on(async {
            let store = Arc::new(FaultStore::new(MemoryStore::new(), FaultPlan::default()));
            let world = World::new(store.clone()).await;
            let held = set_up(&world, &pods).await;
            world.put(node("x")).await;
            world.put(set("uid-set", replicas)).await;
            let keeps = keeps(&pods, replicas, false);
            store.set_plan(FaultPlan {
                seed, before: 0.1, after: 0.1, lost: 0.1, late: 0.05, late_by: 10, reads: 0.05, ..FaultPlan::default()
            });
            for _ in 0..4 {
                let _ = world.allocator.sweep(&world.sources, &SweepPolicy::default(), Mode::Real).await;
            }
            store.set_plan(FaultPlan::default());
            store.land().await;
            let left: BTreeSet<usize> = world.held().await.iter().map(|address| held[address]).collect();
            assert!(left.is_superset(&keeps), "{left:?} {keeps:?}");
            world.sweep(Mode::Real).await;
            let left: BTreeSet<usize> = world.held().await.iter().map(|address| held[address]).collect();
            assert_eq!(left, keeps);
        });
    }
}

/// An agent that does not lead sees to its own node, in the blocks that it knows, and to nothing else.
#[test]
fn a_node_sweeps_its_own_and_nobody_elses() {
    block_on(async {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let world = World::new(store.clone()).await;
        let (own, other_own) =
            (world.add(0, 0, Binding::Stateless).await, world.add(1, 0, Binding::Stateless).await);
        let (env, _) = still_env();
        let config = AllocatorConfig::new(NodeName::new("another-node").unwrap());
        let other = Allocator::open(store, env, config).await.unwrap();
        let theirs = add(&other, 2, 0, std::slice::from_ref(&world.pool), Binding::Stateless).await.unwrap();
        for pod in 0..3 {
            world.nodes.say(pod, 0, SandboxSeen::Gone);
        }
        world.put(pod(1, owner(1).uid.as_str(), "Running")).await;
        let policy = SweepPolicy::default();
        let swept = world.allocator.sweep_own(&world.sources, &policy, Mode::Real).await.unwrap();
        let freed: Vec<_> = swept.freed().map(|judged| judged.address).collect();
        assert_eq!((swept.judged.len(), freed), (2, vec![own]));
        assert_eq!(world.held().await, BTreeSet::from([other_own, theirs[0].address]));
        let swept = other.sweep_own(&world.sources, &policy, Mode::Real).await.unwrap();
        assert_eq!(swept.freed().map(|judged| judged.address).collect::<Vec<_>>(), [theirs[0].address]);
    });
}

#[test]
fn a_newer_grant_is_never_freed() {
    block_on(async {
        let world = World::new(Arc::new(MemoryStore::new())).await;
        let held = world.add(0, 0, Binding::Stateless).await;
        world.nodes.say(0, 0, SandboxSeen::Gone);
        // The pod's object is late; its next container attaches between the question and the release.
        *world.nodes.meanwhile.lock() =
            Some(Meanwhile { allocator: world.allocator.clone(), pool: world.pool.clone(), pod: 0 });
        let swept = world.sweep(Mode::Real).await;
        assert_eq!(swept.judged[0].done, Done::Changed, "{swept:#?}");
        assert_eq!(world.held().await, BTreeSet::from([held]));
    });
}

#[test]
fn a_container_is_retired_only_between_requests() {
    block_on(async {
        let world = World::new(Arc::new(MemoryStore::new())).await;
        world.add(0, 0, Binding::Stateless).await;
        assert!(world.allocator.retire(&owner(0).uid, &container(0, 0)).await);
        let again = add(&world.allocator, 0, 0, std::slice::from_ref(&world.pool), Binding::Stateless).await;
        assert!(again.is_err(), "an ADD for a container that an agent called gone is refused");
        assert!(
            add(&world.allocator, 0, 1, std::slice::from_ref(&world.pool), Binding::Stateless).await.is_ok()
        );
    });
}

#[test]
fn a_lost_node_gives_its_addresses_back_after_five_minutes_of_silence() {
    block_on(async {
        let world = World::new(Arc::new(MemoryStore::new())).await;
        for (pod, binding) in [(0, Binding::Stateless), (1, Binding::Stateful)] {
            world.put(self::pod(pod, owner(pod).uid.as_str(), "Running")).await;
            world.add(pod, 0, binding).await;
            world.nodes.say(pod, 0, SandboxSeen::NodeSilent);
            world.remove_pod(pod).await;
        }
        world.put(node("x")).await;
        world.put(lease("then")).await;
        let mut freed = Vec::new();
        for seconds in [0, 200, 99, 1] {
            world.hands.advance(Duration::from_secs(seconds));
            // A wall clock that jumps makes no lease stale: only its own silence does.
            freed.push(world.sweep(Mode::Real).await.freed().count());
        }
        assert_eq!(freed, [0, 0, 0, 2]);
        assert_eq!(world.held().await, BTreeSet::new());
    });
}

#[test]
fn a_claim_that_was_never_granted_goes_with_its_controller() {
    block_on(async {
        let world = World::new(Arc::new(MemoryStore::new())).await;
        for pod in [0, 1] {
            world.put(self::pod(pod, owner(pod).uid.as_str(), "Running")).await;
            world.add(pod, 0, Binding::Stateful).await;
        }
        // Their agent died between claim and grant: the records are lost, the claims are there.
        for item in everything(world.allocator.store().as_ref()).await {
            if let Document::Block(block) = &item.document {
                let mut empty = block.as_ref().clone();
                let offsets: Vec<u8> = empty.records().map(|(offset, _)| offset).collect();
                offsets.into_iter().for_each(|offset| drop(empty.take(offset, None)));
                world.allocator.store().update(&item.key, &item.token, empty.into()).await.unwrap();
            }
        }
        for pod in [0, 1] {
            world.remove_pod(pod).await;
        }
        world.put(set("uid-set", 1)).await;
        let reasons: Vec<String> =
            world.sweep(Mode::Real).await.judged.iter().map(|judged| judged.verdict.to_string()).collect();
        insta::assert_snapshot!(reasons.join("\n"), @"
        keep: its controller wants its owner's name
        free: no pod of that name exists, and its controller wants none, and no container is attached
        ");
        let claims = world.allocator.store().list(&Selector::Kind(Kind::Endpoint)).await.unwrap();
        let names: Vec<String> = claims.items.iter().map(|item| item.key.to_string()).collect();
        assert_eq!(names, ["endpoint default/pod-0"]);
    });
}

/// After a reboot without the intent log: the old container's address beside the new one's.
#[test]
fn of_two_addresses_of_one_key_the_used_one_stays() {
    block_on(async {
        let mut world = World::new(Arc::new(MemoryStore::new())).await;
        let scene = Scene { allocator: world.allocator.clone(), hands: world.hands.clone() };
        let new = address("10.0.0.5");
        // Its block is full, so nobody who looks for a free address comes by it.
        for last in 1..8 {
            let pod = if last == 5 { 0 } else { 10 + last };
            let mut wanted =
                request(pod, container(pod, 1), std::slice::from_ref(&world.pool), Binding::Stateless);
            wanted.parts[0].address = Some(address(&format!("10.0.0.{last}")));
            world.put(self::pod(pod, owner(pod).uid.as_str(), "Running")).await;
            world.allocator.add(&wanted).await.unwrap();
        }
        let mut old: Record = scene.record(0, "p", Binding::Stateless).await;
        old.attachment = Attachment::Container(container(0, 0));
        scene.plant_record("10.0.0.40", old).await;
        world.nodes.say(0, 0, SandboxSeen::Gone);
        assert_eq!(world.held().await.len(), 8);
        // Its agent starts anew, and remembers the last one that it reads.
        world.allocator = open(world.allocator.store().clone(), world.allocator.env(), 3).await;
        let swept = world.sweep(Mode::Real).await;
        let freed: Vec<_> = swept.freed().map(|judged| judged.address).collect();
        assert_eq!(freed, [address("10.0.0.40")]);
        // The agent knows which one is left.
        assert_eq!(world.add(0, 1, Binding::Stateless).await, new);
        assert_eq!(world.held().await.len(), 7);
    });
}

#[test]
fn where_no_pod_is_declared_no_pod_is_known_to_be_gone() {
    block_on(async {
        let world = World::new(Arc::new(MemoryStore::new())).await;
        world.add(0, 0, Binding::Stateless).await;
        world.nodes.say(0, 0, SandboxSeen::Gone);
        let (store, clock) = (world.allocator.store().clone(), world.allocator.env().clock.clone());
        let sources = || {
            let sources =
                StoreSources::new(store.clone(), clock.clone(), world.nodes.clone(), Declared::WhereAny);
            Arc::new(sources) as Arc<dyn Sources>
        };
        let policy = SweepPolicy::default();
        let count = |swept: Swept| swept.freed().count();
        assert_eq!(count(world.allocator.sweep(&sources(), &policy, Mode::Real).await.unwrap()), 0);
        world.put(pod(7, "u", "Running")).await;
        assert_eq!(count(world.allocator.sweep(&sources(), &policy, Mode::Real).await.unwrap()), 1);
        assert!(store.endpoint(owner(0).pod.as_ref().unwrap()).await.unwrap().is_none());
    });
}

/// For as long as its annotation says, counted from the pass that saw that it is not wanted; and from anew once it was wanted again.
#[test]
fn a_stateful_application_keeps_addresses_over_a_scale_down_for_a_while() {
    block_on(async {
        let world = World::new(Arc::new(MemoryStore::new())).await;
        world.put(pod(0, owner(0).uid.as_str(), "Running")).await;
        let address = world.add(0, 0, Binding::Stateful).await;
        world.remove_pod(0).await;
        world.nodes.say(0, 0, SandboxSeen::Gone);
        let scale = async |replicas| {
            let mut application = set("uid-set", replicas);
            application["spec"]["template"]["metadata"]["annotations"] = json!({keys::KEEP: "1h"});
            world.put(application).await;
        };
        let after = async |minutes: u64| {
            world.hands.advance(Duration::from_secs(minutes * 60));
            let (dry, real) = (world.sweep(Mode::DryRun).await, world.sweep(Mode::Real).await);
            assert_eq!(dry.freed().count(), real.freed().count());
            (real.freed().count(), real.judged[0].verdict.to_string())
        };
        scale(0).await;
        let (freed, why) = after(0).await;
        assert_eq!(freed, 0);
        assert!(why.contains("keeps its address for a while"), "{why}");
        assert_eq!(after(59).await.0, 0);
        // Wanted again, and then not: an hour begins.
        scale(1).await;
        assert_eq!(after(2).await.0, 0);
        scale(0).await;
        assert_eq!(after(0).await.0, 0);
        assert_eq!(after(59).await.0, 0);
        assert_eq!(world.held().await, BTreeSet::from([address]));
        assert_eq!(after(2).await.0, 1);
        assert_eq!(world.held().await, BTreeSet::new());
    });
}
