//! Nothing is wrong, whatever was done in the ordinary way.

use std::{collections::BTreeSet, sync::Arc};

use pollster::block_on;
use proptest::prelude::*;
use spiderpool_core::{
    addr::Address,
    inspect::{Finding, FindingKind, RecordFilter, Severity},
    store::MemoryStore,
};

use crate::{
    story::{play, step},
    world::{open, still_env},
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_wrong_after_any_operations(bits in 0..=6u8, steps in prop::collection::vec(step(), 0..50)) {
        block_on(async {
            let (env, hands) = still_env();
            let allocator = open(Arc::new(MemoryStore::new()), &env, bits).await;
            let reserved = play(&allocator, &hands, steps).await;
            let records = allocator.inspect().records(&RecordFilter::default()).await.unwrap();
            let is_reserved = |at: &Address| {
                let last = (at.value() & 0xff) as u8;
                reserved.iter().any(|(from, to)| (*from..=*to).contains(&last))
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
