//! Taking over from upstream.

use std::sync::Arc;

use pollster::block_on;
use proptest::prelude::*;
use spiderpool_core::{
    addr::Address,
    admin::Mode,
    alloc::{Allocator, AllocatorConfig, DelRequest, Sharing},
    api::{Resource, SpiderEndpoint, SpiderIPPool},
    inspect::Severity,
    migrate::{DisagreementKind, Migrated, migrate},
    model::{Attachment, Binding, Record, Slot},
    name::{ContainerId, NodeName, OwnerUid},
    protocol::{Fence, ReleaseMode},
    store::{
        Document, Fault, FaultPlan, FaultStore, Key, Kind, MemoryStore, ResourceName, Selector, Store,
        StoreExt,
    },
};

use super::world::still_env;

/// A store with objects as upstream left them.
fn store(
    pools: &[serde_json::Value],
    endpoints: &[serde_json::Value],
    others: &[serde_json::Value],
) -> MemoryStore {
    let store = MemoryStore::new();
    let put = |key: Key, document: Document| drop(block_on(store.create(&key, document)).unwrap());
    for object in pools {
        let pool: SpiderIPPool = serde_json::from_value(object.clone()).unwrap();
        put(Key::Pool(pool.metadata.name.parse().unwrap()), pool.into());
    }
    for object in endpoints {
        let endpoint: SpiderEndpoint = serde_json::from_value(object.clone()).unwrap();
        put(Key::Endpoint(format!("default/{}", endpoint.metadata.name).parse().unwrap()), endpoint.into());
    }
    for object in others {
        let resource: Resource = serde_json::from_value(object.clone()).unwrap();
        let group = resource.api_version.split_once('/').map(|(group, _)| group.parse().unwrap());
        let name = ResourceName {
            kind: resource.kind.parse().unwrap(),
            group,
            namespace: Some("default".parse().unwrap()),
            name: resource.metadata.name.parse().unwrap(),
        };
        put(Key::Resource(name), resource.into());
    }
    store
}

fn pool(name: &str, ips: &str, allocated: &[(&str, &str, &str)]) -> serde_json::Value {
    let entries: serde_json::Map<String, serde_json::Value> = allocated
        .iter()
        .map(|(address, pod, uid)| {
            ((*address).to_owned(), serde_json::json!({ "pod": format!("default/{pod}"), "podUid": uid }))
        })
        .collect();
    serde_json::json!({
        "metadata": { "name": name, "uid": format!("uid-{name}") },
        "spec": { "subnet": "10.6.0.0/16", "ips": [ips] },
        "status": { "allocatedIPs": serde_json::to_string(&entries).unwrap() },
    })
}

fn endpoint(pod: &str, uid: &str, address: &str, controller: (&str, &str)) -> serde_json::Value {
    serde_json::json!({
        "metadata": { "name": pod, "namespace": "default", "finalizers": ["spiderpool.spidernet.io"] },
        "status": {
            "current": {
                "uid": uid, "node": "n1",
                "ips": [{ "interface": "eth0", "ipv4": format!("{address}/16"), "ipv4Pool": "blue", "vlan": 0 }],
            },
            "ownerControllerType": controller.0, "ownerControllerName": controller.1,
        },
    })
}

fn pod(name: &str, uid: &str) -> serde_json::Value {
    serde_json::json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "default", "uid": uid },
        "spec": { "nodeName": "n1" },
    })
}

fn config() -> AllocatorConfig {
    let mut config = AllocatorConfig::new(NodeName::new("admin").unwrap());
    config.sharing = Sharing::Shared;
    config
}

fn run(store: &Arc<dyn Store>, mode: Mode) -> Migrated {
    block_on(migrate(store.clone(), &still_env().0, config(), mode)).unwrap()
}

fn records(store: &Arc<dyn Store>) -> Vec<(Address, Arc<Record>)> {
    let listing = block_on(store.list(&Selector::Kind(Kind::Block))).unwrap();
    let blocks = listing.items.iter().filter_map(|item| item.document.as_block());
    blocks.flat_map(|block| block.records().map(|(at, record)| (block.address(at), record.clone()))).collect()
}

fn kinds(migrated: &Migrated) -> Vec<(DisagreementKind, String)> {
    let one = |found: &spiderpool_core::migrate::Disagreement| {
        (found.kind, found.address.map_or_else(|| found.object.clone(), |address| address.to_string()))
    };
    migrated.disagreements.iter().map(one).collect()
}

fn errors(store: &Arc<dyn Store>) -> Vec<String> {
    let allocator = block_on(Allocator::open(store.clone(), still_env().0, config())).unwrap();
    let findings = block_on(allocator.inspect().fsck()).unwrap();
    findings.into_iter().filter(|found| found.severity == Severity::Error).map(|found| found.what).collect()
}

