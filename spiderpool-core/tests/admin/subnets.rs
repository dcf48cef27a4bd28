//! Subnets and the pools inside them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use pollster::block_on;
use spiderpool_core::{
    admin::{AdminError, Applied, Deletion, Mode},
    alloc::Allocator,
    api::keys,
    model::Binding,
    store::{Fault, FaultPlan, FaultStore, MemoryStore, Store, StoreExt},
};

use super::world::{
    add, apply, del, open, pool, record, reference, still_env, stored, stored_subnet, subnet,
};

const CIDR: &str = "10.0.0.0/24";

fn entries<const N: usize>(entries: [(&str, &str); N]) -> BTreeMap<String, String> {
    entries.into_iter().map(|(pool, ips)| (pool.to_owned(), ips.to_owned())).collect()
}

async fn refused(allocator: &Allocator, wanted: &spiderpool_core::api::SpiderIPPool) -> String {
    allocator.apply_pool(wanted, Mode::Real).await.unwrap_err().to_string()
}

#[test]
fn the_record_follows_the_pools() {
    block_on(async {
        let (env, _) = still_env();
        let allocator = open(Arc::new(MemoryStore::new()), &env, 4).await;
        let mut home = subnet("home", CIDR, &["10.0.0.1-10.0.0.99"]);
        home.spec.gateway = Some("10.0.0.254".into());
        let outside = apply(&allocator, &pool("first", CIDR, &["10.0.0.1-10.0.0.9"])).await;
        allocator.apply_subnet(&home, Mode::Real).await.unwrap();
        assert_eq!(record(&allocator, "home").await, entries([("first", "10.0.0.1-10.0.0.9")]));
        // A pool that was there before inherits and is labelled.
        let adopted = stored(&allocator, "first").await;
        assert_eq!(adopted.spec.gateway.as_deref(), Some("10.0.0.254"));
        assert_eq!(adopted.metadata.labels[keys::LABEL_OWNER_SUBNET], "home");
        assert_eq!(*reference(&allocator, "first").await, *outside);

        apply(&allocator, &pool("second", CIDR, &["10.0.0.20-10.0.0.29", "10.0.0.15"])).await;
        let both = [("first", "10.0.0.1-10.0.0.9"), ("second", "10.0.0.15, 10.0.0.20-10.0.0.29")];
        assert_eq!(record(&allocator, "home").await, entries(both));
        let status = stored_subnet(&allocator, "home").await.status;
        assert_eq!((status.total_ip_count, status.allocated_ip_count), (Some(99), Some(20)));

        let text = refused(&allocator, &pool("third", CIDR, &["10.0.0.5-10.0.0.25"])).await;
        assert!(text.contains("first") && text.contains("10.0.0.5-10.0.0.9"), "{text}");
        assert!(text.contains("second") && text.contains("10.0.0.15, 10.0.0.20-10.0.0.25"), "{text}");
        let text = refused(&allocator, &pool("third", CIDR, &["10.0.0.99-10.0.0.101"])).await;
        assert!(text.contains("10.0.0.100-10.0.0.101"), "{text}");
        assert_eq!(record(&allocator, "home").await, entries(both));

        // Widening claims, narrowing gives back, in one edit; a held address stays where it is.
        let second = reference(&allocator, "second").await;
        add(&allocator, 1, 0, &[second], Binding::Stateless).await.unwrap();
        let text = refused(&allocator, &pool("second", CIDR, &["10.0.0.40-10.0.0.44"])).await;
        assert!(text.contains("pod default/pod-1"), "{text}");
        assert_eq!(record(&allocator, "home").await, entries(both));
        del(&allocator, 1, 0).await;
        apply(&allocator, &pool("second", CIDR, &["10.0.0.25-10.0.0.44"])).await;
        let moved = [("first", "10.0.0.1-10.0.0.9"), ("second", "10.0.0.25-10.0.0.44")];
        assert_eq!(record(&allocator, "home").await, entries(moved));
        apply(&allocator, &pool("third", CIDR, &["10.0.0.15-10.0.0.24"])).await;

        // The Subnet keeps what pools have.
        home.spec.ips = vec!["10.0.0.1-10.0.0.40".into()];
        let text = allocator.apply_subnet(&home, Mode::Real).await.unwrap_err().to_string();
        assert!(text.contains("second") && text.contains("10.0.0.41-10.0.0.44"), "{text}");
        home.spec.ips = vec!["10.0.0.1-10.0.0.44".into()];
        assert!(matches!(
            allocator.apply_subnet(&home, Mode::Real).await.unwrap(),
            Applied::Configured { .. }
        ));
        assert_eq!(allocator.apply_subnet(&home, Mode::Real).await.unwrap(), Applied::Unchanged);

        allocator.delete_pool(&"second".parse().unwrap(), Deletion::Guarded, Mode::Real).await.unwrap();
        let left = [("first", "10.0.0.1-10.0.0.9"), ("third", "10.0.0.15-10.0.0.24")];
        assert_eq!(record(&allocator, "home").await, entries(left));
    });
}

