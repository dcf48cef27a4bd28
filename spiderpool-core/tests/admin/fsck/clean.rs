//! Nothing is wrong, whatever was done in the ordinary way.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use pollster::block_on;
use proptest::prelude::*;
use spiderpool_core::{
    addr::Address,
    admin::{Deletion, Mode},
    inspect::{Finding, FindingKind, RecordFilter, Severity},
    model::Binding,
    store::{MemoryStore, StoreExt},
};

use crate::{
    scene::{CIDR, named},
    world::{add, del, open, pool, reference, reservation, still_env, subnet},
};

#[derive(Clone, Debug)]
enum Step {
    Add(usize, usize),
    Del(usize),
    Wait(u64),
    Reserve(u8, u8),
    Unreserve,
    Pool(usize, u8, u8, u8),
    DeletePool(usize, Deletion),
    Subnet(u8),
    DeleteSubnet(Deletion),
    Tend,
}

fn step() -> impl Strategy<Value = Step> {
    let deletion = || prop_oneof![Just(Deletion::Guarded), Just(Deletion::Terminate)];
    prop_oneof![
        8 => (0..9usize, 0..3usize).prop_map(|(pod, pool)| Step::Add(pod, pool)),
        4 => (0..9usize).prop_map(Step::Del),
        1 => (1..200u64).prop_map(Step::Wait),
        1 => (0..60u8, 0..6u8).prop_map(|(first, more)| Step::Reserve(first, first + more)),
        1 => Just(Step::Unreserve),
        6 => (0..3usize, 1..60u8, 0..30u8, 0..60u8)
            .prop_map(|(pool, first, more, out)| Step::Pool(pool, first, first + more, out)),
        2 => (0..3usize, deletion()).prop_map(|(pool, how)| Step::DeletePool(pool, how)),
        2 => (50..100u8).prop_map(Step::Subnet),
        1 => deletion().prop_map(Step::DeleteSubnet),
        1 => Just(Step::Tend),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_wrong_after_any_operations(bits in 0..=6u8, steps in prop::collection::vec(step(), 0..50)) {
        block_on(async {
            let (env, hands) = still_env();
            let allocator = open(Arc::new(MemoryStore::new()), &env, bits).await;
            let mut reserved: Vec<(usize, u8, u8)> = Vec::new();
            for (round, step) in steps.into_iter().enumerate() {
                // Operations may be refused; whatever they do, they leave nothing behind.
                match step {
                    Step::Add(pod, at) => {
                        // A pod's binding follows from its kind, so it does not change.
                        let binding = if pod % 2 == 0 { Binding::Stateless } else { Binding::Stateful };
                        let name = format!("p{at}");
                        if allocator.store().pool(&named(&name)).await.unwrap().is_some() {
                            let pools = [reference(&allocator, &name).await];
                            let _ = add(&allocator, pod, round, &pools, binding).await;
                        }
                    }
                    Step::Del(pod) => {
                        for earlier in 0..round {
                            del(&allocator, pod, earlier).await;
                        }
                    }
                    Step::Wait(seconds) => hands.advance(Duration::from_secs(seconds)),
                    Step::Reserve(first, last) => {
                        let range = format!("10.0.0.{first}-10.0.0.{last}");
                        let wanted = reservation(&format!("r{round}"), &[&range]);
                        allocator.apply_reservation(&wanted, Mode::Real).await.unwrap();
                        reserved.push((round, first, last));
                    }
                    Step::Unreserve => {
                        if let Some((round, ..)) = reserved.pop() {
                            let name = named(&format!("r{round}"));
                            allocator.delete_reservation(&name, Mode::Real).await.unwrap();
                        }
                    }
                    Step::Pool(at, first, last, out) => {
                        let range = format!("10.0.0.{first}-10.0.0.{last}");
                        let mut wanted = pool(&format!("p{at}"), CIDR, &[&range]);
                        wanted.spec.exclude_ips = vec![format!("10.0.0.{out}")];
                        let _ = allocator.apply_pool(&wanted, Mode::Real).await;
                    }
                    Step::DeletePool(at, how) => {
                        let _ = allocator.delete_pool(&named(&format!("p{at}")), how, Mode::Real).await;
                    }
                    Step::Subnet(last) => {
                        let wanted = subnet("home", CIDR, &[&format!("10.0.0.1-10.0.0.{last}")]);
                        let _ = allocator.apply_subnet(&wanted, Mode::Real).await;
                    }
                    Step::DeleteSubnet(how) => {
                        let _ = allocator.delete_subnet(&named("home"), how, Mode::Real).await;
                    }
                    Step::Tend => drop(allocator.tend().await.unwrap()),
                }
            }
            let records = allocator.inspect().records(&RecordFilter::default()).await.unwrap();
            let is_reserved = |at: &Address| {
                let last = (at.value() & 0xff) as u8;
                reserved.iter().any(|(_, from, to)| (*from..=*to).contains(&last))
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
