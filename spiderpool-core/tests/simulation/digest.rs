//! The same seed gives the same run, to the last bit.

use spiderpool_core::simulation::{Settings, run};

#[test]
fn the_same_seed_gives_the_same_digest() {
    let mut digests = std::collections::BTreeSet::new();
    for seed in 500..512 {
        let settings = Settings { trace: true, ..Settings::default() };
        let (first, second) = (run(seed, &settings), run(seed, &settings));
        let differs = first.trace.iter().zip(&second.trace).find(|(a, b)| a != b);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first.digest, second.digest, "seed {seed}");
        assert_eq!(
            (first.steps, first.store_operations, first.coverage),
            (second.steps, second.store_operations, second.coverage)
        );
        // In another thread, and without a trace.
        let other = std::thread::spawn(move || run(seed, &Settings::default()));
        assert_eq!(other.join().unwrap().digest, first.digest, "seed {seed}");
        digests.insert(first.digest.to_string());
    }
    assert_eq!(digests.len(), 12, "another seed is another run");
}
