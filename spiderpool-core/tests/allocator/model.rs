//! Random operations, restarts and injected faults against a model of what must be so.
//!
//! The seed is printed with every failure; the same seed gives the same run.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use spiderpool_core::{
    addr::{Address, Family, IpSet},
    admin::{AdminError, Mode},
    alloc::{AddError, Allocator, AllocatorConfig, MemoryLog, Sharing},
    api::{ObjectMeta, ReservedIPSpec, SpiderIPPool, SpiderReservedIP},
    model::{Attachment, Record},
    name::NodeName,
    protocol::{PoolRef, Refusal, pool_usable},
    store::{FaultPlan, FaultStore, Kind, MemoryStore, Selector, Store},
    time::Timestamp,
};

use super::{clock::Clockwork, world};

const NODES: usize = 2;
const PODS: usize = 12;
const COOLDOWN: Duration = Duration::from_secs(5);

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

#[derive(Clone, Debug, Default)]
struct Pod {
    /// How many containers it had.
    containers: usize,
    /// Whether the last one runs, with these addresses.
    running: Option<Vec<Address>>,
    /// Whether a request for the last one failed, so that a DEL is due.
    unsure: bool,
    node: usize,
}

struct Model {
    dice: Dice,
    clock: Arc<Clockwork>,
    store: Arc<FaultStore<Arc<MemoryStore>>>,
    truth: Arc<MemoryStore>,
    agents: Vec<Allocator>,
    logs: Vec<Arc<MemoryLog>>,
    pods: Vec<Pod>,
    /// When an address was last given back.
    released: BTreeMap<Address, Timestamp>,
    /// What was held at the last check.
    before: BTreeMap<Address, Arc<Record>>,
    /// When the present step began: a release in it counts from then on.
    began: Timestamp,
    busy: usize,
    granted: usize,
}

fn numbers(family: Family, chosen: &BTreeSet<u8>) -> Vec<String> {
    let prefix = if family == Family::V4 { "10.0.0." } else { "fd00::" };
    chosen.iter().map(|n| format!("{prefix}{n}")).collect()
}

fn pool(family: Family, chosen: &BTreeSet<u8>) -> SpiderIPPool {
    let ips = numbers(family, chosen);
    let ips: Vec<&str> = ips.iter().map(String::as_str).collect();
    let (name, subnet) = if family == Family::V4 { ("v4", "10.0.0.0/24") } else { ("v6", "fd00::/120") };
    let mut pool = world::pool(name, subnet, &ips);
    pool.metadata.annotations.insert("ipam.spidernet.io/release-cooldown".into(), "5s".into());
    pool
}

impl Model {
    fn new(seed: u64, faults: FaultPlan) -> Self {
        let truth = Arc::new(MemoryStore::new());
        let store = Arc::new(FaultStore::new(truth.clone(), FaultPlan::default()));
        let mut model = Self {
            dice: Dice(seed),
            clock: Arc::new(Clockwork::default()),
            store,
            truth,
            agents: Vec::new(),
            logs: (0..NODES).map(|_| Arc::new(MemoryLog::default())).collect(),
            pods: vec![Pod::default(); PODS],
            released: BTreeMap::new(),
            before: BTreeMap::new(),
            began: Timestamp::from_millis(0),
            busy: 0,
            granted: 0,
        };
        model.clock.pass(Duration::from_secs(1_000));
        for node in 0..NODES {
            let agent = model.open(node);
            model.agents.push(agent);
        }
        let all: BTreeSet<u8> = (3..13).collect();
        for family in [Family::V4, Family::V6] {
            pollster::block_on(world::apply(&model.agents[0], &pool(family, &all)));
        }
        model.store.set_plan(FaultPlan { seed, ..faults });
        model
    }

    fn open(&self, node: usize) -> Allocator {
        let mut config = AllocatorConfig::new(NodeName::new(format!("node-{node}")).unwrap());
        config.sharing = Sharing::Shared;
        config.log = Some(self.logs[node].clone());
        config.block_bits = Some(spiderpool_core::model::BlockBits::new(2).unwrap());
        loop {
            let store: Arc<dyn Store> = self.store.clone();
            if let Ok(agent) = pollster::block_on(Allocator::open(store, self.clock.env(), config.clone())) {
                return agent;
            }
        }
    }