#[test]
fn deleting_a_subnet_leaves_pools_made_by_hand_alone() {
    block_on(async {
        let (env, _) = still_env();
        let allocator = open(Arc::new(MemoryStore::new()), &env, 4).await;
        let home = "home".parse().unwrap();
        allocator.apply_subnet(&subnet("home", CIDR, &["10.0.0.1-10.0.0.99"]), Mode::Real).await.unwrap();
        let hand = apply(&allocator, &pool("hand", CIDR, &["10.0.0.1-10.0.0.9"])).await;
        add(&allocator, 1, 0, std::slice::from_ref(&hand), Binding::Stateless).await.unwrap();
        let before = stored(&allocator, "hand").await;

        let guarded = allocator.delete_subnet(&home, Deletion::Guarded, Mode::Real).await.unwrap_err();
        assert!(matches!(&guarded, AdminError::InUse { others, .. } if others.len() == 1), "{guarded}");
        assert_eq!(stored_subnet(&allocator, "home").await.metadata.deletion_timestamp, None);
        let done = allocator.delete_subnet(&home, Deletion::Terminate, Mode::Real).await.unwrap();
        assert_eq!(done, Applied::Deleted);
        assert!(allocator.store().subnet(&home).await.unwrap().is_none());
        let mut after = stored(&allocator, "hand").await;
        assert!(!after.metadata.labels.contains_key(keys::LABEL_OWNER_SUBNET));
        after.metadata.labels.insert(keys::LABEL_OWNER_SUBNET.into(), "home".into());
        assert_eq!(after, before);
        // It still serves, and still has what it granted.
        add(&allocator, 2, 0, &[reference(&allocator, "hand").await], Binding::Stateless).await.unwrap();
        let counts = allocator.inspect().pool_counts(&before).await.unwrap();
        assert_eq!(counts.held, 2);
        let gone = allocator.delete_subnet(&home, Deletion::Guarded, Mode::Real).await.unwrap_err();
        assert!(matches!(gone, AdminError::NotFound { .. }));
    });
}

/// A creation that dies between its claim and its pool blocks its addresses for a minute, and not for its own name.
#[test]
fn a_claim_of_the_dead_ends() {
    block_on(async {
        let (env, hands) = still_env();
        let store = Arc::new(FaultStore::new(MemoryStore::new(), FaultPlan::default()));
        let allocator = open(store.clone(), &env, 4).await;
        allocator.apply_subnet(&subnet("home", CIDR, &["10.0.0.1-10.0.0.99"]), Mode::Real).await.unwrap();
        // The claim is the first write, the pool is the second.
        store.fail_write(2, Fault::Before);
        let dead = pool("dead", CIDR, &["10.0.0.1-10.0.0.9"]);
        refused(&allocator, &dead).await;
        let other = pool("other", CIDR, &["10.0.0.9-10.0.0.12"]);
        let text = refused(&allocator, &other).await;
        assert!(text.contains("dead") && text.contains("10.0.0.9"), "{text}");
        // Its own name may go on at once, with other addresses too.
        let dry = allocator.apply_pool(&dead, Mode::DryRun).await.unwrap();
        assert!(matches!(dry, Applied::Created { .. }));
        hands.advance(Duration::from_secs(59));
        refused(&allocator, &other).await;
        hands.advance(Duration::from_secs(1));
        allocator.apply_pool(&other, Mode::Real).await.unwrap();
        assert_eq!(record(&allocator, "home").await, entries([("other", "10.0.0.9-10.0.0.12")]));
        let text = refused(&allocator, &dead).await;
        assert!(text.contains("other"), "{text}");
    });
}

/// An edit that dies between its claim and its write is fenced after a minute: its pool gets another token, so that
/// the write can never take effect.
#[test]
fn an_edit_of_the_dead_is_fenced() {
    block_on(async {
        let (env, hands) = still_env();
        let store = Arc::new(FaultStore::new(MemoryStore::new(), FaultPlan::default()));
        let allocator = open(store.clone(), &env, 4).await;
        allocator.apply_subnet(&subnet("home", CIDR, &["10.0.0.1-10.0.0.99"]), Mode::Real).await.unwrap();
        apply(&allocator, &pool("dead", CIDR, &["10.0.0.1-10.0.0.9"])).await;
        // The claim, then the pool, which lands only much later.
        store.fail_write(2, Fault::Late(u32::MAX));
        refused(&allocator, &pool("dead", CIDR, &["10.0.0.1-10.0.0.20"])).await;
        let other = pool("other", CIDR, &["10.0.0.15-10.0.0.30"]);
        refused(&allocator, &other).await;
        hands.advance(Duration::from_secs(60));
        allocator.apply_pool(&other, Mode::Real).await.unwrap();
        let both = [("dead", "10.0.0.1-10.0.0.9"), ("other", "10.0.0.15-10.0.0.30")];
        assert_eq!(record(&allocator, "home").await, entries(both));
        assert_eq!(store.land().await, 0, "the late write is dead");
        assert_eq!(stored(&allocator, "dead").await.spec.ips, ["10.0.0.1-10.0.0.9"]);
        assert!(store.inner().capabilities().snapshot_list);
    });
}

