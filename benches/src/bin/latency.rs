//! Grant and release through the public API on the memory store, one by one: a table of what the fastest tenth, half
//! and 99 % of them stay below, by pool, fill and block size.
//!
//! `latency [OPERATIONS] [BLOCK-BITS…]`. On a busy machine the fastest tenth is what the code costs; the criterion
//! benchmark `memory` measures the same pools' means.

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use spiderpool_benches::{Bed, Churn, fixed, timed};
use spiderpool_core::{model::BlockBits, store::MemoryStore};

/// Pools by their prefix: subnet, range, and how many addresses are held when it is measured.
const POOLS: [(&str, &str, &str, &[usize]); 4] = [
    ("/24", "10.0.0.0/24", "10.0.0.0-10.0.0.255", &[0, 128, 230, 253]),
    ("/16", "10.0.0.0/16", "10.0.0.0-10.0.255.255", &[0, 32_768, 58_982, 64_881]),
    ("/12", "10.0.0.0/12", "10.0.0.0-10.15.255.255", &[0, 524_288, 943_718, 1_038_090]),
    ("IPv6 /64", "fd00::/64", "fd00::-fd00::ffff:ffff:ffff:ffff", &[0, 100_000, 1_000_000]),
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let operations = match arguments.next() {
        None => 20_000,
        Some(Ok(operations)) => operations.max(100),
        Some(Err(_)) => return ExitCode::FAILURE,
    };
    let mut bits: Vec<_> =
        arguments.filter_map(|bits| BlockBits::new(u8::try_from(bits.ok()?).ok()?)).map(Some).collect();
    if bits.is_empty() {
        bits.push(None);
    }
    let mut out = io::stdout().lock();
    match bits.into_iter().try_for_each(|bits| table(&mut out, operations, bits)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn table(out: &mut impl Write, operations: usize, bits: Option<BlockBits>) -> io::Result<()> {
    let store = || bits.map_or_else(MemoryStore::new, MemoryStore::with_block_bits);
    writeln!(
        out,
        "| pool | held | block | grant, µs: 10 % | 50 % | 99 % | release, µs: 10 % | 50 % | 99 % |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|")?;
    for (name, subnet, range, fills) in POOLS {
        let mut churn = Churn::new(Bed::new(Arc::new(store()), fixed(), subnet, range));
        let size = churn.bed.allocator.block_bits().size();
        for held in fills {
            churn.fill(*held);
            measure(&mut churn, operations / 4);
            let (grants, releases) = measure(&mut churn, operations);
            let shown = |times: &[Duration]| {
                let at = |percent: usize| times[times.len() * percent / 100].as_nanos() as f64 / 1_000.0;
                format!("{:.2} | {:.2} | {:.2}", at(10), at(50), at(99))
            };
            writeln!(out, "| {name} | {held} | {size} | {} | {} |", shown(&grants), shown(&releases))?;
            out.flush()?;
        }
    }
    Ok(())
}

/// The times of `operations` grants and as many releases, ascending.
fn measure(churn: &mut Churn, operations: usize) -> (Vec<Duration>, Vec<Duration>) {
    let (mut grants, mut releases): (Vec<_>, Vec<_>) =
        (0..operations).map(|_| churn.turn_timed(timed)).unzip();
    grants.sort_unstable();
    releases.sort_unstable();
    (grants, releases)
}
