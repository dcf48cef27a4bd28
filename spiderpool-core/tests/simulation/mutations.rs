//! Each rule of the protocol taken away, one at a time: the simulation has to find it.

use rstest::rstest;
use spiderpool_core::{
    mutation::Mutation,
    simulation::{Settings, run},
};

/// Seeds that are tried besides the one that is known to find it.
const SEEDS: u64 = 120;

/// What only the exhaustive exploration (tests/holes) finds surely, and why no seed here does, or one in thousands.
const NOT_FOUND: [(Mutation, &str); 11] = [
    (
        Mutation::ClaimSubnetBlindly,
        "two edits must claim the same address of a Subnet between one reading and one write of its record (a seed in \
         hundreds)",
    ),
    (
        Mutation::WithdrawWithoutBump,
        "a grant must be on its way to an address that its owner's claim gives up meanwhile (a seed in thousands)",
    ),
    (
        Mutation::UnbindBeforePod,
        "a pod must come between the first question for it and the claim's second write (a seed in hundreds)",
    ),
    (
        Mutation::ProofNotConfirmed,
        "a pool must fill up and be widened, or lose a holder, between two listings that take turns with it",
    ),
    (
        Mutation::SurveyNotCompared,
        "between a survey and the reading of a block that changed before it, the block must fill up, and another one that was \
         full must have lost a holder before that",
    ),
    (
        Mutation::ClaimNotRead,
        "two incarnations must be between claim and grant at once, and the claim must move in between",
    ),
    (
        Mutation::ClaimBeforeToken,
        "as ClaimNotRead, and the block must be written by a third one in between, without the claimed address",
    ),
    (
        Mutation::UncertainNotMadeDead,
        "a write without an answer must land after the request has got one that wrote nothing, and before anything else \
         changes the block (a seed in thousands)",
    ),
    (
        Mutation::JoinedToOldRead,
        "a request must join a write that was decided on a reading of before it came, and what it needs to see must fall \
         between the two (a seed in thousands)",
    ),
    (
        Mutation::JoinedToOldTruths,
        "an edit must reach a block between the reading of the plan for a grant there and that grant's write, and have \
         narrowed the plan after it was read",
    ),
    (
        Mutation::PodBeforeToken,
        "the pod must be replaced between a question and the retry of a write that lost a race",
    ),
];

/// The first seed that finds a mutation, where it is not one of the first few. A change of the simulation makes it a
/// seed like any other.
fn known(mutation: Mutation) -> Option<u64> {
    HINTS.iter().find(|(hinted, _)| *hinted == mutation).map(|(_, seed)| *seed)
}

const HINTS: &[(Mutation, u64)] = &[
    (Mutation::CloseForgetsReattaching, 659),
    (Mutation::RefusalRestores, 132),
    (Mutation::UnbindRunning, 254),
];

fn found(mutation: Mutation) -> Option<(u64, String)> {
    let seeds = known(mutation).into_iter().chain(0..SEEDS);
    mutation.during(|| {
        seeds.into_iter().find_map(|seed| {
            // Counts that cannot be (more is held than there is) overflow where overflow is checked.
            match std::panic::catch_unwind(|| run(seed, &Settings::default())) {
                Ok(report) => report.violation.map(|violation| (seed, violation.to_string())),
                Err(_) => Some((seed, "a panic".to_owned())),
            }
        })
    })
}

/// In parts, so that they run side by side.
#[rstest]
#[case(0)]
#[case(1)]
#[case(2)]
#[case(3)]
fn every_mutation_is_found(#[case] part: usize) {
    for mutation in Mutation::ALL.iter().skip(part).step_by(4) {
        if NOT_FOUND.iter().any(|(listed, _)| listed == mutation) {
            continue;
        }
        match found(*mutation) {
            Some((seed, violation)) => println!("{mutation:?}: seed {seed}: {violation}"),
            None => panic!("{mutation:?} breaks nothing that the simulation sees"),
        }
    }
}

#[test]
fn what_is_left_to_the_exhaustive_exploration_is_named_with_its_reason() {
    assert!(NOT_FOUND.iter().all(|(_, why)| why.len() > 20));
    assert!(Mutation::ALL.len() - NOT_FOUND.len() >= 20, "at least twenty are found here");
}
