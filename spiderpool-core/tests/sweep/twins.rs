//! Several addresses of one key: only what the owner does not use is freed, and one always stays.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rstest::rstest;
use spiderpool_core::{
    addr::Address,
    model::{Attachment, Binding, Record},
    name::ContainerId,
    sweep::{SandboxSeen, Twin, Verdict, judge_twins},
};

use crate::case::{at, record};

fn twin(container: &str, since: i64) -> Record {
    let mut record = record(Binding::Stateless);
    record.attachment = Attachment::Container(ContainerId::new(container).unwrap());
    record.since = at(since);
    record
}

fn address(last: usize) -> Address {
    format!("10.0.0.{last}").parse().unwrap()
}

fn judge(records: &[(Record, SandboxSeen)], shown: &[usize], reported: &[usize]) -> Vec<Verdict> {
    let twins: Vec<Twin<'_>> = records
        .iter()
        .enumerate()
        .map(|(i, (record, sandbox))| Twin { address: address(i + 1), record, sandbox: *sandbox })
        .collect();
    let set = |list: &[usize]| list.iter().map(|last| address(*last)).collect::<BTreeSet<_>>();
    judge_twins(&twins, &set(shown), &set(reported))
}

use SandboxSeen::{Alive, Gone, NodeSilent};

/// Two records, the first for an older grant; what the endpoint shows, what the pod reports, and what is freed.
#[rstest]
#[case::reboot(("c1", Gone), ("c2", Alive), &[], &[], &[1])]
#[case::reboot_out_of_order(("c2", Alive), ("c1", Gone), &[], &[], &[2])]
#[case::both_gone(("c1", Gone), ("c2", Gone), &[], &[], &[1])]
#[case::node_silent(("c1", NodeSilent), ("c2", NodeSilent), &[], &[], &[])]
#[case::gone_beside_silent(("c1", Gone), ("c2", NodeSilent), &[], &[], &[])]
#[case::one_container(("c", Alive), ("c", Alive), &[], &[], &[])]
#[case::shown_and_later(("c", Alive), ("c", Alive), &[2], &[], &[1])]
#[case::reported_and_later(("c", Alive), ("c", Alive), &[], &[2], &[1])]
#[case::shown_and_earlier(("c", Alive), ("c", Alive), &[1], &[], &[])]
#[case::shown_and_reported_and_earlier(("c", Alive), ("c", Alive), &[1], &[1], &[2])]
#[case::they_disagree(("c", Alive), ("c", Alive), &[1], &[2], &[])]
#[case::both_shown(("c", Alive), ("c", Alive), &[1, 2], &[2], &[])]
fn two_of_one_key(
    #[case] one: (&str, SandboxSeen),
    #[case] two: (&str, SandboxSeen),
    #[case] shown: &[usize],
    #[case] reported: &[usize],
    #[case] freed: &[usize],
) {
    let verdicts = judge(&[(twin(one.0, 1), one.1), (twin(two.0, 2), two.1)], shown, reported);
    let found: Vec<usize> = (1..=2).filter(|i| verdicts[i - 1].frees()).collect();
    assert_eq!(found, freed, "{verdicts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// One always stays; what is freed has no living container, unless it is neither shown nor reported while exactly
    /// one other is.
    #[test]
    fn one_always_stays(
        list in prop::collection::vec((0..3usize, 0..3i64, prop::sample::select(vec![Alive, Gone, NodeSilent])), 1..5),
        shown in prop::collection::vec(1..5usize, 0..3),
        reported in prop::collection::vec(1..5usize, 0..3),
    ) {
        let records: Vec<(Record, SandboxSeen)> =
            list.iter().map(|(container, since, seen)| (twin(&format!("c{container}"), *since), *seen)).collect();
        let verdicts = judge(&records, &shown, &reported);
        prop_assert!(verdicts.iter().any(|verdict| !verdict.frees()));
        for (i, verdict) in verdicts.iter().enumerate().filter(|(_, verdict)| verdict.frees()) {
            let seen = |i: usize| shown.contains(&(i + 1)) || reported.contains(&(i + 1));
            let others = (0..records.len()).filter(|at| records[*at].1 != Gone && seen(*at)).count();
            prop_assert!(records[i].1 == Gone || !seen(i) && others == 1, "{verdict}");
        }
    }
}
