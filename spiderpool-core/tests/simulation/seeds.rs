//! Fixed seeds.

use spiderpool_core::simulation::{Settings, run};

#[test]
fn no_invariant_breaks() {
    let (mut operations, mut requests) = (0, 0);
    for seed in 0..20 {
        let report = run(seed, &Settings::default());
        assert_eq!(report.violation, None, "seed {seed}");
        operations += report.store_operations;
        requests += report.requests;
    }
    assert!(operations > 100_000 && requests > 5_000, "{operations} operations, {requests} requests");
}