    /// The pools as the objects are now, read without faults.
    fn pools(&self) -> Vec<Arc<PoolRef>> {
        let listing = pollster::block_on(self.truth.list(&Selector::Kind(Kind::Pool))).unwrap();
        let objects = listing.items.iter().map(|item| item.document.as_pool().unwrap().clone());
        objects
            .map(|object| {
                let pool = spiderpool_core::model::Pool::try_from(object.as_ref()).unwrap();
                Arc::new(PoolRef {
                    name: pool.name.clone(),
                    uid: pool.uid.clone(),
                    scope: spiderpool_core::name::ScopeName::default_scope(),
                    family: pool.family,
                    usable: Arc::new(pool_usable(&object, pool.family)),
                    cooldown: pool.cooldown,
                })
            })
            .collect()
    }

    fn reserved(&self, family: Family) -> IpSet {
        let listing = pollster::block_on(self.truth.list(&Selector::Kind(Kind::Reservation))).unwrap();
        let objects = listing.items.iter().map(|item| item.document.as_reservation().unwrap().clone());
        objects.fold(IpSet::new(family), |all, object| {
            all.union(&spiderpool_core::protocol::reserved(&object, family))
        })
    }

    fn records(&self) -> BTreeMap<Address, Arc<Record>> {
        let listing = pollster::block_on(self.truth.list(&Selector::Kind(Kind::Block))).unwrap();
        let blocks = listing.items.iter().map(|item| item.document.as_block().unwrap().clone());
        let mut all = BTreeMap::new();
        for block in blocks {
            for (offset, record) in block.records() {
                assert!(all.insert(block.address(offset), record.clone()).is_none(), "I1");
            }
        }
        all
    }

    fn resting(&self) -> Vec<(Address, Timestamp)> {
        let listing = pollster::block_on(self.truth.list(&Selector::Kind(Kind::Block))).unwrap();
        let blocks = listing.items.iter().map(|item| item.document.as_block().unwrap().clone());
        let of = |block: Arc<spiderpool_core::model::Block>| -> Vec<_> {
            (0..block.bits().size())
                .filter_map(|at| Some((block.address(at), block.released_at(at)?)))
                .collect()
        };
        blocks.flat_map(of).collect()
    }

    fn step(&mut self) {
        use spiderpool_core::env::Clock as _;
        self.began = self.clock.now();
        let pod = self.dice.below(PODS);
        match self.dice.below(100) {
            0..45 => self.add(pod),
            45..70 => self.del(pod),
            70..75 => self.late_del(pod),
            75..82 => self.edit(),
            82..88 => self.reserve(),
            88..92 => self.restart(),
            _ => self.clock.pass(Duration::from_millis(self.dice.below(4_000) as u64)),
        }
        self.check();
    }

    fn add(&mut self, pod: usize) {
        let new_container = self.pods[pod].containers == 0
            || (self.pods[pod].running.is_none() && !self.pods[pod].unsure)
            || self.dice.below(4) == 0;
        if new_container {
            self.pods[pod].containers += 1;
            self.pods[pod].running = None;
            if !self.pods[pod].unsure {
                self.pods[pod].node = pod % NODES;
            }
        }
        let container = format!("c{pod}-{}", self.pods[pod].containers);
        // A proof of exhaustion is believed for a second (rule 12); the model knows no such memory.
        self.clock.pass(Duration::from_millis(1_001));
        let pools = self.pools();
        let request = world::add_request(pod, &container, &pools);
        let free_before = self.free(&pools);
        match pollster::block_on(self.agents[self.pods[pod].node].add(&request)) {
            Ok(granted) => {
                assert_eq!(granted.len(), 2, "I9: whole");
                self.granted += 1;
                self.pods[pod].running = Some(granted.iter().map(|g| g.address).collect());
                self.pods[pod].unsure = false;
            }
            Err(AddError::Refused { part, candidates }) => {
                // One request at a time; only an edit whose write was late can have landed in between.
                let free_after = self.free(&self.pools());
                let mut both = free_before.iter().chain(&free_after);
                let missing = both.any(|(family, free)| *family == part.family && free.is_empty());
                assert!(
                    missing,
                    "I10: refused although an address was free: {candidates:?}, {free_before:?}"
                );
                assert!(
                    candidates.iter().all(|(_, why)| matches!(why, Refusal::Exhausted | Refusal::Cooling(_)))
                );
                self.pods[pod].unsure = true;
                self.pods[pod].running = None;
            }
            Err(AddError::Busy { .. } | AddError::Failed(_)) => {
                self.busy += 1;
                self.pods[pod].unsure = true;
                self.pods[pod].running = None;
            }
            Err(other) => panic!("{other}"),
        }
    }

