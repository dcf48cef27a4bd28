//! A small world: a store, pods, and actors that take one step at a time in every order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use spiderpool_core::{
    addr::{Address, Family, IpSet},
    api::{IPPoolSpec, ObjectMeta, ReservedIPSpec, SpiderIPPool, SpiderReservedIP},
    model::{Attachment, Binding, Block, BlockBits, GrantKey, Owner, PlanId, Record, Slot},
    name::{ContainerId, InterfaceName, NamespacedName, NodeName, ObjectName, OwnerUid, ScopeName, Uid},
    protocol::{
        Add, Added, Admit, Admitted, Del, Deleted, Edit, Fence, Guard, Op, OpenAttempt, PartWanted, PoolRef,
        ReleaseMode, Releasing, Reply, Role, Run, SandboxState, Setting, Settle, Snapshots, Subject, Unbind,
        Wanted, pool_usable, reserved,
    },
    store::{Document, Key, Kind, Selector, Token},
    time::{Moment, Timestamp},
};

use super::{runner::Runner, store::ModelStore};

pub(crate) const DEADLINE: Moment = Moment::from_millis(1_000);

pub(crate) fn scope() -> ScopeName {
    ScopeName::default_scope()
}

/// The addresses 10.0.0.0 and up, by number.
pub(crate) fn addresses(numbers: &[u8]) -> Vec<String> {
    numbers.iter().map(|n| format!("10.0.0.{n}")).collect()
}

pub(crate) fn pool_object(name: &str, uid: &str, numbers: &[u8]) -> SpiderIPPool {
    SpiderIPPool {
        metadata: ObjectMeta { name: name.into(), uid: Some(uid.into()), ..ObjectMeta::default() },
        spec: IPPoolSpec { subnet: "10.0.0.0/24".into(), ips: addresses(numbers), ..IPPoolSpec::default() },
        ..SpiderIPPool::default()
    }
}

pub(crate) fn reservation(name: &str, numbers: &[u8]) -> SpiderReservedIP {
    SpiderReservedIP {
        metadata: ObjectMeta { name: name.into(), uid: Some(name.into()), ..ObjectMeta::default() },
        spec: ReservedIPSpec { ip_version: Some(4), ips: addresses(numbers) },
        ..SpiderReservedIP::default()
    }
}

pub(crate) fn pool_ref(object: &SpiderIPPool) -> Arc<PoolRef> {
    Arc::new(PoolRef {
        name: ObjectName::new(&object.metadata.name).unwrap(),
        uid: Uid::new(object.metadata.uid.as_deref().unwrap()).unwrap(),
        scope: scope(),
        family: Family::V4,
        usable: Arc::new(pool_usable(object, Family::V4)),
        cooldown: std::time::Duration::ZERO,
    })
}

pub(crate) fn pod_name(name: &str) -> NamespacedName {
    format!("default/{name}").parse().unwrap()
}

/// What an actor is told to do, in order.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Task {
    Add(Ask),
    Del {
        uid: String,
        container: String,
    },
    /// Replaces a pool by another version of itself: judged, then persisted or not, then settled.
    Edit(Box<SpiderIPPool>),
    /// Creates or replaces a reservation.
    Reserve(Box<SpiderReservedIP>),
    /// Deletes a pool that nobody holds an address of.
    Delete(ObjectName),
    /// Creates a pool, without any admission.
    Create(Box<SpiderIPPool>),
    Settle(Subject, Role, Timestamp),
    /// Deletes a block without records.
    DropEmptyBlock(u8),
    Unbind(NamespacedName),
    /// The pod of this name is gone, or is this one by now. Its containers run on.
    SetPod(NamespacedName, Option<OwnerUid>),
    /// The sandbox of a container goes; its DEL may still come.
    EndSandbox(ContainerId),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Ask {
    pub(crate) uid: String,
    pub(crate) pod: String,
    pub(crate) container: String,
    pub(crate) pools: Vec<Arc<PoolRef>>,
    pub(crate) binding: Binding,
}