/// A creation whose write lands after its claim was taken for dead, and whose creator is dead: two pools have one
/// address in their objects. The record keeps it with the one that claimed it, and nobody is granted it twice.
#[test]
fn a_creation_that_outlived_its_creator_grants_nothing_twice() {
    block_on(async {
        let (env, hands) = still_env();
        let store = Arc::new(FaultStore::new(MemoryStore::new(), FaultPlan::default()));
        let allocator = open(store.clone(), &env, 4).await;
        allocator.apply_subnet(&subnet("home", CIDR, &["10.0.0.1-10.0.0.99"]), Mode::Real).await.unwrap();
        // Its creation is still on its way when the claim is over.
        store.fail_write(2, Fault::Late(u32::MAX));
        refused(&allocator, &pool("late", CIDR, &["10.0.0.1-10.0.0.9"])).await;
        hands.advance(Duration::from_secs(60));
        let other = apply(&allocator, &pool("other", CIDR, &["10.0.0.9-10.0.0.12"])).await;
        assert_eq!(store.land().await, 1, "nothing could stop it");
        allocator.tend().await.unwrap();
        let disjoint = [("late", "10.0.0.1-10.0.0.8"), ("other", "10.0.0.9-10.0.0.12")];
        assert_eq!(record(&allocator, "home").await, entries(disjoint));
        let late = reference(&allocator, "late").await;
        let mut granted = std::collections::BTreeSet::new();
        for pod in 0..12 {
            let pools = [if pod % 2 == 0 { late.clone() } else { other.clone() }];
            if let Ok(got) = add(&allocator, pod, 0, &pools, Binding::Stateless).await {
                assert!(granted.insert(got[0].address));
            }
        }
        assert!(granted.len() >= 9);
    });
}

#[test]
fn a_pool_that_terminates_grants_nothing_and_goes_with_its_last_address() {
    block_on(async {
        let (env, _) = still_env();
        let allocator = open(Arc::new(MemoryStore::new()), &env, 4).await;
        allocator.apply_subnet(&subnet("home", CIDR, &["10.0.0.1-10.0.0.99"]), Mode::Real).await.unwrap();
        let going = apply(&allocator, &pool("going", CIDR, &["10.0.0.1-10.0.0.9"])).await;
        add(&allocator, 1, 0, std::slice::from_ref(&going), Binding::Stateless).await.unwrap();
        let name = "going".parse().unwrap();
        let guarded = allocator.delete_pool(&name, Deletion::Guarded, Mode::Real).await.unwrap_err();
        assert!(matches!(&guarded, AdminError::Held { holders, .. } if holders.len() == 1), "{guarded}");
        for mode in [Mode::DryRun, Mode::Real, Mode::Real] {
            let done = allocator.delete_pool(&name, Deletion::Terminate, mode).await.unwrap();
            assert!(matches!(&done, Applied::Terminating { holders } if holders.len() == 1), "{done}");
            assert_eq!(allocator.inspect().fsck().await.unwrap(), []);
        }
        add(&allocator, 2, 0, std::slice::from_ref(&going), Binding::Stateless).await.unwrap_err();
        // While somebody holds one, its addresses are nobody else's, and its name neither.
        let text = refused(&allocator, &pool("next", CIDR, &["10.0.0.9"])).await;
        assert!(text.contains("going"), "{text}");
        let again = allocator.apply_pool(&pool("going", CIDR, &["10.0.0.9"]), Mode::Real).await.unwrap_err();
        assert!(matches!(again, AdminError::Terminating { .. }), "{again}");
        assert_eq!(allocator.tend().await.unwrap(), Default::default());
        del(&allocator, 1, 0).await;
        allocator.tend().await.unwrap();
        assert!(allocator.store().pool(&name).await.unwrap().is_none());
        // Another pool of the name is another pool.
        let next = apply(&allocator, &pool("going", CIDR, &["10.0.0.1-10.0.0.9"])).await;
        assert_ne!(next.uid, going.uid);
        add(&allocator, 3, 0, &[next], Binding::Stateless).await.unwrap();
        assert_eq!(allocator.inspect().fsck().await.unwrap(), []);
    });
}