    /// What is free and ready by objects and records.
    fn free(&self, pools: &[Arc<PoolRef>]) -> Vec<(Family, IpSet)> {
        use spiderpool_core::env::Clock as _;
        let records = self.records();
        let free = pools.iter().map(|pool| {
            let mut free = pool.usable.difference(&self.reserved(pool.family));
            for address in records.keys() {
                free.remove(*address);
            }
            // What a grant without an answer left behind rests too, and only its block knows.
            for (address, at) in self.resting() {
                if at.after(COOLDOWN) > self.clock.now() {
                    free.remove(address);
                }
            }
            (pool.family, free)
        });
        free.collect()
    }

    fn del(&mut self, pod: usize) {
        if self.pods[pod].containers == 0 {
            return;
        }
        let container = format!("c{pod}-{}", self.pods[pod].containers);
        // The kubelet sends a DEL until it succeeds.
        for _ in 0..50 {
            if pollster::block_on(world::del(&self.agents[self.pods[pod].node], pod, &container)).is_ok() {
                self.pods[pod].running = None;
                self.pods[pod].unsure = false;
                let left: Vec<_> =
                    self.records().into_iter().filter(|(_, r)| r.owner == world::owner(pod)).collect();
                assert!(left.is_empty(), "left after a DEL that succeeded: {left:?}");
                // Its container is gone for good.
                self.pods[pod].containers += 1;
                return;
            }
        }
        panic!("a DEL never succeeds");
    }

    fn late_del(&mut self, pod: usize) {
        if self.pods[pod].containers < 2 {
            return;
        }
        let container = format!("c{pod}-{}", self.pods[pod].containers - 1);
        let _ = pollster::block_on(world::del(&self.agents[self.pods[pod].node], pod, &container));
    }