pub(crate) fn ask(pod: &str, container: &str, pool: &Arc<PoolRef>) -> Ask {
    Ask {
        uid: format!("uid-{pod}"),
        pod: pod.into(),
        container: container.into(),
        pools: vec![pool.clone()],
        binding: Binding::Stateless,
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Current {
    Add(Box<Runner<Add>>, Ask),
    Del(Box<Runner<Del>>, Vec<GrantKey>, ContainerId),
    ReadingObject(Key, Document),
    Admit(Box<Runner<Admit>>, Key, Option<Token>, Option<Document>, Subject),
    Persist(Key, Option<Token>, Option<Document>, Subject),
    Settle(Box<Runner<Settle>>),
    Unbind(Box<Runner<Unbind>>),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Actor {
    node: &'static str,
    tasks: Vec<Task>,
    current: Option<Current>,
    held: BTreeMap<GrantKey, Address>,
    attempts: BTreeMap<GrantKey, OpenAttempt>,
    /// Whether the pools of the request under way were full at some instant.
    was_full: bool,
    /// Blocks as this actor saw them once: the first write of a request starts from a stale copy.
    pub(crate) remembers: Vec<(spiderpool_core::model::BlockId, Token, Arc<Block>)>,
    pub(crate) answers: Vec<String>,
}

/// How much may go wrong.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Faults {
    /// Writes that take effect and whose reply is lost.
    pub(crate) lost: u8,
    /// Writes that take effect at some later time, or never.
    pub(crate) late: u8,
    /// Actors that forget everything but the log of rule 7.
    pub(crate) crash: u8,
    /// Edits that were admitted and are never persisted.
    pub(crate) dead: u8,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct World {
    pub(crate) store: ModelStore,
    pub(crate) pods: BTreeMap<NamespacedName, OwnerUid>,
    /// Containers that were answered and run, with their owner and addresses.
    pub(crate) running: BTreeMap<ContainerId, (OwnerUid, Vec<Address>)>,
    pub(crate) ended: BTreeSet<ContainerId>,
    gone: BTreeSet<ContainerId>,
    pub(crate) actors: Vec<Actor>,
    late: Vec<Op>,
    faults: Faults,
    bits: BlockBits,
    /// Reservations that were admitted while nobody held one of their addresses.
    pub(crate) clean: BTreeSet<Key>,
}

impl World {
    /// A world of `pools` whose plans are settled.
    pub(crate) fn new(pools: &[SpiderIPPool], bits: u8) -> Self {
        let mut world = Self {
            store: ModelStore::default(),
            pods: BTreeMap::new(),
            running: BTreeMap::new(),
            ended: BTreeSet::new(),
            gone: BTreeSet::new(),
            actors: Vec::new(),
            late: Vec::new(),
            faults: Faults::default(),
            bits: BlockBits::new(bits).unwrap(),
            clean: BTreeSet::new(),
        };
        for pool in pools {
            let key = Key::Pool(ObjectName::new(&pool.metadata.name).unwrap());
            world.store.put(key, pool.clone().into());
            world.settle_now(Subject::pool(&pool_ref(pool)));
        }
        world.settle_now(Subject::reservations(&scope(), Family::V4));
        world
    }

    pub(crate) fn settle_now(&mut self, subject: Subject) {
        let mut runner = Runner::new(Settle::new(subject, Role::Agent, 7, DEADLINE), self.bits);
        let mut done = runner.go(Reply::Start).is_some();
        while !done {
            let op = runner.next().unwrap().clone();
            let reply = self.store.perform(&op).unwrap();
            done = runner.go(reply).is_some();
        }
    }

    /// Lets whoever was added so far finish, one after the other, and leave.
    pub(crate) fn settled(mut self) -> Self {
        while !self.idle() {
            self = self.successors().remove(0);
        }
        self.actors.clear();
        self
    }

    pub(crate) fn with(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    pub(crate) fn actor(mut self, node: &'static str, mut tasks: Vec<Task>) -> Self {
        tasks.reverse();
        self.actors.push(Actor {
            node,
            tasks,
            current: None,
            held: BTreeMap::new(),
            attempts: BTreeMap::new(),
            was_full: false,
            remembers: Vec::new(),
            answers: Vec::new(),
        });
        self
    }

    /// Lets the last actor remember the block of address `n` as it is now.
    pub(crate) fn remembering(mut self, n: u8) -> Self {
        let id = self.block_id(n);
        if let Some(found) = self.store.get(&Key::Block(id.clone())) {
            let block = found.document.as_block().unwrap().clone();
            self.actors.last_mut().unwrap().remembers.push((id, found.token, block));
        }
        self
    }

    pub(crate) fn block_id(&self, n: u8) -> spiderpool_core::model::BlockId {
        let address = format!("10.0.0.{n}").parse().unwrap();
        spiderpool_core::model::BlockId::of(&scope(), self.bits, address)
    }

    pub(crate) fn pod(mut self, name: &str, uid: &str) -> Self {
        self.pods.insert(pod_name(name), OwnerUid::new(uid).unwrap());
        self
    }

    fn setting(&self) -> Setting {
        Setting { bits: self.bits, snapshots: Snapshots::Yes }
    }

    /// All records, with the block's copies left aside.
    pub(crate) fn records(&self) -> Vec<(Address, Arc<Record>)> {
        let mut all = Vec::new();
        for (_, document) in self.store.documents() {
            if let Document::Block(block) = document {
                all.extend(block.records().map(|(offset, record)| (block.address(offset), record.clone())));
            }
        }
        all
    }

    pub(crate) fn persisted(&self, uid: &Uid) -> Option<&SpiderIPPool> {
        self.store.documents().find_map(|(_, document)| {
            let pool = document.as_pool()?;
            (pool.metadata.uid.as_deref() == Some(uid.as_str())).then_some(pool.as_ref())
        })
    }

    fn all_reserved(&self) -> IpSet {
        let mut all = IpSet::new(Family::V4);
        for (_, document) in self.store.documents() {
            if let Document::Reservation(reservation) = document {
                all = all.union(&reserved(reservation, Family::V4));
            }
        }
        all
    }

    /// Whether no address of the pools is free, by the persisted objects.
    fn full(&self, pools: &[Arc<PoolRef>]) -> bool {
        let mut free = IpSet::new(Family::V4);
        for pool in pools {
            if let Some(object) = self.persisted(&pool.uid) {
                free = free.union(&pool_usable(object, Family::V4));
            }
        }
        free = free.difference(&self.all_reserved());
        for (address, _) in self.records() {
            free.remove(address);
        }
        free.is_empty()
    }

    /// Everything that can happen next.
    pub(crate) fn successors(&self) -> Vec<Self> {
        let mut all = Vec::new();
        for at in 0..self.actors.len() {
            self.actor_steps(at, &mut all);
        }
        for at in 0..self.late.len() {
            let mut next = self.clone();
            let op = next.late.remove(at);
            let never = next.clone();
            next.perform(&op);
            all.push(next);
            all.push(never);
        }
        for world in &mut all {
            world.look();
        }
        all
    }

    /// Notes what is full at this instant.
    fn look(&mut self) {
        for at in 0..self.actors.len() {
            if let Some(Current::Add(_, ask)) = &self.actors[at].current
                && !self.actors[at].was_full
            {
                let full = self.full(&ask.pools.clone());
                self.actors[at].was_full = full;
            }
        }
    }

    fn actor_steps(&self, at: usize, all: &mut Vec<Self>) {
        if self.actors[at].current.is_none() {
            if self.actors[at].tasks.is_empty() {
                return;
            }
            let mut next = self.clone();
            next.begin(at);
            all.push(next);
            return;
        }
        if let Some(Current::Persist(..)) = self.actors[at].current
            && self.faults.dead > 0
        {
            let mut next = self.clone();
            next.faults.dead -= 1;
            next.actors[at].current = None;
            all.push(next);
        }
        if self.faults.crash > 0 {
            let mut next = self.clone();
            next.faults.crash -= 1;
            next.crash(at);
            all.push(next);
        }
        let op = self.next_op(at);
        let writes = matches!(op, Some(Op::Create(..) | Op::Update(..)));
        if writes && self.faults.lost > 0 {
            let mut next = self.clone();
            next.faults.lost -= 1;
            next.perform(op.as_ref().unwrap());
            next.resume(at, Runner::<Add>::lost());
            all.push(next);
        }
        if writes && self.faults.late > 0 {
            let mut next = self.clone();
            next.faults.late -= 1;
            next.late.push(op.clone().unwrap());
            next.resume(at, Runner::<Add>::lost());
            all.push(next);
        }
        let mut next = self.clone();
        let reply = match op {
            Some(op) => next.perform(&op),
            None => Reply::Start,
        };
        next.resume(at, reply);
        all.push(next);
    }

    fn perform(&mut self, op: &Op) -> Reply {
        match op {
            Op::Pod(name) => Reply::Pod(self.pods.get(name).cloned()),
            Op::Sandbox { container, .. } => {
                let gone = self.ended.contains(container);
                if gone {
                    // Whoever is said to be gone may not be added any more (rule 15).
                    self.gone.insert(container.clone());
                }
                Reply::Sandbox(if gone { SandboxState::Gone } else { SandboxState::Alive })
            }
            op => self.store.perform(op).unwrap(),
        }
    }

    fn next_op(&self, at: usize) -> Option<Op> {
        match self.actors[at].current.as_ref()? {
            Current::Add(runner, _) => runner.next().cloned(),
            Current::Del(runner, ..) => runner.next().cloned(),
            Current::Admit(runner, ..) => runner.next().cloned(),
            Current::Settle(runner) => runner.next().cloned(),
            Current::Unbind(runner) => runner.next().cloned(),
            Current::ReadingObject(key, _) => Some(Op::Get(key.clone())),
            Current::Persist(key, token, document, _) => Some(match (token, document) {
                (None, Some(document)) => Op::Create(key.clone(), document.clone()),
                (Some(token), Some(document)) => Op::Update(key.clone(), token.clone(), document.clone()),
                (Some(token), None) => Op::Delete(key.clone(), token.clone()),
                (None, None) => Op::Get(key.clone()),
            }),
        }
    }

    fn crash(&mut self, at: usize) {
        let attempt = match &self.actors[at].current {
            Some(Current::Add(runner, ask)) => runner.block().map(|block| (key_of(ask), block)),
            _ => None,
        };
        let actor = &mut self.actors[at];
        if let Some((key, block)) = attempt {
            actor.attempts.insert(key, OpenAttempt { block, token: None });
        }
        actor.current = None;
        actor.remembers.clear();
    }

    fn begin(&mut self, at: usize) {
        let Some(task) = self.actors[at].tasks.pop() else { return };
        let setting = self.setting();
        let bits = self.bits;
        let current = match task {
            Task::Add(ask) => {
                let container = ContainerId::new(&ask.container).unwrap();
                if self.gone.contains(&container) {
                    self.actors[at].answers.push(format!("{}: gone", ask.container));
                    return;
                }
                // A pod has one sandbox: the next one is made when the last one has ended.
                let uid = OwnerUid::new(&ask.uid).unwrap();
                self.running.retain(|other, (owner, _)| *owner != uid || *other == container);
                let key = key_of(&ask);
                let actor = &self.actors[at];
                let wanted = Wanted {
                    key: key.clone(),
                    record: Arc::new(record_of(&ask, actor.node)),
                    candidates: ask.pools.clone(),
                    address: None,
                    deadline: DEADLINE,
                };
                let part = PartWanted {
                    wanted: Arc::new(wanted),
                    scope: scope(),
                    claim: (ask.binding == Binding::Stateful).then(|| pod_name(&ask.pod)),
                    known: actor.held.get(&key).copied(),
                    attempt: actor.attempts.get(&key).cloned(),
                };
                let mut runner = Runner::new(Add::new(vec![part], setting, 1), bits);
                runner.cached = actor.remembers.clone();
                self.actors[at].was_full = false;
                Current::Add(Box::new(runner), ask)
            }
            Task::Del { uid, container } => {
                let (uid, container) = (OwnerUid::new(uid).unwrap(), ContainerId::new(container).unwrap());
                self.gone.insert(container.clone());
                self.running.remove(&container);
                self.ended.insert(container.clone());
                let actor = &self.actors[at];
                let mut keys: Vec<GrantKey> = actor
                    .held
                    .keys()
                    .chain(actor.attempts.keys())
                    .filter(|key| key.owner == uid)
                    .cloned()
                    .collect();
                keys.dedup();
                let releasing = keys.iter().map(|key| Releasing {
                    key: key.clone(),
                    known: actor.held.get(key).copied(),
                    attempt: actor.attempts.get(key).cloned(),
                });
                let fence = Fence::Container(container.clone());
                let del =
                    Del::new(releasing.collect(), None, fence, ReleaseMode::Del, scope(), setting, DEADLINE);
                Current::Del(Box::new(Runner::new(del, bits)), keys, container)
            }
            Task::Edit(pool) => {
                let key = Key::Pool(ObjectName::new(&pool.metadata.name).unwrap());
                Current::ReadingObject(key, pool.as_ref().clone().into())
            }
            Task::Reserve(reservation) => {
                let key = Key::Reservation(ObjectName::new(&reservation.metadata.name).unwrap());
                Current::ReadingObject(key, reservation.as_ref().clone().into())
            }
            Task::Delete(name) => {
                let tombstone = SpiderIPPool::default();
                Current::ReadingObject(Key::Pool(name), tombstone.into())
            }
            Task::Create(pool) => {
                let key = Key::Pool(ObjectName::new(&pool.metadata.name).unwrap());
                let subject = Subject::pool(&pool_ref(&pool));
                Current::Persist(key, None, Some(pool.as_ref().clone().into()), subject)
            }
            Task::Settle(subject, role, now) => {
                let mut runner = Runner::new(Settle::new(subject, role, 99, DEADLINE), bits);
                runner.now = now;
                Current::Settle(Box::new(runner))
            }
            Task::DropEmptyBlock(n) => {
                let key = Key::Block(self.block_id(n));
                if let Some(found) = self.store.get(&key)
                    && found.document.as_block().is_some_and(|block| block.held() == 0)
                {
                    self.store.remove(&key);
                }
                return;
            }
            Task::Unbind(endpoint) => {
                let slot = Slot::Named(InterfaceName::new("eth0").unwrap());
                let unbind = Unbind::new(endpoint, slot, Family::V4, None, scope(), setting, DEADLINE);
                Current::Unbind(Box::new(Runner::new(unbind, bits)))
            }
            Task::SetPod(name, uid) => {
                match uid {
                    Some(uid) => self.pods.insert(name, uid),
                    None => self.pods.remove(&name),
                };
                return;
            }
            Task::EndSandbox(container) => {
                self.running.remove(&container);
                self.ended.insert(container);
                return;
            }
        };
        self.actors[at].current = Some(current);
        if !matches!(self.actors[at].current, Some(Current::ReadingObject(..) | Current::Persist(..))) {
            self.resume(at, Reply::Start);
        }
    }

    /// Feeds `reply` to the actor's machine.
    fn resume(&mut self, at: usize, reply: Reply) {
        let bits = self.bits;
        let Some(current) = self.actors[at].current.take() else { return };
        let next = match current {
            Current::Add(mut runner, ask) => match runner.go(reply) {
                None => Some(Current::Add(runner, ask)),
                Some(added) => {
                    self.added(at, &ask, added);
                    None
                }
            },
            Current::Del(mut runner, keys, container) => match runner.go(reply) {
                None => Some(Current::Del(runner, keys, container)),
                Some(deleted) => {
                    self.deleted(at, &keys, &deleted);
                    if deleted.iter().any(|d| matches!(d, Deleted::Open(_) | Deleted::Failed)) {
                        // The kubelet sends it again.
                        let uid = keys[0].owner.to_string();
                        self.actors[at].tasks.push(Task::Del { uid, container: container.to_string() });
                    }
                    None
                }
            },
            Current::ReadingObject(key, document) => self.judge(&key, document, reply, at),
            Current::Admit(mut runner, key, base, document, subject) => match runner.go(reply) {
                None => Some(Current::Admit(runner, key, base, document, subject)),
                Some(Admitted::Yes(holders)) => {
                    if holders.is_empty() && matches!(key, Key::Reservation(_)) {
                        self.clean.insert(key.clone());
                    }
                    Some(Current::Persist(key, base, document, subject))
                }
                Some(other) => {
                    let answer = format!(
                        "{key}: {}",
                        if matches!(other, Admitted::Refused(_)) { "refused" } else { "again" }
                    );
                    self.actors[at].answers.push(answer);
                    None
                }
            },
            Current::Persist(key, _, _, subject) => {
                let persisted = matches!(reply, Reply::Written(_) | Reply::Deleted);
                self.actors[at]
                    .answers
                    .push(format!("{key}: {}", if persisted { "persisted" } else { "beaten" }));
                let settle = Settle::new(subject, Role::Agent, 5, DEADLINE);
                let mut runner = Runner::new(settle, bits);
                match runner.go(Reply::Start) {
                    None => Some(Current::Settle(Box::new(runner))),
                    Some(_) => None,
                }
            }
            Current::Settle(mut runner) => match runner.go(reply) {
                None => Some(Current::Settle(runner)),
                Some(_) => None,
            },
            Current::Unbind(mut runner) => match runner.go(reply) {
                None => Some(Current::Unbind(runner)),
                Some(unbound) => {
                    self.actors[at].answers.push(format!("unbind: {unbound:?}"));
                    None
                }
            },
        };
        if next.is_none() {
            self.actors[at].remembers.clear();
        }
        self.actors[at].current = next;
    }

    fn judge(&mut self, key: &Key, document: Document, reply: Reply, at: usize) -> Option<Current> {
        let Reply::Got(found) = reply else { return None };
        let (old, new, subject, guard, target) = match (&document, &found) {
            (Document::Pool(next), Some(found)) => {
                let old = found.document.as_pool().unwrap();
                let uid = Uid::new(old.metadata.uid.as_deref().unwrap()).unwrap();
                let name = ObjectName::new(&old.metadata.name).unwrap();
                let subject = Subject { plan: PlanId::Pool(uid), pool: Some(name), family: Family::V4 };
                let deletes = next.metadata.name.is_empty();
                if !deletes && next.metadata.uid != old.metadata.uid {
                    return None;
                }
                let new = if deletes { IpSet::new(Family::V4) } else { pool_usable(next, Family::V4) };
                let target = (!deletes).then(|| document.clone());
                (pool_usable(old, Family::V4), new, subject, Guard::Refuse, target)
            }
            (Document::Reservation(next), found) => {
                let before = found.as_ref().and_then(|found| found.document.as_reservation().cloned());
                let old = before.map_or_else(
                    || IpSet::everything(Family::V4),
                    |before| reserved(&before, Family::V4).complement(),
                );
                let new = reserved(next, Family::V4).complement();
                let subject = Subject::reservations(&scope(), Family::V4);
                (old, new, subject, Guard::Warn, Some(document.clone()))
            }
            _ => return None,
        };
        let base = found.map(|found| found.token);
        let edit = Edit {
            id: format!("edit-{at}-{}", self.actors[at].tasks.len()),
            subject: subject.clone(),
            scope: scope(),
            object: key.clone(),
            base: base.clone(),
            creates: match &document {
                Document::Reservation(next) if base.is_none() => next.metadata.uid.clone(),
                _ => None,
            },
            old: Arc::new(old),
            new: Arc::new(new),
            guard,
            run: Run::Real,
        };
        let mut runner = Runner::new(Admit::new(edit, self.bits, 3, DEADLINE), self.bits);
        match runner.go(Reply::Start) {
            None => Some(Current::Admit(Box::new(runner), key.clone(), base, target, subject)),
            Some(Admitted::Yes(_)) => Some(Current::Persist(key.clone(), base, target, subject)),
            Some(_) => None,
        }
    }

    fn added(&mut self, at: usize, ask: &Ask, added: Added) {
        let key = key_of(ask);
        let actor = &mut self.actors[at];
        actor.attempts.remove(&key);
        for (key, attempt) in added.open {
            actor.attempts.insert(key, attempt);
        }
        for (key, granted) in added.kept {
            actor.held.insert(key, granted.address);
        }
        match added.result {
            Ok(granted) => {
                let address = granted[0].address;
                actor.held.insert(key, address);
                actor.answers.push(format!("{}: {address}", ask.container));
                let container = ContainerId::new(&ask.container).unwrap();
                if !self.ended.contains(&container) {
                    self.running.insert(container, (OwnerUid::new(&ask.uid).unwrap(), vec![address]));
                }
            }
            Err(failure) => {
                let full = matches!(failure, spiderpool_core::protocol::AddFailure::Refused(..));
                assert!(!full || actor.was_full, "exhausted, but at no instant was the pool full");
                actor.answers.push(format!("{}: {}", ask.container, if full { "exhausted" } else { "busy" }));
            }
        }
    }

    fn deleted(&mut self, at: usize, keys: &[GrantKey], deleted: &[Deleted]) {
        let actor = &mut self.actors[at];
        for (key, deleted) in keys.iter().zip(deleted) {
            match deleted {
                Deleted::Open(attempt) => {
                    actor.attempts.insert(key.clone(), attempt.clone());
                }
                Deleted::Failed => {}
                Deleted::Released(_) | Deleted::Detached(_) | Deleted::Nothing => {
                    actor.attempts.remove(key);
                    actor.held.remove(key);
                }
            }
        }
    }

    /// One line of a trace: what changed from this state to `next`.
    pub(crate) fn describe(&self, next: &Self) -> String {
        let mut text = String::new();
        for (at, (before, after)) in self.actors.iter().zip(&next.actors).enumerate() {
            if before == after {
                continue;
            }
            text.push_str(&format!(
                "{} #{at}: did {:?}; next {:?}\n",
                before.node,
                self.next_op(at),
                next.next_op(at)
            ));
            for answer in &after.answers[before.answers.len()..] {
                text.push_str(&format!("    answers {answer}\n"));
            }
        }
        if text.is_empty() {
            text.push_str("a late write lands, or never will\n");
        }
        text
    }

    pub(crate) fn idle(&self) -> bool {
        self.actors.iter().all(|actor| actor.current.is_none() && actor.tasks.is_empty())
    }

    pub(crate) fn blocks(&self) -> Vec<Arc<Block>> {
        let listing = self.store.list(&Selector::Kind(Kind::Block));
        listing.items.iter().filter_map(|item| item.document.as_block().cloned()).collect()
    }
}

fn key_of(ask: &Ask) -> GrantKey {
    GrantKey {
        owner: OwnerUid::new(&ask.uid).unwrap(),
        slot: Slot::Named(InterfaceName::new("eth0").unwrap()),
        family: Family::V4,
    }
}

pub(crate) fn record_of(ask: &Ask, node: &str) -> Record {
    Record {
        pool: ask.pools[0].uid.clone(),
        owner: Owner { uid: OwnerUid::new(&ask.uid).unwrap(), pod: Some(pod_name(&ask.pod)) },
        controller: None,
        slot: Slot::Named(InterfaceName::new("eth0").unwrap()),
        interface: Some(InterfaceName::new("eth0").unwrap()),
        network: None,
        attachment: Attachment::Container(ContainerId::new(&ask.container).unwrap()),
        node: NodeName::new(node).unwrap(),
        binding: ask.binding,
        since: Timestamp::from_millis(0),
    }
}
