//! The pure decision inside a grant and a release: what one block becomes. A free address is found, the record written;
//! no store, no lock, no copy of the block. Under 500 ns each.
//!
//! Every address of the blocks has been held before, so that the longest idle one has to be found.

use std::{hint::black_box, sync::Arc, time::Duration};

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use pollster::block_on;
use spiderpool_benches::{Bed, add_request, del_request, fixed};
use spiderpool_core::{
    model::{Attachment, Block, BlockBits, GrantKey, Record},
    name::NodeName,
    protocol::{Action, Grant, Intent, PoolRef, Release, Truths, apply},
    store::{Kind, MemoryStore, Selector, Store, Token},
    time::{Moment, Timestamp},
};

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// The first block of a pool, with the copies of its plans, and one address held.
fn block(bits: BlockBits) -> Option<(Block, Arc<PoolRef>)> {
    let store = Arc::new(MemoryStore::with_block_bits(bits));
    let bed = Bed::new(store.clone(), fixed(), "10.0.0.0/24", "10.0.0.0-10.0.0.63");
    bed.add(&add_request(&bed.pool, 0));
    let listed = block_on(store.list(&Selector::Kind(Kind::Block))).ok()?;
    let block = listed.items.first()?.document.as_block()?;
    Some((Block::clone(block), bed.pool))
}

fn grant(pool: &Arc<PoolRef>, pod: u64) -> Option<Intent> {
    let request = add_request(pool, pod);
    let part = request.parts.first()?;
    let key = GrantKey { owner: request.owner.uid.clone(), slot: part.slot.clone(), family: part.family };
    let record = Record {
        pool: pool.uid.clone(),
        owner: request.owner.clone(),
        controller: request.controller.clone(),
        slot: part.slot.clone(),
        interface: part.interface.clone(),
        network: request.network.clone(),
        attachment: Attachment::Container(request.container.clone()),
        node: NodeName::new("node-1").ok()?,
        binding: request.binding,
        since: NOW,
    };
    let grant = Grant { key, record: Arc::new(record), pool: pool.clone(), wanted: None, claim: None };
    Some(Intent { action: Action::Grant(grant), deadline: Moment::NEVER })
}

fn release(pool: &Arc<PoolRef>, pod: u64) -> Option<Intent> {
    let key = match grant(pool, pod)?.action {
        Action::Grant(grant) => grant.key,
        _ => return None,
    };
    let request = del_request(pod);
    let release = Release { key, fence: request.fence, mode: request.mode };
    Some(Intent { action: Action::Release(release), deadline: Moment::NEVER })
}

/// Applies `intent`, which has to change the block.
fn change(intent: &Intent, block: &mut Block, token: &Token, truths: &Truths) {
    let applied = apply(black_box(intent), block, token, truths, NOW);
    assert!(applied.is_ok(), "nothing else has to be read");
    black_box(applied).ok();
}

fn decision(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decision");
    group.sample_size(30).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    let (token, truths) = (Token::new("1"), Truths::default());
    for bits in [4, 6] {
        let Some((mut full, pool)) = BlockBits::new(bits).and_then(block) else { continue };
        let size = u64::from(full.bits().size());
        for pod in 1..size {
            let Some(intent) = grant(&pool, pod) else { continue };
            change(&intent, &mut full, &token, &truths);
        }
        assert_eq!(full.held().count_ones() as u64, size, "it is full");
        for percent in [0, 50, 90, 99] {
            let held = (size * percent / 100).min(size - 1);
            let mut block = full.clone();
            for pod in (held..size).rev() {
                let Some(intent) = release(&pool, pod) else { continue };
                change(&intent, &mut block, &token, &truths);
            }
            assert_eq!(u64::from(block.held().count_ones()), held, "as many as are meant");
            let case = format!("{size}/{percent}%");
            if let Some(intent) = grant(&pool, size) {
                group.bench_function(BenchmarkId::new("grant", &case), |bench| {
                    let change = |block: &mut Block| change(&intent, block, &token, &truths);
                    bench.iter_batched_ref(|| block.clone(), change, BatchSize::SmallInput);
                });
            }
            if held > 0
                && let Some(intent) = release(&pool, held / 2)
            {
                group.bench_function(BenchmarkId::new("release", &case), |bench| {
                    let change = |block: &mut Block| change(&intent, block, &token, &truths);
                    bench.iter_batched_ref(|| block.clone(), change, BatchSize::SmallInput);
                });
            }
        }
    }
    group.finish();
}

criterion_group!(benches, decision);
criterion_main!(benches);
