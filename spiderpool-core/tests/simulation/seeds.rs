//! No invariant breaks.

use rstest::rstest;
use spiderpool_core::simulation::{Coverage, Settings, run};

/// In parts, so that they run side by side.
#[rstest]
#[case(0)]
#[case(1_000)]
#[case(2_000)]
#[case(3_000)]
fn no_invariant_breaks(#[case] first: u64) {
    let (mut operations, mut requests) = (0, 0);
    let mut coverage = Coverage::default();
    for seed in first..first + 100 {
        let report = run(seed, &Settings::default());
        assert_eq!(
            report.violation, None,
            "seed {seed}: replay it with 'cargo xtask sim --seed {seed} --trace'"
        );
        operations += report.store_operations;
        requests += report.requests;
        coverage.add(&report.coverage);
    }
    assert!(operations > 400_000 && requests > 30_000, "{operations} operations, {requests} requests");
    // The rarest need more seeds than these: `cargo xtask sim --minutes` insists on all of them.
    let missing: Vec<&str> = coverage.missing().collect();
    assert!(missing.len() < 10, "never taken: {missing:?}");
}
