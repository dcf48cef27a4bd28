//! Each damage that `fsck` knows, planted.

use std::{collections::BTreeSet, future::Future, pin::Pin, sync::Arc, time::Duration};

use pollster::block_on;
use spiderpool_core::{
    addr::{Family, IpSet},
    admin::{Deletion, Mode},
    api::{Claim, ClaimState, SpiderEndpoint, SpiderSubnet},
    inspect::FindingKind,
    model::{Binding, Block, BlockBits, BlockId, Epoch, Pending, Plan, PlanId, Slot},
    name::Uid,
    store::{Document, Key, MemoryStore, Token},
    time::Timestamp,
};

use crate::{
    scene::{World, named, slot},
    world::{add, address, apply, del, pool, reference, reservation, stored_subnet, subnet},
};

pub(crate) type Planting<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// A damage, how it is planted, and what is found.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) plant: for<'a> fn(&'a World) -> Planting<'a>,
    pub(crate) found: &'static [FindingKind],
}

macro_rules! cases {
    ($($name:literal, $found:expr, |$world:ident| $plant:expr;)*) => {
        [$(Case { name: $name, found: &$found, plant: |$world| Box::pin(async move { $plant; }) }),*]
    };
}

pub(crate) fn edit(since: Timestamp) -> Pending {
    Pending {
        creates: None,
        edit: "e".into(),
        object: Key::Pool(named("p")),
        base: Some(Token::new("old")),
        removed: IpSet::from_ranges(Family::V4, ["10.0.0.19".parse().unwrap()]).unwrap(),
        since,
    }
}