    fn edit(&mut self) {
        let family = if self.dice.below(2) == 0 { Family::V4 } else { Family::V6 };
        let chosen: BTreeSet<u8> = (3..13).filter(|_| self.dice.below(4) > 0).collect();
        let held: BTreeSet<Address> = self.records().into_keys().collect();
        let new = pool(family, &chosen);
        let mut usable = IpSet::new(family);
        for text in numbers(family, &chosen) {
            usable.insert(text.parse().unwrap());
        }
        let agent = &self.agents[self.dice.below(NODES)];
        match pollster::block_on(agent.apply_pool(&new, Mode::Real)) {
            Ok(_) => {
                let lost =
                    held.iter().find(|address| address.family() == family && !usable.contains(**address));
                assert!(lost.is_none(), "I11: {lost:?} lost its pool");
            }
            Err(AdminError::Held { holders, .. }) => {
                assert!(holders.iter().all(|holder| !usable.contains(holder.address)));
            }
            Err(AdminError::Store(_) | AdminError::InProgress { .. } | AdminError::Contended { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }

    fn reserve(&mut self) {
        let family = if self.dice.below(2) == 0 { Family::V4 } else { Family::V6 };
        let name = if family == Family::V4 { "r4" } else { "r6" };
        let agent = &self.agents[self.dice.below(NODES)];
        let chosen: BTreeSet<u8> = (3..13).filter(|_| self.dice.below(5) == 0).collect();
        let outcome = if chosen.is_empty() {
            pollster::block_on(agent.delete_reservation(&name.parse().unwrap(), Mode::Real))
        } else {
            let reservation = SpiderReservedIP {
                metadata: ObjectMeta { name: name.into(), ..ObjectMeta::default() },
                spec: ReservedIPSpec { ip_version: None, ips: numbers(family, &chosen) },
                ..SpiderReservedIP::default()
            };
            pollster::block_on(agent.apply_reservation(&reservation, Mode::Real))
        };
        match outcome {
            Ok(_)
            | Err(
                AdminError::NotFound { .. }
                | AdminError::Store(_)
                | AdminError::InProgress { .. }
                | AdminError::Contended { .. },
            ) => {}
            Err(other) => panic!("{other}"),
        }
    }

    fn restart(&mut self) {
        let node = self.dice.below(NODES);
        self.agents[node] = self.open(node);
    }

    /// What must hold after every step.
    fn check(&mut self) {
        use spiderpool_core::env::Clock as _;
        let now = self.clock.now();
        let records = self.records();
        let pools = self.pools();
        let mut keys = BTreeSet::new();
        for (address, record) in &records {
            assert!(keys.insert((record.key(address.family()),)), "rule 7: two addresses for one key");
            let pool = pools.iter().find(|pool| pool.uid == record.pool).unwrap();
            assert!(pool.usable.contains(*address), "I7, I11: {address} is outside its pool");
            if self.before.get(address).is_none_or(|before| before.owner != record.owner) {
                assert!(!self.reserved(address.family()).contains(*address), "I7: {address} is reserved");
                if let Some(at) = self.released.get(address) {
                    assert!(
                        at.after(COOLDOWN) <= now,
                        "I3: {address} was released at {at}, granted by {now}"
                    );
                }
            }
        }
        for address in self.before.keys() {
            if !records.contains_key(address) {
                self.released.insert(*address, self.began);
            }
        }
        for (at, pod) in self.pods.iter().enumerate() {
            for address in pod.running.iter().flatten() {
                let record = records.get(address).unwrap_or_else(|| panic!("I2: pod {at} lost {address}"));
                assert_eq!(record.owner, world::owner(at), "I1");
                let container = format!("c{at}-{}", pod.containers);
                assert_eq!(record.attachment, Attachment::Container(container.parse().unwrap()), "I4");
            }
        }
        self.before = records;
    }
}

fn run(seed: u64, steps: usize, faults: FaultPlan) -> (usize, usize) {
    let mut model = Model::new(seed, faults);
    for _ in 0..steps {
        model.step();
    }
    // I5: when everybody is gone, and the faults with them, nothing is left.
    model.store.set_plan(FaultPlan::default());
    for pod in 0..PODS {
        model.del(pod);
        model.check();
    }
    assert!(model.records().is_empty(), "I5: {:?}", model.records());
    (model.granted, model.busy)
}

fn runs(seeds: std::ops::Range<u64>, steps: usize, faults: FaultPlan) -> (usize, usize) {
    let mut total = (0, 0);
    for seed in seeds {
        let outcome = std::panic::catch_unwind(|| run(seed, steps, faults));
        let (granted, busy) = outcome.unwrap_or_else(|_| panic!("seed {seed}"));
        total = (total.0 + granted, total.1 + busy);
    }
    total
}

#[test]
fn without_faults_everything_is_served() {
    let (granted, busy) = runs(0..40, 200, FaultPlan::default());
    assert!(granted > 1_000, "{granted}");
    assert_eq!(busy, 0);
}

#[test]
fn with_faults_nothing_is_lost_and_nothing_granted_twice() {
    let faults = FaultPlan {
        before: 0.05,
        after: 0.05,
        lost: 0.05,
        late: 0.03,
        late_by: 8,
        reads: 0.05,
        ..FaultPlan::default()
    };
    let (granted, busy) = runs(100..160, 200, faults);
    assert!(granted > 1_000, "{granted}");
    assert!(busy > 0, "the faults never mattered");
}
