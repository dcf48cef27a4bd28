//! Views of endpoints: laws of the merge, and writers that race.

use std::{collections::BTreeSet, sync::Arc};

use pollster::block_on;
use proptest::prelude::*;
use spiderpool_core::{
    addr::Address,
    alloc::{Allocation, Allocator},
    api::{Claim, ClaimState, SpiderEndpoint},
    endpoint::{Holders, Merged, ShownAddress, ShownInterface, View, clear, show},
    env::Env,
    inspect::RecordFilter,
    model::{Attachment, Binding, Controller, Owner, Pool, Record, Slot},
    name::{ContainerId, InterfaceName, NodeName, OwnerUid, Uid},
    store::{MemoryStore, StoreExt},
    time::Timestamp,
};

use super::world::{self, add, address, apply, del, open, pool, slow_store, still_env, stored};

fn slot(name: &str) -> Slot {
    Slot::Named(InterfaceName::new(name).unwrap())
}

fn interface(name: &str, addresses: &[&str]) -> ShownInterface {
    let shown = |text: &&str| ShownAddress {
        address: address(text),
        pool: "p".parse().unwrap(),
        prefix_len: if text.contains(':') { 64 } else { 24 },
        gateway: None,
        vlan: None,
    };
    ShownInterface {
        slot: slot("eth0"),
        interface: InterfaceName::new(name).ok(),
        addresses: addresses.iter().map(shown).collect(),
        routes: Vec::new(),
        clean_gateway: false,
        mac: None,
    }
}

fn incarnation(n: usize) -> Owner {
    Owner { uid: OwnerUid::new(format!("uid-{n}")).unwrap(), pod: "default/web".parse().ok() }
}

fn view(n: usize, interfaces: Vec<ShownInterface>) -> View {
    View {
        owner: incarnation(n),
        node: NodeName::new("node-1").unwrap(),
        controller: None,
        binding: Binding::Stateless,
        interfaces,
    }
}

fn record(n: usize, since: i64) -> Arc<Record> {
    Arc::new(Record {
        pool: Uid::new("u").unwrap(),
        owner: incarnation(n),
        controller: None,
        slot: slot("eth0"),
        interface: None,
        network: None,
        attachment: Attachment::Container(ContainerId::new("c").unwrap()),
        node: NodeName::new("node-1").unwrap(),
        binding: Binding::Stateless,
        since: Timestamp::from_millis(since),
    })
}

const ADDRESSES: [&str; 6] = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1", "fd00::2", "fd00::3"];

/// Who holds each of [`ADDRESSES`]; 0: nobody.
fn holders() -> impl Strategy<Value = Holders> {
    prop::collection::vec((0..3usize, 0..4i64), ADDRESSES.len()).prop_map(|owners| {
        let held = ADDRESSES.iter().zip(owners).filter(|(_, (owner, _))| *owner > 0);
        held.map(|(text, (owner, since))| (address(text), record(owner, since))).collect()
    })
}

fn views() -> impl Strategy<Value = View> {
    let names = prop::sample::select(vec!["eth0", "net1", ""]);
    let interface =
        (names, prop::option::of(0..3usize), prop::option::of(3..6usize)).prop_map(|(name, v4, v6)| {
            let addresses: Vec<&str> = v4.into_iter().chain(v6).map(|at| ADDRESSES[at]).collect();
            interface(name, &addresses)
        });
    (1..3usize, prop::collection::vec(interface, 1..3)).prop_map(|(n, mut interfaces)| {
        // A request names each interface once, and each address once.
        interfaces.dedup_by(|a, b| {
            a.interface == b.interface || a.addresses.iter().any(|shown| b.addresses.contains(shown))
        });
        view(n, interfaces)
    })
}

#[derive(Clone, Debug)]
enum Change {
    Show(View),
    Clear(usize),
}

fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![3 => views().prop_map(Change::Show), 1 => (1..3usize).prop_map(Change::Clear)]
}

fn merge(current: Option<&SpiderEndpoint>, change: &Change, holders: &Holders) -> Merged {
    match change {
        Change::Show(view) => show(current, view, holders),
        Change::Clear(n) => clear(current, &incarnation(*n).uid, holders),
    }
}

