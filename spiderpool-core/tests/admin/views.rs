//! Counters, maps and explanations say what the blocks say (I8).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use pollster::block_on;
use proptest::prelude::*;
use spiderpool_core::{
    addr::Address,
    admin::Mode,
    alloc::Allocator,
    api::keys,
    inspect::{ALLOCATED_IPS_SHOWN, AddressState, Counts, Holding, RecordFilter},
    model::{Attachment, Binding, Pool},
    store::{MemoryStore, StoreExt},
};

use super::world::{self, add, address, apply, del, open, pool, reference, reservation, still_env, stored};

const COOLDOWN: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
enum Step {
    Add(usize, Binding),
    Del(usize),
    Wait,
    Reserve(u8, u8),
    Unreserve,
    Exclude(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let binding = prop_oneof![Just(Binding::Stateless), Just(Binding::Stateful)];
    prop_oneof![
        6 => (0..12usize, binding).prop_map(|(pod, binding)| Step::Add(pod, binding)),
        4 => (0..12usize).prop_map(Step::Del),
        1 => Just(Step::Wait),
        1 => (0..40u8, 0..6u8).prop_map(|(first, more)| Step::Reserve(first, first + more)),
        1 => Just(Step::Unreserve),
        1 => (0..40u8).prop_map(Step::Exclude),
    ]
}

/// The state of each address by reading it alone: slow and plain.
async fn naive(allocator: &Allocator, pool: &Pool, reserved: &[(u8, u8)]) -> BTreeMap<Address, AddressState> {
    let mut states = BTreeMap::new();
    let blocks = allocator.inspect().records(&RecordFilter::default()).await.unwrap();
    let blocks: BTreeMap<_, _> = blocks.into_iter().collect();
    for last in 0..=255u8 {
        let at = address(&format!("10.0.0.{last}"));
        if !pool.ips.contains(at) {
            continue;
        }
        let id = spiderpool_core::model::BlockId::of(allocator.scope(), allocator.block_bits(), at);
        let block = allocator.store().block(&id).await.unwrap();
        let released = block.and_then(|(block, _)| block.released_at(block.offset(at).unwrap()));
        let resting = released.is_some_and(|released| {
            allocator.env().clock.now().as_millis() < released.as_millis() + pool.cooldown.as_millis() as i64
        });
        let state = match blocks.get(&at) {
            Some(record) if record.attachment == Attachment::Detached => AddressState::Bound,
            Some(_) => AddressState::Held,
            None if pool.excluded.contains(at) || pool.gateway == Some(at) => AddressState::Excluded,
            None if reserved.iter().any(|(from, to)| (*from..=*to).contains(&last)) => AddressState::Reserved,
            None if resting => AddressState::Cooling,
            None => AddressState::Free,
        };
        states.insert(at, state);
    }
    states
}

async fn check(allocator: &Allocator, reserved: &[(u8, u8)]) {
    let object = stored(allocator, "p").await;
    let parsed = Pool::try_from(&object).unwrap();
    let inspect = allocator.inspect();
    let expected = naive(allocator, &parsed, reserved).await;

    let map: BTreeMap<_, _> = inspect.map(&object, 0, u128::MAX).await.unwrap().collect();
    assert_eq!(map, expected);
    let window: Vec<_> = inspect.map(&object, 5, 7).await.unwrap().collect();
    assert_eq!(window, expected.iter().skip(5).take(7).map(|(a, s)| (*a, *s)).collect::<Vec<_>>());

    let count = |state| expected.values().filter(|found| **found == state).count() as u128;
    let counts = inspect.pool_counts(&object).await.unwrap();
    let in_use = count(AddressState::Held) + count(AddressState::Bound);
    let gateway = parsed.gateway.is_some_and(|gateway| parsed.allocatable().contains(gateway));
    let wanted = Counts {
        total: parsed.allocatable().len_saturating(),
        held: in_use,
        bound: count(AddressState::Bound),
        elsewhere: 0,
        withheld: u128::from(gateway),
        reserved: count(AddressState::Reserved),
        cooling: count(AddressState::Cooling),
        free: count(AddressState::Free),
    };
    assert_eq!(counts, wanted);
    let free = inspect.free_ranges(&object).await.unwrap();
    assert_eq!(free.len_saturating(), counts.free + counts.cooling);

    let status = inspect.pool_status(&object, usize::MAX).await.unwrap();
    assert_eq!(status.allocated_ip_count, Some(in_use as i64));
    assert_eq!(status.total_ip_count, Some(counts.total as i64));
    let listed: BTreeMap<Address, serde_json::Value> =
        serde_json::from_str(status.allocated_ips.as_deref().unwrap_or("{}")).unwrap();
    let held = |state: &AddressState| matches!(state, AddressState::Held | AddressState::Bound);
    let holding: Vec<_> = expected.iter().filter(|(_, state)| held(state)).map(|(at, _)| *at).collect();
    assert_eq!(listed.keys().copied().collect::<Vec<_>>(), holding);
    let all = inspect.pools_with_status(usize::MAX).await.unwrap();
    assert_eq!(all[0].status, status);

    for (at, state) in expected {
        let who = inspect.who(at).await.unwrap();
        let fits = match (&who, state) {
            (Holding::Held { record, .. }, AddressState::Held) => record.attachment != Attachment::Detached,
            (Holding::Held { record, .. }, AddressState::Bound) => record.attachment == Attachment::Detached,
            (Holding::Free { .. }, AddressState::Free)
            | (Holding::Cooling { .. }, AddressState::Cooling)
            | (Holding::Reserved { .. }, AddressState::Reserved)
            | (Holding::Withheld { .. }, AddressState::Excluded) => true,
            _ => false,
        };
        assert!(fits, "{who}, but {state:?}");
        let json = serde_json::to_string(&who).unwrap();
        assert_eq!(serde_json::from_str::<Holding>(&json).unwrap(), who);
    }
}

fn wanted_pool(excluded: &[u8]) -> spiderpool_core::api::SpiderIPPool {
    let mut wanted = pool("p", "10.0.0.0/24", &["10.0.0.3-10.0.0.33", "10.0.0.36"]);
    wanted.spec.gateway = Some("10.0.0.36".into());
    wanted.spec.exclude_ips = excluded.iter().map(|last| format!("10.0.0.{last}")).collect();
    wanted.spec.exclude_ips.push("10.0.0.36".into());
    wanted.metadata.annotations.insert(keys::COOLDOWN.into(), "30s".into());
    wanted
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_view_agrees_with_the_blocks(bits in 0..=6u8, steps in prop::collection::vec(step(), 0..40)) {
        block_on(async {
            let (env, hands) = still_env();
            let allocator = open(Arc::new(MemoryStore::new()), &env, bits).await;
            let mut excluded = Vec::new();
            let mut reserved = Vec::new();
            apply(&allocator, &wanted_pool(&excluded)).await;
            for (round, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Add(pod, binding) => {
                        let pools = [reference(&allocator, "p").await];
                        // A full or cooling pool refuses, and a pod keeps the binding it began with.
                        let _ = add(&allocator, pod, round, &pools, binding).await;
                    }
                    Step::Del(pod) => {
                        for round in 0..round {
                            del(&allocator, pod, round).await;
                        }
                    }
                    Step::Wait => hands.advance(COOLDOWN),
                    Step::Reserve(first, last) => {
                        let range = format!("10.0.0.{first}-10.0.0.{last}");
                        let wanted = reservation(&format!("r{round}"), &[&range]);
                        allocator.apply_reservation(&wanted, Mode::Real).await.unwrap();
                        reserved.push((round, (first, last)));
                    }
                    Step::Unreserve => {
                        if let Some((round, _)) = reserved.pop() {
                            let name = format!("r{round}").parse().unwrap();
                            allocator.delete_reservation(&name, Mode::Real).await.unwrap();
                        }
                    }
                    Step::Exclude(last) => {
                        excluded.push(last);
                        if allocator.apply_pool(&wanted_pool(&excluded), Mode::Real).await.is_err() {
                            excluded.pop();
                        }
                    }
                }
            }
            let reserved: Vec<_> = reserved.into_iter().map(|(_, range)| range).collect();
            check(&allocator, &reserved).await;
        });
    }
}

