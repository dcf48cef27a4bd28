//! Export and import (I12).

use std::{sync::Arc, time::Duration};

use pollster::block_on;
use proptest::prelude::*;
use spiderpool_core::{
    addr::{Family, IpSet},
    admin::Mode,
    alloc::Allocator,
    env::Env,
    inspect::Severity,
    model::{Binding, BlockBits, Pending, Plan, PlanId},
    name::ScopeName,
    store::{Fault, FaultPlan, FaultStore, Key, Kind, MemoryStore, Selector, Store, StoreExt, Token},
    transfer::{EXPORT_VERSION, Export, ImportOptions, TransferError, export},
};

use super::{
    scene::{World, named},
    story::{play, step},
    world::{Hands, add, config, del, open, pool, reference, slow_store, still_env, stored, subnet},
};

fn bits(bits: u8) -> ImportOptions {
    ImportOptions { block_bits: BlockBits::new(bits), mode: Mode::Real }
}

async fn into_new(exported: &Export, env: &Env, options: ImportOptions) -> Arc<dyn Store> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    exported.import(store.clone(), env, options).await.unwrap();
    store
}

/// Blocks of what size a scope has is the only thing that an import may change.
fn without_bits(mut exported: Export) -> Export {
    exported.scopes.iter_mut().for_each(|scope| scope.scope.block_bits = BlockBits::MAX);
    exported
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn export_import_export_is_the_identity(
        first in 0..=6u8,
        second in 0..=6u8,
        steps in prop::collection::vec(step(), 0..40),
    ) {
        block_on(async {
            let (env, hands) = still_env();
            let allocator = open(Arc::new(MemoryStore::new()), &env, first).await;
            play(&allocator, &hands, steps).await;
            let exported = allocator.export().await.unwrap();
            let json = serde_json::to_vec(&exported).unwrap();
            assert_eq!(Export::from_json(&json).unwrap(), exported);

            let same = into_new(&exported, &env, ImportOptions::default()).await;
            assert_eq!(export(same.as_ref()).await.unwrap(), exported);

            let other = into_new(&exported, &env, bits(second)).await;
            let moved = export(other.as_ref()).await.unwrap();
            assert_eq!(moved.scopes[0].scope.block_bits.get(), second);
            assert_eq!(without_bits(moved.clone()), without_bits(exported.clone()));
            let back = into_new(&moved, &env, bits(first)).await;
            assert_eq!(export(back.as_ref()).await.unwrap(), exported);

            // The copy works as the original does: nothing is wrong with it, and it grants the same addresses.
            let copy = Allocator::open(other, env.clone(), config(first)).await.unwrap();
            let findings = copy.inspect().fsck().await.unwrap();
            assert!(findings.iter().all(|finding| finding.severity == Severity::Info), "{findings:#?}");
            let mut pod = 1_000;
            for object in allocator.inspect().pools_with_status(usize::MAX).await.unwrap() {
                let name = &object.metadata.name;
                let pool = stored(&copy, name).await;
                assert_eq!(copy.inspect().pool_status(&pool, usize::MAX).await.unwrap(), object.status);
                let counts = copy.inspect().pool_counts(&pool).await.unwrap();
                assert_eq!(counts, allocator.inspect().pool_counts(&pool).await.unwrap());
                let pools = [reference(&copy, name).await];
                let first = pod;
                while add(&copy, pod, 0, &pools, Binding::Stateless).await.is_ok() {
                    pod += 1;
                }
                pod += 1;
                assert_eq!(copy.inspect().free_ranges(&pool).await.unwrap(), IpSet::new(Family::V4));
                assert_eq!((pod - 1 - first) as u128, counts.free);
            }
            // Whoever held an address releases it there.
            for round in 0..40 {
                for pod in 0..9 {
                    del(&copy, pod, round).await;
                }
            }
        });
    }
}

/// A store in which everything occurs: both families, claims, a view, other objects, two scopes.
async fn full() -> (Allocator, Env, Arc<Hands>) {
    let World { allocator, hands } = World::new(Arc::new(MemoryStore::new())).await;
    let v6 = pool("v6", "fd00::/64", &["fd00::1-fd00::8"]);
    allocator.apply_pool(&v6, Mode::Real).await.unwrap();
    let v6 = reference(&allocator, "v6").await;
    add(&allocator, 5, 0, std::slice::from_ref(&v6), Binding::Stateless).await.unwrap();
    add(&allocator, 6, 0, &[v6], Binding::Stateless).await.unwrap();
    del(&allocator, 6, 0).await;
    let env = allocator.env().clone();
    let mut other = config(2);
    other.scope = ScopeName::new("other").unwrap();
    Allocator::open(allocator.store().clone(), env.clone(), other).await.unwrap();
    (allocator, env, hands)
}

