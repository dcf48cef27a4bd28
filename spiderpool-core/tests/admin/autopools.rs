//! Pools that are made for applications out of Subnets.

use std::{
    collections::BTreeMap,
    sync::{Arc, Barrier},
};

use pollster::block_on;
use proptest::prelude::*;
use spiderpool_core::{
    addr::Family,
    admin::{AdminError, Applied, Mode},
    alloc::Allocator,
    api::{SpiderIPPool, keys},
    autopool::{AutoPoolError, Carver, Demand, Ensured, Replicas, Resize, Spare, Workload, demands},
    env::Env,
    model::{Application, Binding, Families, Pool, Reclaim},
    name::{Namespace, ObjectName, Uid},
    store::{Kind, MemoryStore, Selector, Store},
};

use super::world::{
    add, apply, del, open, pool, record, reference, reservation, slow_store, still_env, stored, subnet,
};

/// An application `name` with so many replicas and these annotations.
fn workload(name: &str, uid: &str, replicas: u64, annotations: &[(&str, &str)]) -> Workload {
    let application = Application {
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        namespace: Namespace::new("default").unwrap(),
        name: ObjectName::new(name).unwrap(),
    };
    let annotations = annotations.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    Workload { application, uid: Uid::new(uid).unwrap(), replicas: Replicas::Known(replicas), annotations }
}