#[test]
fn a_pool_of_any_size_costs_its_blocks_only() {
    block_on(async {
        let (env, _) = still_env();
        let allocator = open(Arc::new(MemoryStore::new()), &env, 6).await;
        let mut wanted = pool("huge", "fd00::/48", &["fd00::1-fd00::ffff:ffff:ffff:ffff:ffff"]);
        wanted.spec.gateway = None;
        let reference = apply(&allocator, &wanted).await;
        add(&allocator, 1, 0, &[reference], Binding::Stateless).await.unwrap();
        let object = stored(&allocator, "huge").await;
        let counts = allocator.inspect().pool_counts(&object).await.unwrap();
        assert_eq!((counts.total, counts.held, counts.free), ((1 << 80) - 1, 1, (1 << 80) - 2));
        let json = serde_json::to_value(counts).unwrap();
        assert_eq!(json["total"], serde_json::json!("1208925819614629174706175"));
        assert_eq!(serde_json::from_value::<Counts>(json).unwrap(), counts);
        let status = allocator.inspect().pool_status(&object, ALLOCATED_IPS_SHOWN).await.unwrap();
        assert_eq!((status.total_ip_count, status.allocated_ip_count), (Some(i64::MAX), Some(1)));
        // A window in the middle of nowhere.
        let last: Vec<_> = allocator.inspect().map(&object, (1 << 80) - 2, 10).await.unwrap().collect();
        assert_eq!(last, [(address("fd00::ffff:ffff:ffff:ffff:ffff"), AddressState::Free)]);
    });
}