fn shown(endpoint: &SpiderEndpoint) -> Vec<Address> {
    let texts = endpoint.status.current.ips.iter().flat_map(|ip| [&ip.ipv4, &ip.ipv6]).flatten();
    texts.map(|text| address(text.split('/').next().unwrap())).collect()
}

fn claim() -> Claim {
    Claim {
        interface: slot("eth0"),
        ip_version: spiderpool_core::addr::Family::V4,
        address: address("10.0.0.1"),
        state: ClaimState::Leaving,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever was written before: a view shows each held address once and nothing else of the change's owner,
    /// leaves claims alone, and has nothing more to do once it was written.
    #[test]
    fn a_merge_shows_what_is_held_and_touches_no_claim(
        steps in prop::collection::vec((changes(), holders()), 1..12),
        claimed: bool,
    ) {
        let mut current: Option<SpiderEndpoint> = None;
        if claimed {
            let mut endpoint = SpiderEndpoint::default();
            endpoint.status.claims = vec![claim()];
            current = Some(endpoint);
        }
        for (change, holders) in steps {
            match merge(current.as_ref(), &change, &holders) {
                Merged::Unchanged => {}
                Merged::Delete => {
                    prop_assert!(!claimed, "a claim is never deleted");
                    current = None;
                }
                Merged::Put(next) => {
                    let owner = next.status.current.uid.clone();
                    let addresses = shown(&next);
                    for at in &addresses {
                        prop_assert_eq!(holders[at].owner.uid.as_str(), owner.as_str());
                    }
                    let distinct: BTreeSet<_> = addresses.iter().collect();
                    prop_assert_eq!(distinct.len(), addresses.len());
                    if let Change::Show(view) = &change {
                        let own = view.interfaces.iter().flat_map(|interface| &interface.addresses);
                        let held = own.map(|own| own.address).filter(|at| {
                            holders.get(at).is_some_and(|record| record.owner == view.owner)
                        });
                        for at in held {
                            prop_assert!(addresses.contains(&at));
                        }
                    }
                    let same = merge(Some(&next), &change, &holders);
                    prop_assert_eq!(same, Merged::Unchanged);
                    current = Some(*next);
                }
            }
            if claimed {
                let endpoint = current.as_ref().unwrap();
                prop_assert_eq!(&endpoint.status.claims, &vec![claim()]);
                prop_assert!(endpoint.metadata.owner_references.is_empty());
            }
        }
    }

    /// Two incarnations that both hold something: whoever writes last, the later grant is shown.
    #[test]
    fn the_later_grant_wins_in_any_order(first in 0..4i64, second in 0..4i64, swap: bool) {
        let holders: Holders =
            [(address("10.0.0.1"), record(1, first)), (address("10.0.0.2"), record(2, second))].into();
        let mut both = [
            view(1, vec![interface("eth0", &["10.0.0.1"])]),
            view(2, vec![interface("eth0", &["10.0.0.2"])]),
        ];
        if swap {
            both.reverse();
        }
        let mut current: Option<SpiderEndpoint> = None;
        for view in both {
            if let Merged::Put(next) = show(current.as_ref(), &view, &holders) {
                current = Some(*next);
            }
        }
        let winner = if (first, 1) > (second, 2) { "uid-1" } else { "uid-2" };
        prop_assert_eq!(current.unwrap().status.current.uid, winner);
    }
}

#[test]
fn an_endpoint_looks_as_upstreams_does() {
    block_on(async {
        let (env, _) = still_env();
        let allocator = open(Arc::new(MemoryStore::new()), &env, 6).await;
        let mut v4 = pool("v4", "172.18.40.0/24", &["172.18.40.10-172.18.40.20"]);
        v4.spec.gateway = Some("172.18.40.1".into());
        let v6 = pool("v6", "fd00::/120", &["fd00::10-fd00::20"]);
        let pools = [apply(&allocator, &v4).await, apply(&allocator, &v6).await];
        let granted = add(&allocator, 1, 0, &pools, Binding::Stateless).await.unwrap();
        let mut parsed = Vec::new();
        for name in ["v4", "v6"] {
            parsed.push(Pool::try_from(&stored(&allocator, name).await).unwrap());
        }
        let addresses = granted.iter().zip(&parsed).map(|(got, pool)| ShownAddress::of(got.address, pool));
        let route = spiderpool_core::api::Route { dst: "10.8.0.0/16".into(), gw: "172.18.40.2".into() };
        let eth0 =
            ShownInterface { addresses: addresses.collect(), routes: vec![route], ..interface("eth0", &[]) };
        let controller = Controller {
            api_version: "apps/v1".into(),
            kind: "ReplicaSet".into(),
            name: "web".parse().unwrap(),
            uid: Uid::new("r").unwrap(),
        };
        let view =
            View { owner: world::owner(1), controller: Some(Arc::new(controller)), ..view(1, vec![eth0]) };
        allocator.record_view(&view).await.unwrap();
        let name = world::owner(1).pod.unwrap();
        let (endpoint, token) = allocator.store().endpoint(&name).await.unwrap().unwrap();
        insta::assert_json_snapshot!(endpoint.as_ref());
        // Again: nothing is written.
        allocator.record_view(&view).await.unwrap();
        assert_eq!(allocator.store().endpoint(&name).await.unwrap().unwrap().1, token);
        allocator.clear_view(&name, &view.owner.uid).await.unwrap();
        assert_eq!(allocator.store().endpoint(&name).await.unwrap().unwrap().1, token);
        del(&allocator, 1, 0).await;
        allocator.clear_view(&name, &view.owner.uid).await.unwrap();
        assert!(allocator.store().endpoint(&name).await.unwrap().is_none());
    });
}

fn view_of(pod: usize, granted: &[Allocation]) -> View {
    let addresses: Vec<String> = granted.iter().map(|got| got.address.to_string()).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    View { owner: world::owner(pod), ..view(pod, vec![interface("eth0", &addresses)]) }
}

/// ADDs and DELs of the same pods from many threads, each followed by its view: in the end every endpoint says what
/// the blocks say, and nothing else. Several short races, since only how a race ends can be looked at.
#[test]
fn racing_writers_end_with_the_truth() {
    const PODS: usize = 8;
    let allocator: Allocator = block_on(open(slow_store(), &Env::system(), 4));
    let reference = block_on(apply(&allocator, &pool("p", "10.0.0.0/24", &["10.0.0.1-10.0.0.99"])));
    for race in 0..40usize {
        std::thread::scope(|scope| {
            for worker in 0..PODS * 2 {
                let (allocator, reference) = (&allocator, &reference);
                scope.spawn(move || {
                    let (pod, round) = (worker % PODS, race * 1_000 + worker);
                    block_on(async {
                        let pools = std::slice::from_ref(reference);
                        let granted = add(allocator, pod, round, pools, Binding::Stateless).await.unwrap();
                        let owner = world::owner(pod);
                        let name = owner.pod.clone().unwrap();
                        let shown = async {
                            allocator.record_view(&view_of(pod, &granted)).await.unwrap();
                        };
                        // An agent answers the ADD first and writes the view beside: a DEL may overtake it.
                        let gone = async {
                            if (race + pod) % 4 > 0 {
                                del(allocator, pod, round).await;
                                allocator.clear_view(&name, &owner.uid).await.unwrap();
                            }
                        };
                        futures_util::future::join(shown, gone).await;
                    });
                });
            }
        });
        block_on(async {
            for pod in 0..PODS {
                let owner = world::owner(pod);
                let filter = RecordFilter { owner: Some(owner.uid.clone()), ..RecordFilter::default() };
                let records = allocator.inspect().records(&filter).await.unwrap();
                let held: Vec<Address> = records.into_iter().map(|(at, _)| at).collect();
                let endpoint = allocator.store().endpoint(&owner.pod.unwrap()).await.unwrap();
                let shown = endpoint.map(|(endpoint, _)| shown(&endpoint)).unwrap_or_default();
                assert_eq!(shown, held, "race {race}, pod {pod}");
            }
        });
    }
}
