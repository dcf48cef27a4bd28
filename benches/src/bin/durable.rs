//! Durable grants a second on sled: one requester against many, beside the store's own compare-and-swap.
//!
//! `durable [SECONDS] [BLOCK-BITS…]` prints a table. Each case grants addresses of a /64 for that long; every grant is
//! on the disk before it is acknowledged.

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use pollster::block_on;
use spiderpool_benches::{Bed, CountingStore, Sizes, add_request, stopwatch};
use spiderpool_core::{
    addr::Family,
    env::Env,
    model::{Block, BlockBits, BlockId},
    name::ScopeName,
    store::{Key, Store},
};
use spiderpool_store_sled::{SledConfig, SledStore};

/// How the requesters run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Each in a thread of its own.
    Threads,
    /// All in one, as an agent's runtime does.
    Joined,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let seconds = match arguments.next().map(|seconds| seconds.parse()) {
        None => 2.0,
        Some(Ok(seconds)) => seconds,
        Some(Err(_)) => return ExitCode::FAILURE,
    };
    let mut bits: Vec<_> = arguments.filter_map(|bits| BlockBits::new(bits.parse().ok()?)).collect();
    if bits.is_empty() {
        bits.push(BlockBits::MAX);
    }
    match run(Duration::from_secs_f64(seconds), &bits) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn run(time: Duration, bits: &[BlockBits]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "| what | block | requesters | a second | times one | writes per grant |")?;
    writeln!(out, "|---|---|---|---|---|---|")?;
    let ways = [("threads", Way::Threads), ("futures in one thread", Way::Joined)];
    let mut one = 0.0;
    for (name, way) in ways {
        for count in [1, 16, 64, 256] {
            let rate = writes(time, way, count)?;
            one = if count == 1 { rate } else { one };
            writeln!(out, "| compare-and-swap, {name} | | {count} | {rate:.0} | {:.1} | |", rate / one)?;
        }
    }
    for bits in bits {
        for (name, way) in ways {
            for count in [1, 16, 64, 256] {
                let (rate, writes) = grants(time, *bits, way, count)?;
                one = if count == 1 { rate } else { one };
                let size = bits.size();
                let times = rate / one;
                writeln!(out, "| grant, {name} | {size} | {count} | {rate:.0} | {times:.1} | {writes:.2} |")?;
                out.flush()?;
            }
        }
    }
    Ok(())
}

/// Runs `count` requesters until the time is over; what all of them did, per second. A requester goes on as long as
/// it is told to, and says how much it did.
fn repeat<F: Future<Output = u64>>(
    time: Duration,
    way: Way,
    count: u64,
    requester: impl Fn(u64, Arc<dyn Fn() -> bool + Send + Sync>) -> F + Sync,
) -> f64 {
    let elapsed = stopwatch();
    let until = elapsed.clone();
    let go_on: Arc<dyn Fn() -> bool + Send + Sync> = Arc::new(move || until() < time);
    let start = |number| requester(number, go_on.clone());
    let done: u64 = match way {
        Way::Joined => block_on(join_all((0..count).map(start))).iter().sum(),
        Way::Threads => std::thread::scope(|scope| {
            let start = &start;
            let run = |number| scope.spawn(move || block_on(start(number)));
            let threads: Vec<_> = (0..count).map(run).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).sum()
        }),
    };
    done as f64 / elapsed().as_secs_f64()
}

/// Compare-and-swaps per second, each requester on a document of its own.
fn writes(time: Duration, way: Way, count: u64) -> io::Result<f64> {
    let directory = tempfile::tempdir()?;
    let store = open(&directory, BlockBits::MAX)?;
    Ok(repeat(time, way, count, |requester, go_on| {
        let store = &store;
        async move {
            let id =
                BlockId { scope: ScopeName::default_scope(), family: Family::V4, index: requester.into() };
            let key = Key::Block(id.clone());
            let mut block = Block::empty(id, BlockBits::MAX);
            let Ok(mut token) = store.create(&key, block.clone().into()).await else { return 0 };
            let mut done = 0;
            while go_on() {
                block.bump();
                let Ok(written) = store.update(&key, &token, block.clone().into()).await else { break };
                token = written;
                done += 1;
            }
            done
        }
    }))
}

/// Grants per second, writes per grant.
fn grants(time: Duration, bits: BlockBits, way: Way, count: u64) -> io::Result<(f64, f64)> {
    let directory = tempfile::tempdir()?;
    let store = CountingStore::new(open(&directory, bits)?, Sizes::Ignored);
    let range = "fd00::-fd00::ffff:ffff:ffff:ffff";
    let bed = Bed::new(Arc::new(store.clone()), Env::system(), "fd00::/64", range);
    let _ = store.take();
    let granted = AtomicU64::new(0);
    let rate = repeat(time, way, count, |requester, go_on| {
        let (bed, granted) = (&bed, &granted);
        async move {
            let mut done = 0;
            while go_on() {
                let request = add_request(&bed.pool, requester << 32 | done);
                if bed.allocator.add(&request).await.is_err() {
                    break;
                }
                done += 1;
            }
            granted.fetch_add(done, Ordering::Relaxed);
            done
        }
    });
    let counted = store.take();
    let granted = granted.load(Ordering::Relaxed);
    Ok((rate, counted.writes as f64 / granted as f64))
}

fn open(directory: &tempfile::TempDir, bits: BlockBits) -> io::Result<SledStore> {
    let mut config = SledConfig::at(directory.path().join("db"));
    config.block_bits = bits;
    SledStore::open(&config, &Env::system()).map_err(io::Error::other)
}