#[test]
fn an_export_is_readable() {
    let (allocator, ..) = block_on(full());
    let exported = block_on(allocator.export()).unwrap();
    insta::assert_json_snapshot!(exported);
}

#[test]
fn a_target_that_is_not_empty_is_refused() {
    block_on(async {
        let (allocator, env, _) = full().await;
        let exported = allocator.export().await.unwrap();
        let import =
            async |store: &Arc<dyn Store>, options| exported.import(store.clone(), &env, options).await;
        // Opened, and nothing else: its size of blocks stays.
        let opened: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let target = open(opened.clone(), &env, 3).await;
        assert!(matches!(
            import(&opened, bits(5)).await,
            Err(TransferError::BlockBits { found: 3, wanted: 5, .. })
        ));
        let dry = ImportOptions { mode: Mode::DryRun, ..ImportOptions::default() };
        let counts = import(&opened, dry).await.unwrap();
        assert!(export(opened.as_ref()).await.unwrap().objects.is_empty());
        assert_eq!(import(&opened, ImportOptions::default()).await.unwrap(), counts);
        let moved = export(opened.as_ref()).await.unwrap();
        assert_eq!(moved.scopes[0].scope.block_bits.get(), 3);
        assert_eq!(without_bits(moved), without_bits(exported.clone()));
        assert_eq!(target.inspect().fsck().await.unwrap(), []);

        let again = import(&opened, ImportOptions::default()).await.unwrap_err();
        assert!(matches!(again, TransferError::NotEmpty { .. }), "{again}");
        let used: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let other = open(used.clone(), &env, 3).await;
        other.apply_subnet(&subnet("s", "10.0.0.0/24", &[]), Mode::Real).await.unwrap();
        let refused = import(&used, ImportOptions::default()).await.unwrap_err();
        assert!(matches!(&refused, TransferError::NotEmpty { count: 1, .. }), "{refused}");
        assert_eq!(used.list(&Selector::Kind(Kind::Pool)).await.unwrap().items.len(), 0);
    });
}

