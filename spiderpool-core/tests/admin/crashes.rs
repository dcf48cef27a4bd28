//! Edits that die at any of their operations: applying them again resolves everything.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use pollster::block_on;
use rstest::rstest;
use spiderpool_core::{
    addr::Address,
    admin::{AdminError, Deletion, Mode},
    alloc::Allocator,
    env::Env,
    inspect::{FindingKind, RecordFilter},
    model::{Binding, Pool},
    store::{Fault, FaultPlan, FaultStore, MemoryStore, StoreExt},
};

use super::{
    scene::named,
    world::{Hands, add, apply, del, open, pool, reference, reservation, still_env, stored, subnet},
};

const CIDR: &str = "10.0.0.0/24";

#[derive(Clone, Copy, Debug)]
enum Edit {
    Pool(&'static str, &'static str, &'static [&'static str]),
    DeletePool(&'static str, Deletion),
    Subnet(&'static str, &'static str, &'static str),
    DeleteSubnet(&'static str),
    Reserve(&'static str),
    Unreserve,
}

/// Does all of `edits`, up to the first that fails.
async fn edit(allocator: &Allocator, edits: &[Edit]) -> Result<(), AdminError> {
    for edit in edits {
        match *edit {
            Edit::Pool(name, cidr, ips) => allocator.apply_pool(&pool(name, cidr, ips), Mode::Real).await?,
            Edit::DeletePool(name, how) => allocator.delete_pool(&named(name), how, Mode::Real).await?,
            Edit::Subnet(name, cidr, ips) => {
                allocator.apply_subnet(&subnet(name, cidr, &[ips]), Mode::Real).await?
            }
            Edit::DeleteSubnet(name) => {
                allocator.delete_subnet(&named(name), Deletion::Terminate, Mode::Real).await?
            }
            Edit::Reserve(ips) => allocator.apply_reservation(&reservation("r", &[ips]), Mode::Real).await?,
            Edit::Unreserve => allocator.delete_reservation(&named("r"), Mode::Real).await?,
        };
    }
    Ok(())
}

/// What is there before the edit: a Subnet, a pool in it with a few holders, one outside.
async fn prepare(allocator: &Allocator) {
    allocator.apply_subnet(&subnet("home", CIDR, &["10.0.0.1-10.0.0.99"]), Mode::Real).await.unwrap();
    // The holders that must stay have the first addresses, whichever block an allocator begins with.
    let inside = apply(allocator, &pool("inside", CIDR, &["10.0.0.1-10.0.0.3"])).await;
    let outside = apply(allocator, &pool("outside", "10.1.0.0/24", &["10.1.0.1-10.1.0.30"])).await;
    for pod in 0..3 {
        add(allocator, pod, 0, std::slice::from_ref(&inside), Binding::Stateless).await.unwrap();
    }
    add(allocator, 3, 0, std::slice::from_ref(&outside), Binding::Stateless).await.unwrap();
    apply(allocator, &pool("inside", CIDR, &["10.0.0.1-10.0.0.40"])).await;
    // Blocks with copies, but without holders.
    for pod in 4..40 {
        add(allocator, pod, 0, std::slice::from_ref(&inside), Binding::Stateless).await.unwrap();
    }
    for pod in 4..40 {
        del(allocator, pod, 0).await;
    }
}

/// After a crash at operation `n` with `fault`, another process does the same again.
async fn crash_and_again(edits: &[Edit], n: u64, fault: Fault) -> Option<()> {
    let (env, hands): (Env, Arc<Hands>) = still_env();
    let store = Arc::new(FaultStore::new(MemoryStore::new(), FaultPlan::default()));
    let first = open(store.clone(), &env, 4).await;
    prepare(&first).await;
    let held = holders(&first).await;
    store.crash(n, fault);
    let answer = edit(&first, edits).await;
    let crashed = store.crashed();
    store.restart();
    drop(first);
    if !crashed {
        answer.unwrap();
        return None;
    }
    let second = open(store.clone(), &env, 4).await;
    // At once, or after the grace: nothing that the dead one left may block for ever.
    if n.is_multiple_of(2) {
        hands.advance(Duration::from_secs(301));
    }
    match edit(&second, edits).await {
        Ok(_) | Err(AdminError::NotFound { .. }) => {}
        Err(error) => panic!("crash at {n} with {fault:?}: {error}"),
    }
    // Whatever was still on its way meets newer tokens.
    store.land().await;
    hands.advance(Duration::from_secs(301));
    second.tend().await.unwrap();
    let findings = second.inspect().fsck().await.unwrap();
    for finding in &findings {
        assert_eq!(finding.kind, FindingKind::HeldReserved, "crash at {n} with {fault:?}: {finding}");
    }
    assert_eq!(holders(&second).await, held, "nobody lost an address");
    check_grants(&second).await;
    Some(())
}

async fn holders(allocator: &Allocator) -> BTreeSet<Address> {
    let records = allocator.inspect().records(&RecordFilter::default()).await.unwrap();
    records.into_iter().map(|(address, _)| address).collect()
}

/// Every pool grants exactly its free addresses, and then is exhausted: none is lost, none is granted outside.
async fn check_grants(allocator: &Allocator) {
    let mut pod = 1_000;
    for object in allocator.inspect().pools_with_status(0).await.unwrap() {
        let name = object.metadata.name.clone();
        let before = holders(allocator).await;
        let free = allocator.inspect().free_ranges(&stored(allocator, &name).await).await.unwrap();
        if Pool::try_from(&object).unwrap().terminating {
            assert!(free.is_empty());
            continue;
        }
        let pools = [reference(allocator, &name).await];
        while add(allocator, pod, 0, &pools, Binding::Stateless).await.is_ok() {
            pod += 1;
        }
        pod += 1;
        let granted: Vec<Address> = holders(allocator).await.difference(&before).copied().collect();
        assert!(granted.iter().all(|address| free.contains(*address)));
        assert_eq!(granted.len() as u128, free.len_saturating(), "pool {name}");
    }
}

#[rstest]
#[case::create_a_pool(&[Edit::Pool("new", CIDR, &["10.0.0.50-10.0.0.60"])])]
#[case::create_a_pool_outside(&[Edit::Pool("new", "10.2.0.0/24", &["10.2.0.5"])])]
#[case::widen(&[Edit::Pool("inside", CIDR, &["10.0.0.1-10.0.0.60"])])]
#[case::narrow(&[Edit::Pool("inside", CIDR, &["10.0.0.1-10.0.0.20"])])]
#[case::move_it(&[Edit::Pool("inside", CIDR, &["10.0.0.1-10.0.0.9", "10.0.0.70-10.0.0.80"])])]
#[case::there_and_back(&[
    Edit::Pool("inside", CIDR, &["10.0.0.1-10.0.0.9"]),
    Edit::Pool("inside", CIDR, &["10.0.0.1-10.0.0.40"]),
])]
#[case::terminate_a_pool(&[Edit::DeletePool("inside", Deletion::Terminate)])]
#[case::make_and_delete_a_pool(&[
    Edit::Pool("brief", CIDR, &["10.0.0.50-10.0.0.60"]),
    Edit::DeletePool("brief", Deletion::Guarded),
])]
#[case::reserve(&[Edit::Reserve("10.0.0.2-10.0.0.30")])]
#[case::reserve_and_free(&[Edit::Reserve("10.0.0.2-10.0.0.30"), Edit::Unreserve])]
#[case::create_a_subnet(&[Edit::Subnet("outer", "10.1.0.0/24", "10.1.0.1-10.1.0.99")])]
#[case::widen_a_subnet(&[Edit::Subnet("home", CIDR, "10.0.0.1-10.0.0.150")])]
#[case::delete_a_subnet(&[Edit::DeleteSubnet("home")])]
fn an_edit_that_died_is_resolved_by_doing_it_again(#[case] edits: &[Edit]) {
    for fault in [Fault::Before, Fault::After, Fault::Late(u32::MAX)] {
        let mut n = 1;
        while block_on(crash_and_again(edits, n, fault)).is_some() {
            n += 1;
        }
        assert!(n > 3, "the edit has operations to die at");
    }
}

#[test]
fn a_dead_edit_that_nobody_repeats_is_tidied_away() {
    block_on(async {
        for n in 1.. {
            let (env, hands) = still_env();
            let store = Arc::new(FaultStore::new(MemoryStore::new(), FaultPlan::default()));
            let first = open(store.clone(), &env, 4).await;
            prepare(&first).await;
            store.crash(n, Fault::Before);
            let wide = pool("inside", CIDR, &["10.0.0.1-10.0.0.9", "10.0.0.70-10.0.0.80"]);
            let _ = first.apply_pool(&wide, Mode::Real).await;
            if !store.crashed() {
                break;
            }
            store.restart();
            let second = open(store.clone(), &env, 4).await;
            hands.advance(Duration::from_secs(61));
            second.tend().await.unwrap();
            assert_eq!(second.inspect().fsck().await.unwrap(), []);
            assert!(second.store().pool(&named("inside")).await.unwrap().is_some());
            check_grants(&second).await;
        }
    });
}
