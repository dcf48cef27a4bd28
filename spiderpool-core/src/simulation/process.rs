//! Processes: agents, administrators, controllers. Each has its own way to the store, its own clocks and its own
//! memory, and any of them may die at any await point.

use std::{collections::BTreeMap, rc::Rc, sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::Mutex;

use super::{
    coverage::{Branch, hit},
    executor::ProcessId,
    ledger::Ledger,
    profile::Memory,
    tap::{Slow, Tap},
    time::{NodeClock, Time},
    world::Shared,
};
use crate::{
    alloc::{Allocator, AllocatorConfig, IntentLog, Liveness, Logged, Sharing},
    model::{BlockBits, BlockId, GrantKey},
    name::{ContainerId, NamespacedName, NodeName, OwnerUid},
    protocol::{LogWrite, SandboxState},
    store::{FaultPlan, FaultStore, Store, StoreError, Token},
};

/// What a process is there for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    /// Serves the kubelet of the node of this number.
    Agent(usize),
    /// Edits objects.
    Administrator,
    /// Settles, sweeps.
    Controller,
    /// Sees that everything is well; meets no faults.
    Inspector,
}

/// A process.
pub(super) struct Process {
    pub(super) role: Role,
    pub(super) faults: Arc<FaultStore<Tap>>,
    pub(super) clock: Arc<NodeClock>,
    pub(super) log: Option<Arc<SimLog>>,
    pub(super) allocator: Option<Allocator>,
    /// Whether it runs, or is starting.
    pub(super) up: bool,
    /// How often it stood still.
    pub(super) pauses: u64,
}

/// An intent log in memory, in an order that does not depend on the process.
#[derive(Debug, Default)]
pub(super) struct SimLog(Mutex<BTreeMap<GrantKey, (BlockId, Token)>>);

impl SimLog {
    pub(super) fn lose(&self) {
        self.0.lock().clear();
    }
}

#[async_trait]
impl IntentLog for SimLog {
    async fn load(&self) -> Result<Option<Vec<Logged>>, StoreError> {
        let entries = self.0.lock();
        let entries =
            entries.iter().map(|(key, (block, token))| (key.clone(), block.clone(), Some(token.clone())));
        Ok(Some(entries.collect()))
    }

    /// Not needed: it is never new. One that was lost does not know it.
    async fn begin(&self, _: Vec<(GrantKey, BlockId)>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn write(&self, write: LogWrite) -> Result<(), StoreError> {
        let mut entries = self.0.lock();
        for (key, block, token) in write.put {
            entries.insert(key, (block, token));
        }
        for key in write.remove {
            entries.remove(&key);
        }
        Ok(())
    }
}

/// The two sources of rule 15, as a process sees them: late, and not always.
#[derive(Debug)]
struct SimLiveness {
    ledger: Arc<Mutex<Ledger>>,
    time: Arc<Time>,
    faulty: bool,
    draws: Mutex<u64>,
}

impl SimLiveness {
    /// A number below 100, and a delay before or after the answer.
    fn draw(&self) -> (u64, [Duration; 2]) {
        let mut state = self.draws.lock();
        let number = crate::store::splitmix(&mut state);
        let micros = |number: u64| Duration::from_micros(number % 5_000);
        (number % 100, [micros(number >> 8), micros(number >> 32)])
    }
}

#[async_trait]
impl Liveness for SimLiveness {
    async fn pod_uid(&self, name: &NamespacedName) -> Result<Option<OwnerUid>, StoreError> {
        let (luck, delays) = self.draw();
        self.time.sleep(delays[0]).await;
        if self.faulty && luck < 4 {
            hit(Branch::LivenessFailed);
            return Err(StoreError::unavailable("the API server does not answer"));
        }
        let found = self.ledger.lock().cluster.present.get(name).cloned();
        self.time.sleep(delays[1]).await;
        Ok(found)
    }

