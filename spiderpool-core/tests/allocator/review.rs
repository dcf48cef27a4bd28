//! What a review found: each with the run that shows it.

use std::{sync::Arc, time::Duration};

use spiderpool_core::{
    addr::{Address, Family},
    admin::Mode,
    alloc::{
        AddError, AddPart, AddRequest, Allocator, AllocatorConfig, DelRequest, IntentLog, Logged, MemoryLog,
        Sharing,
    },
    api::SpiderReservedIP,
    model::{BlockBits, BlockId, GrantKey, Slot},
    name::{ContainerId, InterfaceName, NodeName, OwnerUid, ScopeName},
    protocol::{
        Action, Belief, Commit, Failure, Fence, Grant, Input, Intent, LogWrite, Logging, Machine, Op,
        Outcome, PoolRef, ReleaseMode, Reply, Step,
    },
    store::{Document, Fault, FaultPlan, FaultStore, Key, Kind, MemoryStore, Selector, Store, StoreError},
    time::{Moment, Timestamp},
};

use super::{clock::Clockwork, world};

fn shared(store: &Arc<dyn Store>, clock: &Arc<Clockwork>, log: Option<Arc<MemoryLog>>) -> Allocator {
    let mut config = AllocatorConfig::new(NodeName::new("n1").unwrap());
    config.sharing = Sharing::Shared;
    config.log = log.map(|log| log as Arc<dyn spiderpool_core::alloc::IntentLog>);
    pollster::block_on(Allocator::open(store.clone(), clock.env(), config)).unwrap()
}

fn two_interfaces(pool: &Arc<PoolRef>, claim: Option<&str>) -> AddRequest {
    let mut request = world::add_request(1, "c0", std::slice::from_ref(pool));
    let part = |index: u8, name: Option<&str>| AddPart {
        slot: Slot::Indexed(index),
        interface: name.map(|name| InterfaceName::new(name).unwrap()),
        family: Family::V4,
        candidates: vec![pool.clone()],
        address: None,
    };
    request.parts = match claim {
        None => vec![part(0, Some("eth0")), part(1, None)],
        Some(_) => vec![part(1, claim)],
    };
    request
}

fn held(store: &Arc<dyn Store>) -> Vec<Address> {
    let listing = pollster::block_on(store.list(&Selector::Kind(Kind::Block))).unwrap();
    let blocks = listing.items.iter().map(|item| item.document.as_block().unwrap().clone());
    blocks.flat_map(|block| block.records().map(|(at, _)| block.address(at)).collect::<Vec<_>>()).collect()
}

#[test]
fn after_a_restart_a_del_frees_its_own_interface_only() {
    for log in [None, Some(Arc::new(MemoryLog::default()))] {
        let clock = Arc::new(Clockwork::default());
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let first = shared(&store, &clock, log.clone());
        let pool = world::pool("p", "10.0.0.0/24", &["10.0.0.1-10.0.0.4"]);
        let pool = pollster::block_on(world::apply(&first, &pool));
        let granted = pollster::block_on(first.add(&two_interfaces(&pool, None))).unwrap();
        pollster::block_on(first.add(&two_interfaces(&pool, Some("net1")))).unwrap();
        drop(first);
        let again = shared(&store, &clock, log);
        let net1 = DelRequest {
            owner: OwnerUid::new("uid-1").unwrap(),
            fence: Fence::Container(ContainerId::new("c0").unwrap()),
            interface: Some(InterfaceName::new("net1").unwrap()),
            mode: ReleaseMode::Del,
            timeout: Duration::from_secs(5),
        };
        assert_eq!(pollster::block_on(again.del(&net1)).unwrap().released, [granted[1].address]);
        assert_eq!(held(&store), [granted[0].address], "eth0 runs on");
    }
}

/// A log that is new: nothing was written to it, and it says so.
#[derive(Debug, Default)]
struct NewLog {
    inner: MemoryLog,
    begun: parking_lot::Mutex<Option<Vec<(GrantKey, BlockId)>>>,
}

#[async_trait::async_trait]
impl IntentLog for NewLog {
    async fn load(&self) -> Result<Option<Vec<Logged>>, StoreError> {
        let begun = self.begun.lock().is_some();
        if begun { self.inner.load().await } else { Ok(None) }
    }

