use std::{sync::Arc, time::Duration};

use pollster::block_on;
use rstest::rstest;
use spiderpool_core::store::{
    FaultPlan, FaultStore, Kind, MemoryStore, Selector, ShadowStore, Store,
    conformance::{Harness, UnderFaults, run},
};

use crate::harness::Fresh;

/// What memory claims leaves these out: durability (4), exclusiveness, sharing, a limit, the refusal of watches.
const EXECUTED: usize = 34;

fn green(harness: &dyn Harness, executed: usize) {
    let report = block_on(run(harness));
    assert!(report.is_green(executed), "{report}");
}

#[rstest]
#[case::plain(|| Arc::new(MemoryStore::new()) as Arc<dyn Store>)]
#[case::short_history(|| Arc::new(MemoryStore::with_history(64)) as Arc<dyn Store>)]
#[case::arc(|| Arc::new(Arc::new(MemoryStore::new()) as Arc<dyn Store>) as Arc<dyn Store>)]
#[case::boxed(|| Arc::new(Box::new(MemoryStore::new()) as Box<dyn Store>) as Arc<dyn Store>)]
#[case::faults_off(|| Arc::new(FaultStore::new(MemoryStore::new(), FaultPlan::default())) as Arc<dyn Store>)]
fn memory_keeps_the_contract(#[case] make: fn() -> Arc<dyn Store>) {
    green(&Fresh::new(make), EXECUTED);
}

/// Watches are refused rather than checked, in six checks less.
#[test]
fn a_shadow_keeps_the_contract_and_leaves_what_it_shadows_alone() {
    let below: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let make = || Arc::new(ShadowStore::new(below.clone())) as Arc<dyn Store>;
    green(&Fresh::new(make), EXECUTED - 6);
    for kind in Kind::ALL {
        assert_eq!(block_on(below.list(&Selector::Kind(kind))).unwrap().items, []);
    }
}

#[rstest]
#[case(1)]
#[case(2)]
fn memory_keeps_the_contract_under_faults(#[case] seed: u64) {
    let plan = FaultPlan {
        seed,
        before: 0.1,
        after: 0.1,
        lost: 0.1,
        reads: 0.1,
        watches: 0.05,
        delay: 0.01,
        delay_up_to: Duration::from_millis(2),
        ..FaultPlan::default()
    };
    let harness = UnderFaults::new(Fresh::new(|| Arc::new(MemoryStore::new()) as Arc<dyn Store>), plan);
    // One less: who won a race of deletions is a guess after a lost answer.
    green(&harness, EXECUTED - 1);
    assert!(harness.injected() > 1000, "only {} faults were injected", harness.injected());
}
