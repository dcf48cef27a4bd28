//! Grant and release through the public API on the memory store, at every fill: at most 5 µs each, and the same
//! within a factor of 2 whatever the pool's size and fill.

use std::{sync::Arc, time::Duration};

use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main, measurement::WallTime,
};
use spiderpool_benches::{Bed, Churn, RecordMap, fixed, timed};
use spiderpool_core::store::MemoryStore;

/// The time of `iterations` grants, and of as many releases.
fn churn(churn: &mut Churn, iterations: u64) -> (Duration, Duration) {
    let turns = (0..iterations).map(|_| churn.turn_timed(timed));
    turns.fold((Duration::ZERO, Duration::ZERO), |sum, turn| (sum.0 + turn.0, sum.1 + turn.1))
}

fn both(group: &mut BenchmarkGroup<'_, WallTime>, pods: &mut Churn, case: &str) {
    group.bench_function(BenchmarkId::new("grant", case), |bench| {
        bench.iter_custom(|iterations| churn(pods, iterations).0);
    });
    group.bench_function(BenchmarkId::new("release", case), |bench| {
        bench.iter_custom(|iterations| churn(pods, iterations).1);
    });
}

fn bed(subnet: &str, range: &str) -> Churn {
    Churn::new(Bed::new(Arc::new(MemoryStore::new()), fixed(), subnet, range))
}

fn memory(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("memory");
    group.sample_size(30).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    let v4 = [
        ("24", "10.0.0.0/24", "10.0.0.0-10.0.0.255", 1 << 8),
        ("16", "10.0.0.0/16", "10.0.0.0-10.0.255.255", 1 << 16),
        ("12", "10.0.0.0/12", "10.0.0.0-10.15.255.255", 1 << 20),
    ];
    for (prefix, subnet, range, size) in v4 {
        let mut pods = bed(subnet, range);
        for fill in [0, 50, 90, 99] {
            pods.fill(size * fill / 100);
            both(&mut group, &mut pods, &format!("v4-{prefix}/{fill}%"));
        }
    }
    let mut pods = bed("fd00::/64", "fd00::-fd00::ffff:ffff:ffff:ffff");
    for held in [0, 100_000, 1_000_000] {
        pods.fill(held);
        both(&mut group, &mut pods, &format!("v6-64/{held}"));
    }
    group.finish();
}

/// What memory alone takes: in the plainest map of the same records, by the same uids, a random one is taken out and
/// another put in. Nothing that keeps as many records can release one in less than the first takes.
fn map(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("map");
    group.sample_size(30).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for held in [128, 32_768, 524_288, 1_000_000] {
        let mut map = RecordMap::filled(held);
        group.bench_function(BenchmarkId::new("take", held), |bench| {
            bench.iter_custom(|iterations| (0..iterations).map(|_| map.turn_timed(timed)).sum());
        });
    }
    group.finish();
}

criterion_group!(benches, memory, map);
criterion_main!(benches);