    async fn begin(&self, held: Vec<(GrantKey, BlockId)>) -> Result<(), StoreError> {
        *self.begun.lock() = Some(held.clone());
        self.inner.begin(held).await
    }

    async fn write(&self, write: LogWrite) -> Result<(), StoreError> {
        self.inner.write(write).await
    }
}

#[test]
fn a_log_that_is_new_begins_with_what_the_blocks_say() {
    let clock = Arc::new(Clockwork::default());
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let first = shared(&store, &clock, None);
    let pool = world::pool("p", "10.0.0.0/24", &["10.0.0.1-10.0.0.4"]);
    let pool = pollster::block_on(world::apply(&first, &pool));
    let granted = pollster::block_on(first.add(&two_interfaces(&pool, None))).unwrap();
    drop(first);

    let log = Arc::new(NewLog::default());
    let open = || {
        let mut config = AllocatorConfig::new(NodeName::new("n1").unwrap());
        config.sharing = Sharing::Shared;
        config.log = Some(log.clone());
        pollster::block_on(Allocator::open(store.clone(), clock.env(), config)).unwrap()
    };
    let second = open();
    let id = BlockId::of(&ScopeName::default_scope(), second.block_bits(), granted[0].address);
    let begun = log.begun.lock().clone().unwrap();
    assert_eq!(begun.iter().map(|(_, block)| block).collect::<Vec<_>>(), [&id, &id]);
    drop(second);
    // From then on the log is believed: what it names is read, and nothing else.
    let third = open();
    assert_eq!(third.held(), 2);
    let mut own: Vec<_> =
        pollster::block_on(third.own_records()).unwrap().into_iter().map(|(at, _)| at).collect();
    own.sort();
    assert_eq!(own, [granted[0].address, granted[1].address]);
    pollster::block_on(log.begin(Vec::new())).unwrap();
    assert_eq!(pollster::block_on(open().own_records()).unwrap(), []);
}

#[test]
fn a_reservation_that_died_half_way_costs_its_own_addresses_only() {
    for n in 1..40 {
        let clock = Arc::new(Clockwork::default());
        let faults = Arc::new(FaultStore::new(MemoryStore::new(), FaultPlan::default()));
        let store: Arc<dyn Store> = faults.clone();
        let allocator = shared(&store, &clock, None);
        let pool = world::pool("p", "10.0.0.0/24", &["10.0.0.1-10.0.0.4"]);
        let pools = [pollster::block_on(world::apply(&allocator, &pool))];
        let mut reservation = SpiderReservedIP::default();
        reservation.metadata.name = "r".into();
        reservation.spec.ips = vec!["10.0.0.1-10.0.0.3".into()];
        faults.crash(n, Fault::Lost);
        let applied = pollster::block_on(allocator.apply_reservation(&reservation, Mode::Real));
        let crashed = faults.crashed();
        faults.restart();
        // On a scope whose reservations never had a plan, too: 10.0.0.4 is nobody's business.
        let granted = pollster::block_on(world::add(&allocator, 1, &pools));
        assert!(granted.is_ok(), "crash at operation {n} ({applied:?}): {granted:?}");
        if !crashed {
            return;
        }
    }
    panic!("the edit never came to its end");
}

#[test]
fn a_request_that_contradicts_itself_is_refused() {
    let clock = Arc::new(Clockwork::default());
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let allocator = shared(&store, &clock, None);
    let pool = world::pool("p", "10.0.0.0/24", &["10.0.0.1-10.0.0.4"]);
    let pool = pollster::block_on(world::apply(&allocator, &pool));
    let refused = |change: &dyn Fn(&mut AddRequest)| {
        let mut request = world::add_request(1, "c0", std::slice::from_ref(&pool));
        change(&mut request);
        let answer = pollster::block_on(allocator.add(&request));
        assert!(matches!(answer, Err(AddError::Invalid(_))), "{answer:?}");
    };
    refused(&|request| request.parts.clear());
    refused(&|request| request.parts[0].family = Family::V6);
    refused(&|request| request.parts[0].address = Some("fd00::1".parse().unwrap()));
    refused(&|request| request.parts.push(request.parts[0].clone()));
    let mut elsewhere = pool.as_ref().clone();
    elsewhere.scope = ScopeName::new("other").unwrap();
    let elsewhere = Arc::new(elsewhere);
    refused(&|request| request.parts[0].candidates = vec![elsewhere.clone()]);
    assert!(held(&store).is_empty());
}