#[test]
fn the_status_is_written_as_upstream_writes_it() {
    block_on(async {
        let (env, _) = still_env();
        let allocator = open(Arc::new(MemoryStore::new()), &env, 4).await;
        let reference = apply(&allocator, &pool("p", "10.0.0.0/24", &["10.0.0.9-10.0.0.12"])).await;
        let object = stored(&allocator, "p").await;
        let inspect = allocator.inspect();
        assert_eq!(inspect.pool_status(&object, 100).await.unwrap().allocated_ips, None);
        for pod in 1..=3 {
            add(&allocator, pod, 0, std::slice::from_ref(&reference), Binding::Stateless).await.unwrap();
        }
        let status = inspect.pool_status(&object, 2).await.unwrap();
        assert_eq!(status.allocated_ip_count, Some(3));
        let entry = |pod| format!(r#"{{"interface":"eth0","pod":"default/pod-{pod}","podUid":"uid-{pod}"}}"#);
        let expected = format!(r#"{{"10.0.0.9":{},"10.0.0.10":{}}}"#, entry(1), entry(2));
        assert_eq!(status.allocated_ips.as_deref(), Some(expected.as_str()));
    });
}

#[test]
fn an_address_is_explained_in_a_sentence() {
    block_on(async {
        let (env, hands) = still_env();
        let allocator = open(Arc::new(MemoryStore::new()), &env, 4).await;
        let mut blue = pool("blue", "10.0.0.0/24", &["10.0.0.1-10.0.0.9"]);
        blue.spec.gateway = Some("10.0.0.1".into());
        blue.spec.exclude_ips = world::texts(&["10.0.0.1-10.0.0.2"]);
        blue.metadata.annotations.insert(keys::COOLDOWN.into(), "30s".into());
        let reference = apply(&allocator, &blue).await;
        let mut off = pool("off", "10.0.1.0/24", &["10.0.1.1"]);
        off.spec.disable = Some(true);
        apply(&allocator, &off).await;
        let mut says = Vec::new();
        for pod in 1..=2 {
            add(&allocator, pod, 0, std::slice::from_ref(&reference), Binding::Stateless).await.unwrap();
        }
        hands.advance(Duration::from_secs(60));
        del(&allocator, 2, 0).await;
        let reserve = reservation("infra", &["10.0.0.3", "10.0.0.8-10.0.0.9", "10.9.0.1"]);
        allocator.apply_reservation(&reserve, Mode::Real).await.unwrap();
        for at in [
            "10.0.0.1",
            "10.0.0.2",
            "10.0.0.3",
            "10.0.0.4",
            "10.0.0.5",
            "10.0.0.8",
            "10.0.0.77",
            "10.0.1.1",
            "10.9.0.1",
        ] {
            says.push(allocator.inspect().who(address(at)).await.unwrap().to_string());
        }
        hands.advance(COOLDOWN);
        says.push(allocator.inspect().who(address("10.0.0.4")).await.unwrap().to_string());
        insta::assert_snapshot!(says.join("\n"));
    });
}

#[test]
fn records_are_found_by_what_they_say() {
    block_on(async {
        let (env, _) = still_env();
        let allocator = open(Arc::new(MemoryStore::new()), &env, 6).await;
        let a = apply(&allocator, &pool("a", "10.0.0.0/24", &["10.0.0.1-10.0.0.9"])).await;
        let b = apply(&allocator, &pool("b", "fd00::/64", &["fd00::1-fd00::9"])).await;
        add(&allocator, 1, 0, &[a.clone(), b.clone()], Binding::Stateless).await.unwrap();
        add(&allocator, 2, 0, std::slice::from_ref(&a), Binding::Stateless).await.unwrap();
        let find = async |filter: RecordFilter| {
            let records = allocator.inspect().records(&filter).await.unwrap();
            records.into_iter().map(|(at, _)| at.to_string()).collect::<Vec<_>>()
        };
        let none = RecordFilter::default();
        assert_eq!(find(none.clone()).await, ["10.0.0.1", "10.0.0.2", "fd00::1"]);
        let owner = world::owner(1);
        assert_eq!(
            find(RecordFilter { owner: Some(owner.uid), ..none.clone() }).await,
            ["10.0.0.1", "fd00::1"]
        );
        assert_eq!(find(RecordFilter { pod: world::owner(2).pod, ..none.clone() }).await, ["10.0.0.2"]);
        assert_eq!(find(RecordFilter { pool: Some(b.uid.clone()), ..none.clone() }).await, ["fd00::1"]);
        assert_eq!(find(RecordFilter { node: "node-1".parse().ok(), ..none.clone() }).await.len(), 3);
        assert_eq!(find(RecordFilter { node: "node-2".parse().ok(), ..none.clone() }).await.len(), 0);
        assert_eq!(find(RecordFilter { namespace: "default".parse().ok(), ..none.clone() }).await.len(), 3);
        assert_eq!(find(RecordFilter { network: "net".parse().ok(), ..none }).await.len(), 0);
    });
}