#[test]
fn an_export_that_contradicts_itself_writes_nothing() {
    block_on(async {
        let (allocator, env, _) = full().await;
        let exported = allocator.export().await.unwrap();
        let refused = async |wrong: Export| {
            let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
            let error = wrong.import(store.clone(), &env, ImportOptions::default()).await.unwrap_err();
            for kind in Kind::ALL {
                assert!(store.list(&Selector::Kind(kind)).await.unwrap().items.is_empty());
            }
            error.to_string()
        };
        let mut texts = Vec::new();
        let mut wrong = exported.clone();
        let twice = wrong.scopes[0].held[0].clone();
        wrong.scopes[0].held.push(twice);
        texts.push(refused(wrong).await);
        let mut wrong = exported.clone();
        let twice = wrong.objects[0].clone();
        wrong.objects.push(twice);
        texts.push(refused(wrong).await);
        let mut wrong = exported.clone();
        wrong.objects[0].key = Key::Pool(named("x"));
        texts.push(refused(wrong).await);
        let mut wrong = exported.clone();
        let twice = wrong.scopes[0].clone();
        wrong.scopes.push(twice);
        texts.push(refused(wrong).await);
        let mut newer = exported.clone();
        newer.version = EXPORT_VERSION + 1;
        texts.push(refused(newer.clone()).await);
        let read = |json: &str| Export::from_json(json.as_bytes()).unwrap_err().to_string();
        texts.push(read(&serde_json::to_string(&newer).unwrap()));
        texts.push(read(r#"{"version":1,"scopes":[],"objects":[],"more":1}"#));
        texts.push(read("nonsense"));
        insta::assert_snapshot!(texts.join("\n"));
    });
}

/// An edit in flight rests on a token, which an export does not keep.
#[test]
fn an_edit_in_flight_is_settled_or_refuses_the_export() {
    block_on(async {
        let (allocator, _, hands) = full().await;
        let before = allocator.export().await.unwrap();
        // Of a dead editor, as it stands in the plan.
        let id = PlanId::Pool(reference(&allocator, "q").await.uid.clone());
        let (plan, token) = allocator.store().plan(&id).await.unwrap().unwrap();
        let (_, base) = allocator.store().pool(&named("q")).await.unwrap().unwrap();
        let mut next = Plan::clone(&plan);
        let removed = IpSet::from_ranges(Family::V4, ["10.1.0.7".parse().unwrap()]).unwrap();
        next.set_usable(plan.usable.difference(&removed));
        let since = allocator.env().clock.now();
        let pending = Pending {
            edit: "e".into(),
            object: Key::Pool(named("q")),
            base: Some(base),
            creates: None,
            removed,
            since,
        };
        next.pending.push(pending);
        allocator.store().update(&Key::Plan(id), &token, next.into()).await.unwrap();
        for result in [allocator.export().await, export(allocator.store().as_ref()).await] {
            let refused = result.unwrap_err();
            assert!(matches!(refused, TransferError::InFlight { .. }), "{refused}");
        }
        hands.advance(Duration::from_secs(60));
        let after = allocator.export().await.unwrap();
        // The fence is all that it left.
        let objects = before.objects.iter().zip(&after.objects);
        let changed: Vec<_> = objects.filter(|(a, b)| a != b).map(|(a, _)| a.key.clone()).collect();
        assert_eq!(changed, [Key::Pool(named("q"))]);
        assert_eq!(before.scopes, after.scopes);
        // A plan whose edit is dead by its token is settled at once.
        let (plan, token) = allocator
            .store()
            .plan(&PlanId::Reservations(allocator.scope().clone(), Family::V4))
            .await
            .unwrap()
            .unwrap();
        let mut next = Plan::clone(&plan);
        let removed = IpSet::new(Family::V4);
        let base = Some(Token::new("dead"));
        next.pending.push(Pending {
            creates: None,
            edit: "d".into(),
            object: Key::Reservation(named("r")),
            base,
            removed,
            since,
        });
        allocator.store().update(&Key::Plan(next.id.clone()), &token, next.into()).await.unwrap();
        assert_eq!(allocator.export().await.unwrap(), after);
    });
}

#[test]
fn a_claim_in_flight_refuses_the_export_until_it_is_over() {
    block_on(async {
        let (env, hands) = still_env();
        let store = Arc::new(FaultStore::new(MemoryStore::new(), FaultPlan::default()));
        let allocator = open(store.clone(), &env, 4).await;
        allocator
            .apply_subnet(&subnet("home", "10.0.0.0/24", &["10.0.0.1-10.0.0.9"]), Mode::Real)
            .await
            .unwrap();
        let before = allocator.export().await.unwrap();
        store.fail_write(2, Fault::Before);
        allocator.apply_pool(&pool("p", "10.0.0.0/24", &["10.0.0.1"]), Mode::Real).await.unwrap_err();
        let refused = allocator.export().await.unwrap_err();
        assert!(refused.to_string().contains("pool p is claiming 10.0.0.1"), "{refused}");
        hands.advance(Duration::from_secs(60));
        assert_eq!(allocator.export().await.unwrap(), before);
    });
}

/// An export is the store at one instant, or is refused.
#[test]
fn a_store_that_is_written_to_is_exported_at_one_instant_or_not_at_all() {
    let store = slow_store();
    let allocator = block_on(open(store, &Env::system(), 4));
    // Each pod moves as one: an address of either pool.
    block_on(allocator.apply_pool(&pool("a", "10.0.0.0/24", &["10.0.0.1-10.0.0.9"]), Mode::Real)).unwrap();
    block_on(allocator.apply_pool(&pool("b", "fd00::/64", &["fd00::1-fd00::9"]), Mode::Real)).unwrap();
    let pools = [block_on(reference(&allocator, "a")), block_on(reference(&allocator, "b"))];
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..30 {
                block_on(add(&allocator, 1, round, &pools, Binding::Stateless)).unwrap();
                block_on(del(&allocator, 1, round));
            }
        });
        while !writer.is_finished() {
            match block_on(export(allocator.store().as_ref())) {
                Ok(exported) => {
                    let scope = &exported.scopes[0];
                    let addresses = scope.held.iter().map(|held| held.address);
                    let distinct: std::collections::BTreeSet<_> =
                        addresses.chain(scope.released.iter().map(|released| released.address)).collect();
                    assert_eq!(distinct.len(), scope.held.len() + scope.released.len());
                }
                Err(error) => assert!(matches!(error, TransferError::Changing { .. }), "{error}"),
            }
        }
    });
    block_on(allocator.export()).unwrap();
}
