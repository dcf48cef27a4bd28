//! A small world: a store, pods, and actors that take one step at a time in every order.

mod actor;
mod answers;
mod begin;
mod edits;
mod faults;
mod look;
mod memory;
mod recover;
mod runner;
mod steps;
mod tell;
pub(crate) mod things;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use spiderpool_core::{
    addr::{Address, Family},
    api::SpiderIPPool,
    model::{BlockBits, BlockId, Record},
    name::{ContainerId, NamespacedName, ObjectName, OwnerUid},
    protocol::{Op, Reply, Role, Setting, Settle, Snapshots, Subject},
    store::{Document, Key},
    time::{Moment, Timestamp},
};

pub(crate) use self::{
    actor::{Actor, Task},
    begin::stateful_set,
    faults::Faults,
    tell::operation,
};
use self::{
    memory::Memory,
    runner::Runner,
    things::{address, pod_name, pool_ref, scope},
};

use super::{
    hash::Quick,
    sight::{self, Running},
    store::ModelStore,
};

const DEADLINE: Moment = Moment::from_millis(1_000);

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) store: ModelStore,
    pub(crate) pods: BTreeMap<NamespacedName, OwnerUid>,
    /// Containers that were answered and run, with their owner and addresses.
    pub(crate) running: Running,
    ended: BTreeSet<ContainerId>,
    gone: BTreeSet<ContainerId>,
    pub(crate) actors: Vec<Arc<Actor>>,
    /// Of the actors, when the state was sealed.
    hashes: Vec<u64>,
    late: Vec<Op>,
    faults: Faults,
    bits: BlockBits,
    snapshots: Snapshots,
    now: Timestamp,
    cooldown: Duration,
    /// Addresses that a container was answered with since they were recorded.
    answered: BTreeSet<Address>,
    /// Addresses that were in use, and until when they rest.
    resting: BTreeMap<Address, Timestamp>,
    /// Reservations that were admitted while nobody held one of their addresses.
    pub(crate) clean: BTreeSet<Key>,
    /// The step under way is the sweep's.
    judging: bool,
    /// A log was lost: of one key two records may be left, for the sweep.
    pub(crate) lost_log: bool,
    /// What a step did that it must not.
    pub(crate) violation: Option<String>,
}

impl World {
    /// A world of `pools` whose plans are settled, in blocks of 2^`bits` addresses.
    pub(crate) fn new(pools: &[SpiderIPPool], bits: u8) -> Self {
        let mut world = Self {
            store: ModelStore::default(),
            pods: BTreeMap::new(),
            running: BTreeMap::new(),
            ended: BTreeSet::new(),
            gone: BTreeSet::new(),
            actors: Vec::new(),
            hashes: Vec::new(),
            late: Vec::new(),
            faults: Faults::default(),
            bits: BlockBits::new(bits).unwrap(),
            snapshots: Snapshots::Yes,
            now: Timestamp::from_millis(0),
            cooldown: Duration::ZERO,
            answered: BTreeSet::new(),
            resting: BTreeMap::new(),
            clean: BTreeSet::new(),
            judging: false,
            lost_log: false,
            violation: None,
        };
        for pool in pools {
            world = world.with_pool(pool);
        }
        for family in [Family::V4, Family::V6] {
            world.settle_now(Subject::reservations(&scope(), family));
        }
        world
    }

    /// Another pool, whose plan is settled.
    pub(crate) fn with_pool(mut self, pool: &SpiderIPPool) -> Self {
        let key = Key::Pool(ObjectName::new(&pool.metadata.name).unwrap());
        self.store.put(&key, pool.clone().into());
        self.settle_now(Subject::pool(&pool_ref(pool)));
        self
    }

    fn settle_now(&mut self, subject: Subject) {
        let mut memory = Memory::default();
        let mut runner = Runner::new(Settle::new(subject, Role::Agent, 7, DEADLINE), self.bits);
        let mut done = runner.go(Reply::Start, self.now, &mut memory).is_some();
        while !done {
            let op = runner.next().unwrap().clone();
            let reply = self.store.perform(&op).unwrap();
            done = runner.go(reply, self.now, &mut memory).is_some();
        }
    }

    /// The first thing that can happen, until nothing can.
    pub(crate) fn run_out(mut self) -> Self {
        while !self.idle() {
            self = self.successors().remove(0);
        }
        self
    }

    /// Lets whoever was added so far finish, one after the other, and leave.
    pub(crate) fn settled(self) -> Self {
        let mut world = self.run_out();
        world.actors.clear();
        world
    }

    pub(crate) fn with(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    pub(crate) fn actor(mut self, node: &'static str, tasks: Vec<Task>) -> Self {
        self.actors.push(Arc::new(Actor::new(node, tasks)));
        self
    }

    /// The last actor keeps blocks in a cache, written through.
    pub(crate) fn caching(mut self) -> Self {
        Arc::make_mut(self.actors.last_mut().unwrap()).memory.cache();
        self
    }

    /// The first actor goes on with these.
    pub(crate) fn then(mut self, tasks: Vec<Task>) -> Self {
        let first = Arc::make_mut(&mut self.actors[0]);
        first.tasks.extend(tasks.into_iter().rev().map(Arc::new));
        self
    }

    /// A store whose listings do not show one instant.
    pub(crate) fn without_snapshots(mut self) -> Self {
        self.snapshots = Snapshots::No;
        self
    }

    /// Released addresses rest this long.
    pub(crate) fn cooling(mut self, cooldown: Duration) -> Self {
        self.cooldown = cooldown;
        self
    }

    pub(crate) fn pod(mut self, name: &str, uid: &str) -> Self {
        self.pods.insert(pod_name(name), OwnerUid::new(uid).unwrap());
        self
    }

    fn block_id(&self, n: u8) -> BlockId {
        BlockId::of(&scope(), self.bits, address(n))
    }

    fn setting(&self) -> Setting {
        Setting { bits: self.bits, snapshots: self.snapshots }
    }

    pub(crate) fn idle(&self) -> bool {
        self.actors.iter().all(|actor| actor.idle())
    }

    /// What tells this state from others. Takes the hashes of actors that are the same as in `before` from there.
    pub(crate) fn seal(&mut self, before: Option<&Self>) -> u64 {
        let hash = |at: usize, actor: &Arc<Actor>| match before {
            Some(before) if Arc::ptr_eq(actor, &before.actors[at]) => before.hashes[at],
            _ => Quick::of(actor.as_ref()),
        };
        self.hashes = self.actors.iter().enumerate().map(|(at, actor)| hash(at, actor)).collect();
        let Self { store, pods, running, ended, gone, actors: _, hashes, late, faults, .. } = self;
        let Self { bits: _, snapshots: _, now, cooldown: _, answered, resting, clean, judging: _, .. } = self;
        let what_was = (&*answered, &*resting, &*clean, self.lost_log, &self.violation);
        Quick::of(&(store, pods, running, ended, gone, hashes, late, faults, now, what_was))
    }

    /// All claims of stateful owners.
    pub(crate) fn claims(&self) -> Vec<(NamespacedName, Address)> {
        let mut all = Vec::new();
        for (key, document) in self.store.documents() {
            if let (Key::Endpoint(name), Document::Endpoint(endpoint)) = (key, document) {
                all.extend(endpoint.status.claims.iter().map(|claim| (name.clone(), claim.address)));
            }
        }
        all
    }

    /// All records.
    pub(crate) fn records(&self) -> Vec<(Address, Arc<Record>)> {
        sight::records(&self.store)
    }
}