pub(crate) fn cases() -> impl IntoIterator<Item = Case> {
    use FindingKind::*;
    cases! {
        "a subnet of nonsense", [Malformed], |world| {
            let mut wrong = subnet("wrong", "nonsense", &[]);
            wrong.metadata.uid = Some("w".into());
            world.store().create(&Key::Subnet(named("wrong")), wrong.into()).await.unwrap()
        };
        "no scope", [NoScope], |world| {
            let key = Key::Scope(world.allocator.scope().clone());
            let found = world.store().get(&key).await.unwrap().unwrap();
            world.store().delete(&key, &found.token).await.unwrap()
        };
        "a block of another size", [BlockSize], |world| {
            let bits = BlockBits::new(2).unwrap();
            let id = BlockId::of(world.allocator.scope(), bits, address("10.9.0.1"));
            world.store().create(&Key::Block(id.clone()), Block::empty(id, bits).into()).await.unwrap()
        };
        "a key twice", [DuplicateGrant], |world| {
            let record = world.record(3, "p", Binding::Stateless).await;
            world.plant_record("10.0.0.10", record.clone()).await;
            world.plant_record("10.0.0.17", record).await
        };
        "a stateful name twice, in two incarnations", [DuplicateGrant, RecordWithoutClaim], |world| {
            let mut record = world.record(2, "p", Binding::Stateful).await;
            record.owner.uid = "another".parse().unwrap();
            world.plant_record("10.0.0.10", record).await
        };
        "a copy that is newer than its plan", [CopyDiffers], |world| {
            let mut plan = world.plan_of("p").await;
            plan.epoch.n += 7;
            world.change_block("10.0.0.1", |block, _| block.install(&plan)).await
        };
        "a copy of a plan that was lost", [CopyDiffers], |world| {
            let mut plan = world.plan_of("p").await;
            plan.epoch = Epoch { birth: plan.epoch.birth ^ 1, n: 0 };
            world.change_block("10.0.0.1", |block, _| block.install(&plan)).await
        };
        "a copy that was tampered with", [CopyDiffers], |world| {
            let mut plan = world.plan_of("p").await;
            plan.usable.remove(address("10.0.0.3"));
            world.change_block("10.0.0.1", |block, _| block.install(&plan)).await
        };
        "an old copy that allows too much", [CopyDiffers], |world| {
            let mut plan = world.plan_of("p").await;
            plan.epoch.n -= 1;
            plan.usable.insert(address("10.0.0.25"));
            world.change_block("10.0.0.25", |block, _| block.install(&plan)).await
        };
        "a plan that allows more than its pool", [PlanLags], |world| {
            let plan = world.plan_of("p").await;
            world.change(&Key::Plan(plan.id), Document::as_plan, |plan: &mut Plan| {
                let mut usable = plan.usable.clone();
                usable.insert(address("10.0.0.30"));
                plan.set_usable(usable);
            }).await
        };
        "an edit in flight", [PendingEdit], |world| {
            let plan = world.plan_of("p").await;
            let now = world.allocator.env().clock.now();
            world.change(&Key::Plan(plan.id), Document::as_plan, |plan: &mut Plan| plan.pending.push(edit(now))).await
        };
        "an edit whose editor is gone", [StaleEdit], |world| {
            let plan = world.plan_of("p").await;
            let now = world.allocator.env().clock.now();
            world.change(&Key::Plan(plan.id), Document::as_plan, |plan: &mut Plan| plan.pending.push(edit(now))).await;
            world.hands.advance(Duration::from_secs(60))
        };
        "a plan of no pool", [PlanWithoutObject], |world| {
            let id = PlanId::Pool(Uid::new("nobody").unwrap());
            let plan = Plan::empty(id.clone(), None, Family::V4, 1);
            world.store().create(&Key::Plan(id), plan.into()).await.unwrap()
        };
        "a record outside its pool", [RecordOutside], |world| {
            let record = world.record(3, "p", Binding::Stateless).await;
            world.plant_record("10.0.0.30", record).await
        };
        "a record from no pool", [UnknownPool], |world| {
            let record = world.record(3, "gone", Binding::Stateless).await;
            world.plant_record("10.0.0.30", record).await
        };
        "a claim of nothing", [ClaimWithoutRecord], |world| {
            let mut endpoint = SpiderEndpoint::default();
            endpoint.status.claims.push(Claim {
                interface: slot(),
                ip_version: Family::V4,
                address: address("10.0.0.11"),
                state: ClaimState::Holds,
            });
            let key = Key::Endpoint("default/pod-7".parse().unwrap());
            world.store().create(&key, endpoint.into()).await.unwrap()
        };
        "a stateful pod that found no other address", [ClaimLeaving], |world| {
            let [one, two] = [pool("one", "10.3.0.0/24", &["10.3.0.1"]), pool("two", "10.4.0.0/24", &["10.4.0.1"])];
            let (one, two) = (apply(&world.allocator, &one).await, apply(&world.allocator, &two).await);
            add(&world.allocator, 7, 0, &[one], Binding::Stateful).await.unwrap();
            add(&world.allocator, 8, 0, std::slice::from_ref(&two), Binding::Stateless).await.unwrap();
            del(&world.allocator, 7, 0).await;
            add(&world.allocator, 7, 1, &[two], Binding::Stateful).await.unwrap_err()
        };
        "a stateful record that nobody claims", [RecordWithoutClaim], |world| {
            let record = world.record(3, "p", Binding::Stateful).await;
            world.plant_record("10.0.0.11", record).await
        };
        "a view of somebody else's address", [ViewDiffers], |world| {
            let key = Key::Endpoint("default/pod-1".parse().unwrap());
            world.change(&key, Document::as_endpoint, |endpoint: &mut SpiderEndpoint| {
                endpoint.status.current.ips[0].ipv4 = Some("10.0.0.12/24".into());
            }).await
        };
        "a view that lacks an address", [ViewDiffers], |world| {
            let mut record = world.record(1, "p", Binding::Stateless).await;
            record.slot = Slot::Indexed(1);
            world.plant_record("10.0.0.11", record).await
        };
        "a subnet that forgot its pool", [ControlledDiffers], |world| {
            world.change(&Key::Subnet(named("home")), Document::as_subnet, |subnet: &mut SpiderSubnet| {
                subnet.status.controlled_ip_pools = None;
            }).await
        };
        "a subnet that remembers no pool", [ControlledDiffers], |world| {
            let before = stored_subnet(&world.allocator, "home").await.status.controlled_ip_pools;
            let more = match before {
                Some(before) => before.replacen('{', r#"{"nobody":{"ips":["10.0.0.50"]},"#, 1),
                None => r#"{"nobody":{"ips":["10.0.0.50"]}}"#.into(),
            };
            world.change(&Key::Subnet(named("home")), Document::as_subnet, |subnet: &mut SpiderSubnet| {
                subnet.status.controlled_ip_pools = Some(more);
            }).await
        };
        "two pools of one address", [OverlappingPools, ObjectWithoutPlan], |world| {
            let mut twin = pool("twin", "10.1.0.0/24", &["10.1.0.20-10.1.0.30"]);
            twin.metadata.uid = Some("t".into());
            world.store().create(&Key::Pool(named("twin")), twin.into()).await.unwrap()
        };
        "two subnets of one network", [OverlappingSubnets], |world| {
            let mut twin = subnet("twin", "10.1.0.0/16", &[]);
            twin.metadata.uid = Some("t".into());
            world.store().create(&Key::Subnet(named("twin")), twin.clone().into()).await.unwrap();
            twin.metadata.name = "twin-2".into();
            world.store().create(&Key::Subnet(named("twin-2")), twin.into()).await.unwrap()
        };
        "a pool without a plan", [ObjectWithoutPlan], |world| {
            let mut new = pool("new", "10.2.0.0/24", &["10.2.0.20-10.2.0.30"]);
            new.metadata.uid = Some("n".into());
            world.store().create(&Key::Pool(named("new")), new.into()).await.unwrap()
        };
        "a copy of a plan that is gone", [DeadCopy], |world| {
            let plan = Plan::empty(PlanId::Pool(Uid::new("nobody").unwrap()), None, Family::V4, 1);
            world.change_block("10.0.0.1", |block, _| block.install(&plan)).await
        };
        "a reservation of held addresses", [HeldReserved, HeldReserved], |world| {
            let wanted = reservation("late", &["10.0.0.1-10.0.0.3"]);
            world.allocator.apply_reservation(&wanted, Mode::Real).await.unwrap()
        };
        "a deletion that waited for its last address", [DeletionUnfinished], |world| {
            let q = reference(&world.allocator, "q").await;
            add(&world.allocator, 9, 0, &[q], Binding::Stateless).await.unwrap();
            world.allocator.delete_pool(&named("q"), Deletion::Terminate, Mode::Real).await.unwrap();
            del(&world.allocator, 9, 0).await
        };
    }
}

#[test]
fn each_damage_is_found_and_nothing_else() {
    let mut seen = BTreeSet::from([FindingKind::Damaged]);
    let mut texts = Vec::new();
    for Case { name, plant, found } in cases() {
        let findings = block_on(async {
            let world = World::new(Arc::new(MemoryStore::new())).await;
            assert_eq!(world.findings().await, [], "nothing is wrong before {name}");
            plant(&world).await;
            world.findings().await
        });
        let kinds: Vec<FindingKind> = findings.iter().map(|finding| finding.kind).collect();
        assert_eq!(kinds, found, "{name}: {findings:#?}");
        seen.extend(kinds);
        texts.push(format!("{name}:"));
        // The uids and births are drawn from a fixed seed.
        texts.extend(findings.iter().map(|finding| format!("  {}: {}", finding.object, finding.what)));
    }
    assert_eq!(seen, FindingKind::ALL.into_iter().collect(), "every kind is planted");
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn a_finding_says_what_it_means_and_what_to_do() {
    let lines = FindingKind::ALL.map(|kind| {
        format!("{} {kind:?}\n  means: {}\n  to do: {}", kind.severity(), kind.means(), kind.remedy())
    });
    insta::assert_snapshot!(lines.join("\n"));
}
