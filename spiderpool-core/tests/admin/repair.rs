//! Repair: whatever is damaged, afterwards nothing is wrong but what a person has to decide, and nobody who lives lost
//! an address.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use pollster::block_on;
use proptest::prelude::*;
use spiderpool_core::{
    addr::{Address, Family},
    admin::Mode,
    alloc::AllocatorConfig,
    api::{Claim, ClaimState, SpiderEndpoint, SpiderSubnet},
    inspect::{Finding, FindingKind, RecordFilter, Severity},
    model::{Attachment, Binding, Block, Epoch, Plan, Pool, Record},
    name::OwnerUid,
    repair::{Repaired, repair},
    store::{Document, Key, Kind, MemoryStore, Selector, Store},
    sweep::{Declared, SandboxSeen, Sources, StoreSources, SweepPolicy},
};

use super::{
    fsck::{damaged::Broken, planted::cases},
    scene::World,
    story::{Story, step},
    sweep::{Nodes, everything, pod, put},
    world::{self, address, config, container, owner},
};

struct Bench {
    world: World,
    nodes: Arc<Nodes>,
    sources: Arc<dyn Sources>,
}

impl Bench {
    async fn new() -> Self {
        let world = World::new(Arc::new(MemoryStore::new())).await;
        let nodes = Arc::new(Nodes::default());
        let (store, clock) = (world.store().clone(), world.allocator.env().clock.clone());
        let sources = Arc::new(StoreSources::new(store, clock, nodes.clone(), Declared::WhereAny));
        Self { world, nodes, sources }
    }

    async fn repair(&self, mode: Mode) -> Repaired {
        let (store, env) = (self.world.store().clone(), self.world.allocator.env());
        let policy = SweepPolicy::default();
        repair(store, env, config(4), &self.sources, &policy, mode).await.unwrap()
    }

    async fn records(&self) -> Vec<(Address, Arc<Record>)> {
        self.world.allocator.inspect().records(&RecordFilter::default()).await.unwrap()
    }

    /// Looks, does, does again: the first says what the second does, and the third has nothing to do.
    async fn repaired(&self) -> Repaired {
        let before = everything(self.world.store().as_ref()).await;
        let dry = self.repair(Mode::DryRun).await;
        assert_eq!(everything(self.world.store().as_ref()).await, before, "a dry run writes nothing");
        let held = self.records().await;
        let real = self.repair(Mode::Real).await;
        assert_eq!(kinds(&dry.left), kinds(&real.left));
        let told = |repaired: &Repaired| repaired.actions.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(told(&dry), told(&real));
        let after = everything(self.world.store().as_ref()).await;
        let again = self.repair(Mode::Real).await;
        assert_eq!(again.actions, [], "a second repair has nothing to do: {:#?}", real.actions);
        assert_eq!(everything(self.world.store().as_ref()).await, after, "and writes nothing");
        assert_eq!(again.left, real.left);
        // Freed is what the answer says was freed, and nothing else.
        let freed: BTreeSet<String> = real
            .actions
            .iter()
            .filter(|action| action.kind == spiderpool_core::repair::ActionKind::AddressFreed)
            .map(|action| action.object.clone())
            .collect();
        let still = self.records().await;
        let gone = held.iter().filter(|entry| !still.contains(entry)).map(|(address, _)| address.to_string());
        let gone: BTreeSet<String> = gone.collect();
        assert!(gone.is_subset(&freed), "{gone:?} {freed:?}");
        assert!(still.len() <= held.len(), "nothing is granted");
        real
    }
}

fn kinds(findings: &[Finding]) -> Vec<FindingKind> {
    findings.iter().map(|finding| finding.kind).collect()
}

/// What is left where nobody has died and nothing may be guessed, by damage.
fn for_a_person(kind: FindingKind) -> bool {
    use FindingKind::*;
    matches!(
        kind,
        // Only its author knows what was meant.
        Damaged | Malformed | OverlappingPools | OverlappingSubnets |
        // The pod lives, and nobody says which of the two it uses; or where its address should be from.
        DuplicateGrant | RecordOutside | UnknownPool | ViewDiffers | RecordWithoutClaim |
        // By somebody's decision, or until somebody's next start.
        HeldReserved | ClaimLeaving | ClaimWithoutRecord | PendingEdit
    )
}