const DEPLOYMENT: (&str, &str) = ("Deployment", "web");

#[test]
fn what_both_sources_say_is_taken_over_once() {
    let store: Arc<dyn Store> = Arc::new(store(
        &[pool("blue", "10.6.0.10-10.6.0.20", &[("10.6.0.10", "web-0", "u0"), ("10.6.0.11", "db-0", "u1")])],
        &[
            endpoint("web-0", "u0", "10.6.0.10", DEPLOYMENT),
            endpoint("db-0", "u1", "10.6.0.11", ("StatefulSet", "db")),
        ],
        &[
            pod("web-0", "u0"),
            pod("db-0", "u1"),
            serde_json::json!({
                "apiVersion": "apps/v1", "kind": "StatefulSet",
                "metadata": { "name": "db", "namespace": "default", "uid": "set-1" },
            }),
        ],
    ));
    let dry = run(&store, Mode::DryRun);
    assert_eq!(records(&store), [], "a dry run writes nothing");
    let real = run(&store, Mode::Real);
    assert_eq!((real.taken_over, real.already, real.blocks), (2, 0, dry.blocks));
    assert_eq!(real.disagreements, []);
    assert!(real.is_whole());
    let records = records(&store);
    let [(first, web), (second, db)] = &records[..] else { panic!("{records:?}") };
    assert_eq!((first.to_string(), second.to_string()), ("10.6.0.10".into(), "10.6.0.11".into()));
    assert_eq!((web.binding, &web.attachment), (Binding::Stateless, &Attachment::Unknown));
    assert_eq!((web.owner.uid.as_str(), web.node.as_str(), web.pool.as_str()), ("u0", "n1", "uid-blue"));
    assert_eq!(db.binding, Binding::Stateful);
    assert_eq!(db.controller.as_ref().unwrap().uid.as_str(), "set-1");
    // The stateful one claims it, and its endpoint is still upstream's otherwise.
    let (claimed, _) = block_on(store.endpoint(&"default/db-0".parse().unwrap())).unwrap().unwrap();
    assert_eq!(claimed.status.claims.len(), 1);
    assert_eq!(claimed.status.current.ips[0].ipv4.as_deref(), Some("10.6.0.11/16"));
    assert_eq!(errors(&store), [] as [String; 0]);
    // Again: nothing is left to do.
    let again = run(&store, Mode::Real);
    assert_eq!((again.taken_over, again.already), (0, 2));

    // A container that nobody wrote down: the first DEL of the owner frees it.
    let mut of_n1 = config();
    of_n1.node = NodeName::new("n1").unwrap();
    let agent = block_on(Allocator::open(store.clone(), still_env().0, of_n1)).unwrap();
    let del = DelRequest {
        owner: OwnerUid::new("u0").unwrap(),
        fence: Fence::Container(ContainerId::new("c7").unwrap()),
        interface: Some("eth0".parse().unwrap()),
        mode: ReleaseMode::Del,
        timeout: std::time::Duration::from_secs(5),
    };
    assert_eq!(block_on(agent.del(&del)).unwrap().released, [*first]);
}