const HOME: (&str, &str) = (keys::SUBNET, r#"{"ipv4":["home"]}"#);
const AWAY: (&str, &str) = (keys::SUBNET, r#"{"ipv4":["away"]}"#);
const KEPT: (&str, &str) = (keys::RECLAIM, "false");

fn wanted(workload: &Workload) -> Vec<Demand> {
    demands(workload, Spare(0), Families::Both).unwrap().pools
}

async fn ensure(allocator: &Allocator, workload: &Workload) -> Result<Ensured, AutoPoolError> {
    let [demand] = &wanted(workload)[..] else { panic!("one pool is wanted") };
    allocator.ensure_auto_pool(workload, demand, &Carver::default()).await
}

async fn world() -> Allocator {
    let (env, _) = still_env();
    let allocator = open(Arc::new(MemoryStore::new()), &env, 4).await;
    let mut home = subnet("home", "10.0.0.0/24", &["10.0.0.1-10.0.0.9"]);
    home.spec.gateway = Some("10.0.0.254".into());
    allocator.apply_subnet(&home, Mode::Real).await.unwrap();
    allocator.apply_subnet(&subnet("away", "10.1.0.0/24", &["10.1.0.1-10.1.0.9"]), Mode::Real).await.unwrap();
    allocator
}

fn ips(pool: &SpiderIPPool) -> String {
    Pool::try_from(pool).unwrap().allocatable().to_string()
}

#[test]
fn a_pool_follows_its_application() {
    block_on(async {
        let allocator = world().await;
        let web = |replicas| workload("web", "x-0aaaaaaa", replicas, &[HOME]);
        let made = ensure(&allocator, &web(3)).await.unwrap();
        assert_eq!((made.pool.as_str(), made.has, made.resize), ("auto4-web-eth0-0aaaa", 3, Resize::Created));
        let object = stored(&allocator, made.pool.as_str()).await;
        assert_eq!(ips(&object), "10.0.0.1-10.0.0.3");
        assert_eq!(object.spec.gateway.as_deref(), Some("10.0.0.254"), "inherited");
        assert_eq!(object.metadata.annotations[keys::IP_NUMBER], "+0");
        assert_eq!(object.metadata.labels[keys::LABEL_OWNER_GROUP_VERSION], "apps_v1");
        assert_eq!(ensure(&allocator, &web(3)).await.unwrap().resize, Resize::Unchanged);

        assert_eq!(ensure(&allocator, &web(5)).await.unwrap().resize, Resize::Grown);
        let own = reference(&allocator, made.pool.as_str()).await;
        for pod in 0..5 {
            add(&allocator, pod, 0, std::slice::from_ref(&own), Binding::Stateless).await.unwrap();
        }
        let busy = ensure(&allocator, &web(2)).await.unwrap();
        assert_eq!((busy.has, busy.surplus, busy.resize), (5, 3, Resize::Unchanged), "all are held");
        for pod in 0..3 {
            del(&allocator, pod, 0).await;
        }
        let shrunk = ensure(&allocator, &web(2)).await.unwrap();
        assert_eq!((shrunk.has, shrunk.surplus, shrunk.resize), (2, 0, Resize::Shrunk));
        let record = record(&allocator, "home").await;
        assert_eq!(record[made.pool.as_str()], ips(&stored(&allocator, made.pool.as_str()).await));
    });
}

#[test]
fn a_subnet_that_runs_out_says_how_much_is_missing_and_serves_later() {
    block_on(async {
        let allocator = world().await;
        allocator.apply_reservation(&reservation("r", &["10.0.0.1", "10.0.0.9"]), Mode::Real).await.unwrap();
        let first = ensure(&allocator, &workload("a", "a", 5, &[HOME])).await.unwrap();
        assert_eq!(first.missing, 0);
        assert_eq!(ips(&stored(&allocator, first.pool.as_str()).await), "10.0.0.2-10.0.0.6", "not reserved");
        let b = workload("b", "b", 4, &[HOME]);
        let short = ensure(&allocator, &b).await.unwrap();
        assert_eq!((short.has, short.missing), (2, 2));
        let a = workload("a", "a", 3, &[HOME]);
        assert_eq!(ensure(&allocator, &a).await.unwrap().resize, Resize::Shrunk);
        let served = ensure(&allocator, &b).await.unwrap();
        assert_eq!((served.has, served.missing, served.resize), (4, 0, Resize::Grown));
    });
}

#[test]
fn a_pool_goes_with_its_application_or_is_kept_for_the_next() {
    block_on(async {
        let allocator = world().await;
        let gone = workload("gone", "u1", 2, &[HOME]);
        let kept = workload("kept", "u1", 2, &[HOME, KEPT]);
        let of_gone = ensure(&allocator, &gone).await.unwrap().pool;
        let of_kept = ensure(&allocator, &kept).await.unwrap().pool;
        for workload in [&gone, &kept] {
            let retired = allocator.retire_auto_pools(&workload.application, None).await.unwrap();
            let expected = if workload == &gone { vec![of_gone.clone()] } else { Vec::new() };
            assert_eq!(retired, expected);
        }
        // Of the same name and another kind: nothing to take over.
        let mut other = workload("kept", "u2", 1, &[HOME, KEPT]);
        other.application.kind = "StatefulSet".into();
        assert_eq!(ensure(&allocator, &other).await.unwrap().resize, Resize::Created);
        let next = workload("kept", "u3", 3, &[HOME]);
        let taken = ensure(&allocator, &next).await.unwrap();
        assert_eq!((taken.pool.clone(), taken.has, taken.resize), (of_kept.clone(), 3, Resize::TakenOver));
        let object = stored(&allocator, of_kept.as_str()).await;
        assert_eq!(object.metadata.labels[keys::LABEL_OWNER_UID], "u3");
        assert_eq!(object.metadata.labels[keys::RECLAIM], "true", "as the next one wants it");
        // An application of the same name that is there now keeps its pools.
        let uid = Uid::new("u3").unwrap();
        assert!(allocator.retire_auto_pools(&next.application, Some(&uid)).await.unwrap().is_empty());
        assert_eq!(allocator.retire_auto_pools(&next.application, None).await.unwrap(), [of_kept]);
    });
}

#[test]
fn an_application_that_changes_its_subnet_is_moved_over() {
    block_on(async {
        let allocator = world().await;
        let before = workload("web", "u", 2, &[HOME]);
        let old = ensure(&allocator, &before).await.unwrap().pool;
        let own = reference(&allocator, old.as_str()).await;
        add(&allocator, 1, 0, &[own], Binding::Stateless).await.unwrap();
        let after = workload("web", "u", 2, &[AWAY]);
        let new = ensure(&allocator, &after).await.unwrap();
        assert_eq!((new.pool.as_str(), new.resize), ("auto4-web-eth0-u-2", Resize::Created));
        let retired = allocator.retire_unwanted_pools(&after, &wanted(&after)).await.unwrap();
        assert_eq!(retired, std::slice::from_ref(&old));
        let going = stored(&allocator, old.as_str()).await;
        assert!(going.metadata.deletion_timestamp.is_some(), "a pod still has an address of it");
        del(&allocator, 1, 0).await;
        allocator.tend().await.unwrap();
        assert_eq!(record(&allocator, "home").await, BTreeMap::new());
        assert_eq!(record(&allocator, "away").await[new.pool.as_str()], "10.1.0.1-10.1.0.2");
    });
}

#[test]
fn what_is_in_the_way_is_told() {
    block_on(async {
        let allocator = world().await;
        let nowhere = workload("w", "u", 1, &[(keys::SUBNET, r#"{"ipv4":["none"]}"#)]);
        let error = ensure(&allocator, &nowhere).await.unwrap_err();
        assert!(error.to_string().contains("there is no Subnet \"none\": create it"), "{error}");
        let six = workload("w", "u", 1, &[(keys::SUBNET, r#"{"ipv6":["home"]}"#)]);
        let error = ensure(&allocator, &six).await.unwrap_err();
        assert!(matches!(error, AutoPoolError::WrongFamily { wanted: Family::V6, .. }), "{error}");

        // By hand an auto pool stays what its Subnet promised to it.
        let made = ensure(&allocator, &workload("w", "u", 1, &[HOME])).await.unwrap();
        let mut object = stored(&allocator, made.pool.as_str()).await;
        object.spec.ips = vec!["10.0.0.1-10.0.0.2".into()];
        let refused = allocator.apply_pool(&object, Mode::Real).await.unwrap_err();
        assert!(refused.to_string().contains("change the replicas"), "{refused}");
        object.spec.ips = vec!["10.0.0.1".into()];
        object.spec.disable = Some(true);
        assert!(matches!(allocator.apply_pool(&object, Mode::Real).await, Ok(Applied::Configured { .. })));
        // And nobody else is given what it has.
        let taken = allocator.apply_pool(&pool("p", "10.0.0.0/24", &["10.0.0.1"]), Mode::Real).await;
        assert!(matches!(taken, Err(AdminError::Invalid { .. })), "{taken:?}");
        apply(&allocator, &pool("p", "10.0.0.0/24", &["10.0.0.2"])).await;
        let grown = ensure(&allocator, &workload("w", "u", 2, &[HOME])).await.unwrap();
        let object = stored(&allocator, grown.pool.as_str()).await;
        assert_eq!((ips(&object).as_str(), object.spec.disable), ("10.0.0.1, 10.0.0.3", Some(true)));
    });
}

/// So many applications at once, each by its own thread, out of a Subnet that has just enough.
#[test]
fn many_at_once_each_get_their_own() {
    const APPLICATIONS: usize = 60;
    let store = slow_store();
    let allocator = block_on(open(store.clone(), &Env::system(), 4));
    let home = subnet("home", "10.0.0.0/16", &["10.0.1.1-10.0.1.180"]);
    block_on(allocator.apply_subnet(&home, Mode::Real)).unwrap();
    let (start, carver) = (Barrier::new(APPLICATIONS), Carver::default());
    std::thread::scope(|scope| {
        for n in 0..APPLICATIONS {
            let (allocator, start, carver) = (&allocator, &start, &carver);
            scope.spawn(move || {
                let workload = workload(&format!("web-{n}"), &format!("u{n}"), 3, &[HOME]);
                start.wait();
                let [demand] = &wanted(&workload)[..] else { panic!("one pool is wanted") };
                let made = block_on(allocator.ensure_auto_pool(&workload, demand, carver)).unwrap();
                assert_eq!((made.has, made.missing), (3, 0), "{}", made.pool);
            });
        }
    });
    let record = block_on(record(&allocator, "home"));
    assert_eq!(record.len(), APPLICATIONS);
    let pools = block_on(store.list(&Selector::Kind(Kind::Pool))).unwrap();
    let all =
        pools.items.iter().map(|item| Pool::try_from(item.document.as_pool().unwrap().as_ref()).unwrap());
    let mut taken = spiderpool_core::addr::IpSet::new(Family::V4);
    for pool in all {
        assert!(taken.is_disjoint(&pool.allocatable()), "{}", pool.name);
        taken = taken.union(&pool.allocatable());
    }
    assert_eq!(taken.len_saturating(), 180);
}

/// What happens to applications, in any order.
#[derive(Clone, Debug)]
enum Event {
    Scale { app: usize, replicas: u64 },
    Deleted { app: usize, reclaim: Reclaim },
    Granted { app: usize },
    Released { pod: usize },
}

fn event() -> impl Strategy<Value = Event> {
    let app = 0usize..3;
    prop_oneof![
        4 => (app.clone(), 0u64..5).prop_map(|(app, replicas)| Event::Scale { app, replicas }),
        1 => (app.clone(), any::<bool>()).prop_map(|(app, keep)| {
            let reclaim = if keep { Reclaim::Keep } else { Reclaim::WithApplication };
            Event::Deleted { app, reclaim }
        }),
        4 => app.prop_map(|app| Event::Granted { app }),
        3 => (0usize..12).prop_map(|pod| Event::Released { pod }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens: once everything was asked for again, every pool has what it is to have, or says what it lacks
    /// or cannot give back; the Subnet's record says what its pools have, and nobody loses an address.
    #[test]
    fn pools_follow_whatever_happens(events in proptest::collection::vec(event(), 1..40)) {
        block_on(async {
            let allocator = world().await;
            let mut replicas: [Option<u64>; 3] = [None; 3];
            let mut births = [0u32; 3];
            let mut reclaims = [Reclaim::WithApplication; 3];
            let mut pods: BTreeMap<usize, usize> = BTreeMap::new();
            let mut next = 0;
            let current = |app: usize, births: &[u32; 3], count: u64, reclaim: Reclaim| {
                let annotations: &[_] = if reclaim == Reclaim::Keep { &[HOME, KEPT] } else { &[HOME] };
                workload(&format!("app-{app}"), &format!("u{app}{}", births[app]), count, annotations)
            };
            for event in events {
                match event {
                    Event::Scale { app, replicas: count } => {
                        replicas[app] = Some(count);
                        ensure(&allocator, &current(app, &births, count, reclaims[app])).await.unwrap();
                    }
                    Event::Deleted { app, reclaim } => if let Some(count) = replicas[app].take() {
                        reclaims[app] = reclaim;
                        let workload = current(app, &births, count, reclaim);
                        ensure(&allocator, &workload).await.unwrap();
                        allocator.retire_auto_pools(&workload.application, None).await.unwrap();
                        births[app] += 1;
                    },
                    Event::Granted { app } => if let Some(count) = replicas[app] {
                        let made = ensure(&allocator, &current(app, &births, count, reclaims[app])).await.unwrap();
                        let own = reference(&allocator, made.pool.as_str()).await;
                        if add(&allocator, next, 0, &[own], Binding::Stateless).await.is_ok() {
                            pods.insert(next, app);
                        }
                        next += 1;
                    },
                    Event::Released { pod } => if pods.remove(&pod).is_some() {
                        del(&allocator, pod, 0).await;
                    },
                }
            }
            allocator.tend().await.unwrap();
            for (app, count) in replicas.iter().enumerate().filter_map(|(app, count)| Some((app, (*count)?))) {
                let ensured = ensure(&allocator, &current(app, &births, count, reclaims[app])).await.unwrap();
                assert_eq!(ensured.has + ensured.missing, u128::from(count) + ensured.surplus);
            }
            let record = record(&allocator, "home").await;
            let pools = allocator.store().list(&Selector::Kind(Kind::Pool)).await.unwrap();
            let said: BTreeMap<_, _> = pools.items.iter().filter_map(|item| {
                let pool = item.document.as_pool().unwrap();
                let ips = ips(pool);
                (ips != "none").then(|| (pool.metadata.name.clone(), ips))
            }).collect();
            assert_eq!(record, said);
            assert_eq!(allocator.inspect().fsck().await.unwrap(), []);
            let held = allocator.inspect().records(&Default::default()).await.unwrap();
            assert_eq!(held.len(), pods.len());
        });
    }
}