#[test]
fn each_damage_is_repaired_or_named() {
    let mut texts = Vec::new();
    for case in cases() {
        let repaired = block_on(async {
            let bench = Bench::new().await;
            (case.plant)(&bench.world).await;
            bench.repaired().await
        });
        let name = case.name;
        assert_eq!(kinds(&repaired.found), case.found, "{name}: {:#?}", repaired.found);
        assert!(repaired.left.iter().all(|finding| for_a_person(finding.kind)), "{name}: {repaired:#?}");
        assert_eq!(repaired.failures, [] as [String; 0], "{name}");
        texts.push(format!("{name}:"));
        texts.extend(repaired.actions.iter().map(|action| format!("  done: {action}")));
        texts.extend(
            repaired
                .left
                .iter()
                .map(|left| format!("  left: {:?} {}: {}", left.kind, left.object, left.what)),
        );
    }
    insta::assert_snapshot!(texts.join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_damages_together_are_repaired_or_named(chosen in prop::collection::btree_set(0..64usize, 1..8)) {
        block_on(async {
            let bench = Bench::new().await;
            let cases: Vec<_> = cases().into_iter().collect();
            // What is done through the public interface comes before what is done behind its back.
            let ordinary = |name: &str| {
                ["a stateful pod that found no other address", "a reservation of held addresses",
                    "a deletion that waited for its last address"].contains(&name)
            };
            let mut chosen: Vec<_> = chosen.into_iter().filter_map(|at| cases.get(at)).collect();
            chosen.sort_by_key(|case| !ordinary(case.name));
            // Both are about the same pod.
            if chosen.iter().any(|case| case.name == "a stateful pod that found no other address") {
                chosen.retain(|case| case.name != "a claim of nothing");
            }
            for case in &chosen {
                (case.plant)(&bench.world).await;
            }
            let repaired = bench.repaired().await;
            let names: Vec<_> = chosen.iter().map(|case| case.name).collect();
            // A block of another size makes the lost size of the scope a guess.
            let guess = names.contains(&"no scope") && names.contains(&"a block of another size");
            if guess {
                assert_eq!(repaired.actions, []);
                assert!(!repaired.failures.is_empty() && !repaired.is_clean());
                return;
            }
            for finding in &repaired.left {
                assert!(for_a_person(finding.kind), "{names:?}: {finding}");
            }
        });
    }
}

/// A damage at random places.
#[derive(Clone, Debug)]
enum Damage {
    LoseScope,
    LosePlan(usize),
    LoseEndpoint(usize),
    LoseRecord(usize),
    PlanRanges(usize, u8),
    PlanEpoch(usize, u64),
    PlanBirth(usize),
    Copy(usize, u64),
    CopyEpoch(usize, u64),
    CopyOfNobody(usize),
    View(usize, u8),
    Claim(usize, u8, bool),
    Record(u8, usize, bool, bool),
    Uid(usize),
    SubnetRecord,
    StaleEdit(usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = || 0..64usize;
    prop_oneof![
        1 => Just(Damage::LoseScope),
        1 => at().prop_map(Damage::LosePlan),
        1 => at().prop_map(Damage::LoseEndpoint),
        1 => at().prop_map(Damage::LoseRecord),
        1 => (at(), 0..100u8).prop_map(|(at, last)| Damage::PlanRanges(at, last)),
        1 => (at(), 0..9u64).prop_map(|(at, n)| Damage::PlanEpoch(at, n)),
        1 => at().prop_map(Damage::PlanBirth),
        2 => (at(), any::<u64>()).prop_map(|(at, mask)| Damage::Copy(at, mask)),
        1 => (at(), 0..9u64).prop_map(|(at, n)| Damage::CopyEpoch(at, n)),
        1 => at().prop_map(Damage::CopyOfNobody),
        1 => (at(), 0..100u8).prop_map(|(at, last)| Damage::View(at, last)),
        1 => (at(), 0..100u8, any::<bool>()).prop_map(|(at, last, holds)| Damage::Claim(at, last, holds)),
        2 => (0..100u8, 0..12usize, any::<bool>(), any::<bool>())
            .prop_map(|(last, pod, stateful, known)| Damage::Record(last, pod, stateful, known)),
        1 => at().prop_map(Damage::Uid),
        1 => Just(Damage::SubnetRecord),
        1 => at().prop_map(Damage::StaleEdit),
    ]
}

async fn pick(store: &dyn Store, kind: Kind, at: usize) -> Option<spiderpool_core::store::Versioned> {
    let items = store.list(&Selector::Kind(kind)).await.unwrap().items;
    items.get(at.checked_rem(items.len())?).cloned()
}

async fn inflict(bench: &Bench, damage: Damage) {
    let world = &bench.world;
    let store = world.store().as_ref();
    let lose = async |kind, at| {
        if let Some(found) = pick(store, kind, at).await {
            store.delete(&found.key, &found.token).await.unwrap();
        }
    };
    let plan = async |at, change: &dyn Fn(&mut Plan)| {
        if let Some(found) = pick(store, Kind::Plan, at).await {
            world.change(&found.key, Document::as_plan, |plan: &mut Plan| change(plan)).await;
        }
    };
    let block = async |at, change: &dyn Fn(&mut Block)| {
        if let Some(found) = pick(store, Kind::Block, at).await {
            world.change(&found.key, Document::as_block, |block: &mut Block| change(block)).await;
        }
    };
    let recopy = |block: &mut Block, change: &dyn Fn(&mut Plan, Epoch)| {
        let Some(copy) = block.copies().first().cloned() else { return };
        let mut plan = Plan::empty(copy.plan.clone(), None, block.id().family, 0);
        for offset in (0..block.bits().size()).filter(|offset| copy.usable & (1 << offset) != 0) {
            plan.usable.insert(block.address(offset));
        }
        plan.epoch = copy.epoch;
        change(&mut plan, copy.epoch);
        block.install(&plan);
    };
    match damage {
        Damage::LoseScope => lose(Kind::Scope, 0).await,
        Damage::LosePlan(at) => lose(Kind::Plan, at).await,
        Damage::LoseEndpoint(at) => lose(Kind::Endpoint, at).await,
        Damage::LoseRecord(at) => {
            block(at, &|block| {
                let first = block.records().map(|(offset, _)| offset).next();
                if let Some(offset) = first {
                    block.take(offset, None);
                }
            })
            .await;
        }
        Damage::PlanRanges(at, last) => {
            plan(at, &|plan| {
                if plan.usable.family() == Family::V4 {
                    plan.usable.insert(address(&format!("10.0.0.{last}")));
                }
            })
            .await;
        }
        Damage::PlanEpoch(at, n) => plan(at, &|plan| plan.epoch.n = n).await,
        Damage::PlanBirth(at) => plan(at, &|plan| plan.epoch.birth ^= 1).await,
        Damage::Copy(at, mask) => {
            block(at, &|block| {
                let tampered: Vec<Address> = (0..block.bits().size())
                    .filter(|offset| mask & (1 << offset) != 0)
                    .map(|offset| block.address(offset))
                    .collect();
                recopy(block, &|plan, _| {
                    for address in &tampered {
                        plan.usable.insert(*address);
                    }
                });
            })
            .await;
        }
        Damage::CopyEpoch(at, n) => block(at, &|block| recopy(block, &|plan, _| plan.epoch.n = n)).await,
        Damage::CopyOfNobody(at) => {
            block(at, &|block| {
                let id = spiderpool_core::model::PlanId::Pool("nobody".parse().unwrap());
                block.install(&Plan::empty(id, None, block.id().family, 1));
            })
            .await;
        }
        Damage::View(at, last) => {
            if let Some(found) = pick(store, Kind::Endpoint, at).await {
                world
                    .change(&found.key, Document::as_endpoint, |endpoint: &mut SpiderEndpoint| {
                        let mut entry = endpoint.status.current.ips.first().cloned().unwrap_or_default();
                        entry.ipv4 = Some(format!("10.0.0.{last}/24"));
                        endpoint.status.current.ips = vec![entry];
                    })
                    .await;
            }
        }
        Damage::Claim(at, last, holds) => {
            if let Some(found) = pick(store, Kind::Endpoint, at).await {
                world
                    .change(&found.key, Document::as_endpoint, |endpoint: &mut SpiderEndpoint| {
                        endpoint.status.claims = vec![Claim {
                            interface: super::scene::slot(),
                            ip_version: Family::V4,
                            address: address(&format!("10.0.0.{last}")),
                            state: if holds { ClaimState::Holds } else { ClaimState::Leaving },
                        }];
                    })
                    .await;
            }
        }
        Damage::Record(last, pod, stateful, known) => {
            let binding = if stateful { Binding::Stateful } else { Binding::Stateless };
            let mut record = world.record(pod, if known { "p" } else { "gone" }, binding).await;
            record.attachment = Attachment::Container(container(pod, usize::from(last)));
            world
                .change_block(&format!("10.0.0.{last}"), |block, offset| {
                    if block.record(offset).is_none() {
                        block.put(offset, Arc::new(record));
                    }
                })
                .await;
        }
        Damage::Uid(at) => {
            block(at, &|block| {
                let found = block.records().next().map(|(offset, record)| (offset, record.clone()));
                if let Some((offset, record)) = found {
                    let mut record = Record::clone(&record);
                    record.owner.uid = OwnerUid::new("another").unwrap();
                    block.put(offset, Arc::new(record));
                }
            })
            .await;
        }
        Damage::SubnetRecord => {
            if let Some(found) = pick(store, Kind::Subnet, 0).await {
                world
                    .change(&found.key, Document::as_subnet, |subnet: &mut SpiderSubnet| {
                        subnet.status.controlled_ip_pools = None;
                    })
                    .await;
            }
        }
        Damage::StaleEdit(at) => {
            let since = world.allocator.env().clock.now();
            plan(at, &|plan| {
                let mut edit = super::fsck::planted::edit(since);
                edit.removed = edit.removed.intersection(&plan.usable);
                if plan.usable.family() == Family::V4 {
                    plan.pending.push(edit);
                }
            })
            .await;
            world.hands.advance(Duration::from_secs(61));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// A real store, any damage: pods, edits and deletions first, then anything behind everybody's back. Some pods are
    /// declared and run, some containers are gone.
    #[test]
    fn a_real_store_is_repaired_and_no_live_address_is_freed(
        steps in prop::collection::vec(step(), 0..30),
        damages in prop::collection::vec(damage(), 0..10),
        running in prop::collection::btree_set(0..12usize, 0..12),
        dead in prop::collection::btree_set((0..12usize, 0..100usize), 0..40),
    ) {
        block_on(async {
            let bench = Bench::new().await;
            let store = bench.world.store().clone();
            let mut story = Story::new();
            for step in steps {
                story.step(&bench.world.allocator, &bench.world.hands, step).await;
            }
            for at in &running {
                put(store.as_ref(), pod(*at, owner(*at).uid.as_str(), "Running")).await;
            }
            for (pod, round) in &dead {
                bench.nodes.say(*pod, *round, SandboxSeen::Gone);
            }
            for damage in damages {
                inflict(&bench, damage).await;
            }
            let before = bench.records().await;
            let repaired = bench.repaired().await;
            let after = bench.records().await;
            // I6: whoever lives in any source has what it had, unless it is one of two for the same interface.
            for (address, record) in &before {
                let container = match &record.attachment {
                    Attachment::Container(container) => Some(container),
                    _ => None,
                };
                let sandbox_gone = container.is_none_or(|container| {
                    dead.iter().any(|(pod, round)| world::container(*pod, *round) == *container)
                });
                let pod_runs = running.iter().any(|pod| owner(*pod) == record.owner);
                let twins = before.iter().filter(|(other, twin)| {
                    other.family() == address.family()
                        && twin.slot == record.slot
                        && (twin.owner.uid == record.owner.uid
                            || record.binding == Binding::Stateful && twin.owner.pod == record.owner.pod)
                });
                let claimed_elsewhere = record.binding == Binding::Stateful && sandbox_gone;
                if (!sandbox_gone || pod_runs) && twins.count() == 1 && !claimed_elsewhere {
                    assert!(after.contains(&(*address, record.clone())), "{address} of {} is lost", record.owner);
                }
                // A container that lives is never left without an address that it had.
                if !sandbox_gone {
                    let key = record.key(address.family());
                    let still = after.iter().any(|(at, other)| other.key(at.family()) == key);
                    assert!(still, "{} of {} has lost its address under its container", record.slot, record.owner);
                }
            }
            for finding in &repaired.left {
                assert!(for_a_person(finding.kind), "{finding}\n{repaired:#?}");
                if finding.severity == Severity::Error && finding.kind != FindingKind::DuplicateGrant {
                    panic!("{finding}");
                }
            }
            // I8: the counters are what the blocks say.
            let listing = store.list(&Selector::Kind(Kind::Pool)).await.unwrap();
            let mut counted = 0;
            for item in &listing.items {
                let pool = item.document.as_pool().unwrap();
                counted += bench.world.allocator.inspect().pool_counts(pool).await.unwrap().held;
            }
            let pools = listing.items.iter().filter_map(|item| item.document.as_pool());
            let pools: Vec<Pool> = pools.filter_map(|pool| Pool::try_from(pool.as_ref()).ok()).collect();
            let inside = |(address, record): &&(Address, Arc<Record>)| {
                pools.iter().any(|pool| pool.uid == record.pool && pool.ips.contains(*address))
            };
            let named = |(_, record): &&(Address, Arc<Record>)| pools.iter().any(|pool| pool.uid == record.pool);
            let range = after.iter().filter(inside).count() as u128..=after.iter().filter(named).count() as u128;
            assert!(range.contains(&counted), "{counted} {range:?}");
            // I13 and one address per key, unless a person has to say which.
            if !kinds(&repaired.left).contains(&FindingKind::DuplicateGrant) {
                let mut keys = BTreeSet::new();
                assert!(after.iter().all(|(address, record)| keys.insert(record.key(address.family()))));
            }
            // And the store works: what is free can be granted.
            let p = world::reference(&bench.world.allocator, "p").await;
            let granted = world::add(&bench.world.allocator, 77, 0, &[p], Binding::Stateless).await;
            if let Ok(granted) = granted {
                assert!(after.iter().all(|(address, _)| *address != granted[0].address));
            }
        });
    }
}

#[test]
fn a_scope_that_was_lost_gets_the_size_of_its_blocks_back() {
    block_on(async {
        for bits in [0, 2, 6] {
            let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
            let (env, _hands) = world::still_env();
            let allocator = world::open(store.clone(), &env, bits).await;
            let p = world::apply(&allocator, &world::pool("p", "10.0.0.0/24", &["10.0.0.1-10.0.0.20"])).await;
            world::add(&allocator, 1, 0, &[p], Binding::Stateless).await.unwrap();
            let key = Key::Scope(allocator.scope().clone());
            let before = store.get(&key).await.unwrap().unwrap();
            store.delete(&key, &before.token).await.unwrap();
            let sources = StoreSources::new(
                store.clone(),
                env.clock.clone(),
                Arc::new(Nodes::default()),
                Declared::WhereAny,
            );
            let sources: Arc<dyn Sources> = Arc::new(sources);
            let config = AllocatorConfig::new("somewhere".parse().unwrap());
            let policy = SweepPolicy::default();
            let repaired = repair(store.clone(), &env, config, &sources, &policy, Mode::Real).await.unwrap();
            assert_eq!((repaired.actions.len(), repaired.is_clean()), (1, true), "{repaired:#?}");
            assert_eq!(store.get(&key).await.unwrap().unwrap().document, before.document);
        }
    });
}

/// A document that cannot be read stops only what needs it, and is named.
#[test]
fn what_can_be_read_is_repaired_beside_what_cannot() {
    block_on(async {
        let keys: Vec<Key> = {
            let bench = Bench::new().await;
            everything(bench.world.store().as_ref()).await.into_iter().map(|item| item.key).collect()
        };
        for key in keys {
            let inner = MemoryStore::new();
            let world = World::new(Arc::new(inner.clone())).await;
            let before = everything(&inner).await;
            // Both kinds of derived documents are lost; the truth is not.
            for kind in [Kind::Plan, Kind::Subnet] {
                if kind == key.kind() {
                    continue;
                }
                for item in inner.list(&Selector::Kind(kind)).await.unwrap().items {
                    match item.document.as_subnet() {
                        None => inner.delete(&item.key, &item.token).await.unwrap(),
                        Some(subnet) => {
                            let mut subnet = subnet.as_ref().clone();
                            subnet.status.controlled_ip_pools = None;
                            inner.update(&item.key, &item.token, subnet.into()).await.map(drop).unwrap();
                        }
                    }
                }
            }
            let store: Arc<dyn Store> = Arc::new(Broken { inner: inner.clone(), bad: vec![key.clone()] });
            let clock = world.allocator.env().clock.clone();
            let sources: Arc<dyn Sources> = Arc::new(StoreSources::new(
                store.clone(),
                clock,
                Arc::new(Nodes::default()),
                Declared::WhereAny,
            ));
            let (env, policy) = (world.allocator.env(), SweepPolicy::default());
            let repaired = repair(store, env, config(4), &sources, &policy, Mode::Real).await;
            if matches!(key, Key::Scope(_)) {
                // Without the size of blocks nothing can be said about any address.
                repaired.unwrap_err();
                continue;
            }
            let repaired = repaired.unwrap();
            assert!(!repaired.is_clean(), "{key}: {repaired:#?}");
            assert!(kinds(&repaired.left).contains(&FindingKind::Damaged), "{key}: {:#?}", repaired.left);
            let damaged = everything(&inner).await.into_iter().find(|item| item.key == key);
            assert_eq!(
                damaged,
                before.into_iter().find(|item| item.key == key),
                "what cannot be read is left alone"
            );
            let records = world.allocator.inspect().records(&RecordFilter::default()).await.unwrap();
            assert_eq!(records.len(), 2, "{key}: nobody lost an address");
            // Plans of pools are made again unless pools, reservations or plans cannot be read.
            let needs = matches!(key, Key::Pool(_) | Key::Reservation(_) | Key::Plan(_));
            let plans = inner.list(&Selector::Kind(Kind::Plan)).await.unwrap().items.len();
            assert!(needs || plans == 3, "{key}: {plans}");
        }
    });
}