    async fn sandbox(&self, _: &NodeName, container: &ContainerId) -> SandboxState {
        let (luck, delays) = self.draw();
        self.time.sleep(delays[0]).await;
        // A node that does not answer, and whose lease is fresh.
        if self.faulty && luck < 10 {
            hit(Branch::LivenessFailed);
            return SandboxState::Alive;
        }
        let state = self.ledger.lock().cluster.sandbox(container);
        self.time.sleep(delays[1]).await;
        state
    }
}

/// Adds a process that is not up yet.
pub(super) fn add(world: &Shared, role: Role) -> ProcessId {
    let id = world.processes.borrow().len();
    let seed = world.draw(|dice| dice.next());
    let tap = Tap {
        store: world.store.clone(),
        ledger: world.ledger.clone(),
        process: id,
        // The inspector compares what it reads with what is there at that moment.
        slow: (!world.profile.snapshots && role != Role::Inspector).then(|| {
            let draws = Mutex::new(world.draw(|dice| dice.next()));
            Arc::new(Slow { time: world.time.clone(), draws })
        }),
    };
    let clock = NodeClock::new(world.time.clone(), seed);
    let faults = Arc::new(FaultStore::new(tap, FaultPlan::default()).with_timer(clock.env()));
    let logged = matches!(role, Role::Agent(_)) && world.profile.memory == Memory::Log;
    let log = logged.then(|| Arc::new(SimLog::default()));
    if matches!(role, Role::Agent(_)) {
        world.ledger().agents.push(id);
    }
    if role == Role::Controller {
        world.ledger().sweepers.push(id);
    }
    let process = Process { role, faults, clock, log, allocator: None, up: true, pauses: 0 };
    world.processes.borrow_mut().push(process);
    id
}

/// Opens the allocator of `process`, as often as it takes.
pub(super) async fn boot(world: Shared, process: ProcessId) -> Allocator {
    let (role, store, env, log) = {
        let processes = world.processes.borrow();
        let own = &processes[process];
        let log = own.log.clone().map(|log| -> Arc<dyn IntentLog> { log });
        (own.role, own.faults.clone(), own.clock.env(), log)
    };
    let node = match role {
        Role::Agent(node) => format!("node-{node}"),
        role => format!("{role:?}-{process}").to_lowercase(),
    };
    loop {
        let mut config = AllocatorConfig::new(NodeName::new(&node).unwrap_or_else(|_| default_node()));
        config.sharing = Sharing::Shared;
        config.block_bits = BlockBits::new(world.profile.block_bits);
        config.log = log.clone();
        // Pools are small here: two of three processes take them for large ones.
        config.few_blocks = if process.is_multiple_of(3) { config.few_blocks } else { 0 };
        config.rules.subnets = match world.profile.subnets {
            true => crate::validate::Subnets::Enabled,
            false => crate::validate::Subnets::Disabled,
        };
        config.liveness = Some(Arc::new(SimLiveness {
            ledger: world.ledger.clone(),
            time: world.time.clone(),
            faulty: role != Role::Inspector && world.profile.faults.before > 0.0,
            draws: Mutex::new(world.draw(|dice| dice.next())),
        }));
        let store: Arc<dyn Store> = store.clone();
        match Allocator::open(store, env.clone(), config).await {
            Ok(allocator) => {
                world.processes.borrow_mut()[process].allocator = Some(allocator.clone());
                return allocator;
            }
            Err(_) => world.rest(Duration::from_millis(50)).await,
        }
    }
}

fn default_node() -> NodeName {
    super::names::parse("node")
}

/// Gives every process but the inspector the profile's faults, or none.
pub(super) fn set_faults(world: &Shared, faulty: bool) {
    let processes = world.processes.borrow();
    for (id, process) in processes.iter().enumerate() {
        let seed = world.draw(|dice| dice.next()) ^ id as u64;
        let own = process.role == Role::Inspector;
        let quiet = FaultPlan {
            delay: world.profile.faults.delay,
            delay_up_to: world.profile.faults.delay_up_to,
            ..FaultPlan::default()
        };
        let plan = match (own, faulty) {
            (true, _) => FaultPlan::default(),
            (false, true) => world.profile.faults,
            (false, false) => quiet,
        };
        process.faults.set_plan(FaultPlan { seed, ..plan });
        if !faulty {
            process.faults.restart();
        }
    }
}

/// Lets writes that are on their way reach the store, all of them.
pub(super) async fn land(world: &Shared) {
    let stores: Vec<Arc<FaultStore<Tap>>> =
        world.processes.borrow().iter().map(|process| process.faults.clone()).collect();
    for store in stores {
        for _ in 0..store.land().await {
            hit(Branch::LandedLate);
        }
    }
}

/// The agent of a node.
pub(super) fn agent_of(world: &Shared, node: usize) -> Option<ProcessId> {
    world.processes.borrow().iter().position(|process| process.role == Role::Agent(node))
}

pub(super) fn of_role(world: &Rc<super::world::World>, wanted: impl Fn(Role) -> bool) -> Vec<ProcessId> {
    let processes = world.processes.borrow();
    (0..processes.len()).filter(|id| wanted(processes[*id].role)).collect()
}
