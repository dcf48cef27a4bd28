//! Nothing is wrong, whatever was done in the ordinary way.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use pollster::block_on;
use proptest::prelude::*;
use spiderpool_core::{
    addr::Address,
    inspect::{Finding, FindingKind, RecordFilter, Severity},
    store::{FaultPlan, FaultStore, MemoryStore},
};

use crate::{
    story::{Story, play, step},
    world::{open, still_env},
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_wrong_after_any_operations(bits in 0..=6u8, steps in prop::collection::vec(step(), 0..50)) {
        block_on(async {
            let (env, hands) = still_env();
            let allocator = open(Arc::new(MemoryStore::new()), &env, bits).await;
            let story = play(&allocator, &hands, steps).await;
            let records = allocator.inspect().records(&RecordFilter::default()).await.unwrap();
            let is_reserved = |at: &Address| {
                let last = (at.value() & 0xff) as u8;
                story.reserved().any(|(from, to)| (from..=to).contains(&last))
            };
            let expected: BTreeSet<String> =
                records.iter().map(|(at, _)| at).filter(|at| is_reserved(at)).map(ToString::to_string).collect();
            let findings = allocator.inspect().fsck().await.unwrap();
            for finding in &findings {
                assert_eq!(finding.severity, Severity::Info, "{finding}");
            }
            let of_kind = |findings: &[Finding], kind| {
                let found = findings.iter().filter(|finding| finding.kind == kind);
                found.map(|finding| finding.object.clone()).collect::<BTreeSet<_>>()
            };
            assert_eq!(of_kind(&findings, FindingKind::HeldReserved), expected);
            let unfinished = of_kind(&findings, FindingKind::DeletionUnfinished).len();
            let waiting = of_kind(&findings, FindingKind::ClaimLeaving).len();
            assert_eq!(findings.len(), expected.len() + unfinished + waiting, "{findings:#?}");
            // Tidying finishes deletions, and then there is nothing left to do.
            assert_eq!(allocator.tend().await.unwrap().deleted.len(), unfinished);
            let findings = allocator.inspect().fsck().await.unwrap();
            assert_eq!(findings.len(), expected.len() + waiting, "{findings:#?}");
            assert_eq!(allocator.tend().await.unwrap(), Default::default());
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// The same among faults: once they are over and what was on its way has landed, tidying puts everything right
    /// that concerns edits. What a request left open is a matter of its key, and never two addresses.
    #[test]
    fn faults_leave_nothing_that_tidying_does_not_mend(
        seed: u64,
        late in prop_oneof![Just(0.0), Just(0.05)],
        bits in 0..=6u8,
        steps in prop::collection::vec(step(), 0..40),
    ) {
        block_on(async {
            let (env, hands) = still_env();
            let store = Arc::new(FaultStore::new(MemoryStore::new(), FaultPlan::default()));
            let allocator = open(store.clone(), &env, bits).await;
            store.set_plan(FaultPlan {
                seed,
                before: 0.05,
                after: 0.05,
                lost: 0.03,
                late,
                late_by: 30,
                reads: 0.02,
                ..FaultPlan::default()
            });
            let mut story = Story::new();
            for step in steps {
                story.step(&allocator, &hands, step).await;
            }
            store.set_plan(FaultPlan::default());
            store.restart();
            store.land().await;
            drop(allocator);
            let allocator = open(store.clone(), &env, bits).await;
            hands.advance(Duration::from_secs(301));
            allocator.tend().await.unwrap();
            for finding in allocator.inspect().fsck().await.unwrap() {
                let fits = match finding.kind {
                    FindingKind::HeldReserved | FindingKind::ClaimLeaving => true,
                    // An agent that dies between a claim and its grant.
                    FindingKind::ClaimWithoutRecord => true,
                    // An edit outside of Subnets, or a creation whose claim was over, that landed after its editor
                    // had given up: rule 5e does not keep those apart.
                    FindingKind::OverlappingPools | FindingKind::ControlledDiffers => late > 0.0,
                    _ => false,
                };
                assert!(fits, "{finding}");
            }
            assert_eq!(allocator.tend().await.unwrap(), Default::default());
        });
    }
}