/// Runs `commit` to its end on `store`; `at` decides over each operation and the time it is answered at.
fn drive(
    mut commit: Commit,
    store: &MemoryStore,
    mut at: impl FnMut(&Op, Reply) -> (Reply, u64),
) -> Vec<Outcome> {
    let mut input = Input { now: Timestamp::default(), moment: Moment::default(), reply: Reply::Start };
    loop {
        match commit.step(input) {
            Step::Done(done) => return done.into_outcomes().collect(),
            Step::Do(op) => {
                let failed = |error: spiderpool_core::store::StoreError| Reply::Failed(Failure::from(&error));
                let reply = match &op {
                    Op::Get(key) => pollster::block_on(store.get(key)).map_or_else(failed, Reply::Got),
                    Op::GetBoth(keys) => {
                        Reply::GotBoth(keys.each_ref().map(|key| pollster::block_on(store.get(key)).unwrap()))
                    }
                    Op::Create(key, document) => pollster::block_on(store.create(key, document.clone()))
                        .map_or_else(failed, Reply::Written),
                    Op::Update(key, token, document) => {
                        pollster::block_on(store.update(key, token, document.clone()))
                            .map_or_else(failed, Reply::Written)
                    }
                    Op::Sleep(_) => Reply::Slept,
                    other => panic!("{other:?}"),
                };
                let (reply, millis) = at(&op, reply);
                input = Input { now: Timestamp::default(), moment: Moment::from_millis(millis), reply };
            }
        }
    }
}

#[test]
fn a_landed_write_is_not_called_expired_because_a_companion_needed_a_truth() {
    let store = MemoryStore::with_block_bits(BlockBits::new(1).unwrap());
    let shared_store: Arc<dyn Store> = Arc::new(store.clone());
    let clock = Arc::new(Clockwork::default());
    let allocator = shared(&shared_store, &clock, None);
    let pool = world::pool("p", "10.0.0.0/24", &["10.0.0.0"]);
    let pool = pollster::block_on(world::apply(&allocator, &pool));
    // The plans exist, and the block has their copies.
    pollster::block_on(world::add(&allocator, 9, std::slice::from_ref(&pool))).unwrap();
    pollster::block_on(world::del(&allocator, 9, "container-9")).unwrap();
    let intent = |pod: usize, deadline: u64| {
        let request = world::add_request(pod, &format!("c{pod}"), std::slice::from_ref(&pool));
        let record = spiderpool_core::model::Record {
            pool: pool.uid.clone(),
            owner: request.owner.clone(),
            controller: None,
            slot: request.parts[0].slot.clone(),
            interface: None,
            network: None,
            attachment: spiderpool_core::model::Attachment::Container(request.container.clone()),
            node: NodeName::new("n1").unwrap(),
            binding: request.binding,
            since: Timestamp::default(),
        };
        let key = record.key(Family::V4);
        let grant = Grant { key, record: Arc::new(record), pool: pool.clone(), wanted: None, claim: None };
        Intent { action: Action::Grant(grant), deadline: Moment::from_millis(deadline) }
    };
    // One address for two: a gets it, b finds the block full and needs the plans for that.
    let id = BlockId::of(&ScopeName::default_scope(), allocator.block_bits(), "10.0.0.0".parse().unwrap());
    let commit = Commit::new(
        id.clone(),
        allocator.block_bits(),
        Logging::Off,
        vec![intent(1, 10), intent(2, 1_000)],
        Belief::Nothing,
    );
    let mut lost = false;
    let outcomes = drive(commit, &store, |op, reply| match op {
        // The write lands, its reply does not.
        Op::Update(..) if !lost => {
            lost = true;
            (Reply::Failed(Failure::Unknown), 1)
        }
        // By the time the plans are read again, a's deadline is over.
        Op::GetBoth(_) if lost => (reply, 50),
        _ => (reply, if lost { 2 } else { 0 }),
    });
    let block = pollster::block_on(store.get(&Key::Block(id))).unwrap().unwrap();
    let Document::Block(block) = block.document else { panic!("a block") };
    assert_eq!(block.held().count_ones(), 1, "the write landed");
    let open = matches!(&outcomes[0], Outcome::Granted(..) | Outcome::Unresolved(_));
    assert!(open, "a is held, and must not be forgotten: {:?}", outcomes[0]);
}