#[test]
fn every_disagreement_is_told_and_nothing_is_lost() {
    use DisagreementKind as K;
    let noted = [
        ("10.6.0.10", "leaked", "u0"),
        ("10.6.0.11", "two", "u1"),
        ("10.6.0.12", "two", "u1"),
        ("10.6.0.13", "fought", "u2"),
        ("10.6.0.14", "renewed", "old"),
        ("10.6.0.30", "outside", "u5"),
    ];
    let mut blue = pool("blue", "10.6.0.10-10.6.0.20", &noted);
    let text =
        blue["status"]["allocatedIPs"].as_str().unwrap().replacen('{', r#"{"10.6.0.x":{"pod":"a/b"},"#, 1);
    blue["status"]["allocatedIPs"] = text.into();
    let store: Arc<dyn Store> = Arc::new(store(
        &[blue],
        &[
            endpoint("two", "u1", "10.6.0.11", DEPLOYMENT),
            endpoint("fought", "u2", "10.6.0.13", DEPLOYMENT),
            endpoint("loser", "u3", "10.6.0.13", DEPLOYMENT),
            endpoint("renewed", "new", "10.6.0.14", DEPLOYMENT),
            endpoint("unnoted", "u4", "10.6.0.15", DEPLOYMENT),
            endpoint("outside", "u5", "10.6.0.30", DEPLOYMENT),
            endpoint("gone", "u6", "10.6.0.16", DEPLOYMENT),
            serde_json::json!({
                "metadata": { "name": "lost", "namespace": "default" },
                "status": { "current": { "uid": "u7", "node": "n1", "ips": [
                    { "interface": "eth0", "ipv4": "10.9.0.1/16", "ipv4Pool": "deleted" },
                ] }, "ownerControllerType": "Pod", "ownerControllerName": "lost" },
            }),
        ],
        &[
            pod("two", "u1"),
            pod("fought", "u2"),
            pod("renewed", "new"),
            pod("unnoted", "u4"),
            pod("outside", "u5"),
            pod("lost", "u7"),
        ],
    ));
    let migrated = run(&store, Mode::Real);
    let told = kinds(&migrated);
    let expected = [
        (K::Unreadable, "pool blue"),
        (K::OnlyInPool, "10.6.0.10"),
        (K::PodGone, "10.6.0.10"),
        (K::OnlyInPool, "10.6.0.12"),
        (K::Contested, "10.6.0.13"),
        (K::OtherUid, "10.6.0.14"),
        (K::OnlyInEndpoint, "10.6.0.15"),
        (K::OnlyInEndpoint, "10.6.0.16"),
        (K::PodGone, "10.6.0.16"),
        (K::OutsidePool, "10.6.0.30"),
        (K::NoPool, "10.9.0.1"),
    ];
    assert_eq!(told, expected.map(|(kind, object)| (kind, object.to_owned())));
    assert!(!migrated.is_whole());
    let held: Vec<(String, String, Slot)> = records(&store)
        .into_iter()
        .map(|(address, record)| (address.to_string(), record.owner.uid.to_string(), record.slot.clone()))
        .collect();
    let eth0 = || Slot::Named("eth0".parse().unwrap());
    let expected = [
        ("10.6.0.10", "u0", eth0()),
        ("10.6.0.11", "u1", eth0()),
        ("10.6.0.12", "u1", Slot::Indexed(100)),
        ("10.6.0.13", "u2", eth0()),
        ("10.6.0.14", "new", eth0()),
        ("10.6.0.15", "u4", eth0()),
        ("10.6.0.16", "u6", eth0()),
        ("10.6.0.30", "u5", eth0()),
    ];
    assert_eq!(held, expected.map(|(address, uid, slot)| (address.to_owned(), uid.to_owned(), slot)));
    assert_eq!(errors(&store), [] as [String; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Interrupted anywhere and begun again, it comes to the same.
    #[test]
    fn it_goes_on_where_it_ended(
        pods in prop::collection::btree_map(10u8..60, (0u8..30, any::<bool>(), any::<bool>()), 0..20),
        crash in 1u64..60,
    ) {
        let noted: Vec<(String, String, String)> = pods
            .iter()
            .filter(|(_, (_, in_pool, in_endpoint))| *in_pool || !*in_endpoint)
            .map(|(at, (pod, ..))| (format!("10.6.0.{at}"), format!("p{pod}"), format!("u{pod}")))
            .collect();
        let noted: Vec<(&str, &str, &str)> =
            noted.iter().map(|(address, pod, uid)| (address.as_str(), pod.as_str(), uid.as_str())).collect();
        let mut endpoints = std::collections::BTreeMap::new();
        for (at, (pod, _, in_endpoint)) in &pods {
            if *in_endpoint {
                let one = endpoint(&format!("p{pod}"), &format!("u{pod}"), &format!("10.6.0.{at}"), DEPLOYMENT);
                endpoints.insert(*pod, one);
            }
        }
        let endpoints: Vec<_> = endpoints.into_values().collect();
        let present: Vec<_> =
            (0u8..30).step_by(2).map(|n| pod(&format!("p{n}"), &format!("u{n}"))).collect();
        let pools = [pool("blue", "10.6.0.10-10.6.0.59", &noted)];
        let bare = |store: &Arc<dyn Store>| -> Vec<(Address, Record)> {
            let without_time = |record: Arc<Record>| Record { since: Default::default(), ..Record::clone(&record) };
            records(store).into_iter().map(|(at, record)| (at, without_time(record))).collect()
        };
        let whole: Arc<dyn Store> = Arc::new(store(&pools, &endpoints, &present));
        let once = run(&whole, Mode::Real);
        prop_assert_eq!(once.taken_over, records(&whole).len());

        let faults = Arc::new(FaultStore::new(store(&pools, &endpoints, &present), FaultPlan::default()));
        let interrupted: Arc<dyn Store> = faults.clone();
        faults.crash(crash, Fault::Lost);
        let _ = block_on(migrate(interrupted.clone(), &still_env().0, config(), Mode::Real));
        faults.restart();
        run(&interrupted, Mode::Real);
        prop_assert_eq!(bare(&interrupted), bare(&whole));
        let third = run(&interrupted, Mode::Real);
        prop_assert_eq!((third.taken_over, third.already), (0, once.taken_over));
    }
}
