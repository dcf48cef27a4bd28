//! One case of `cargo xtask instructions`, which counts its instructions under callgrind.
//!
//! Without arguments it names the cases, one per line. `instructions CASE ITERATIONS` runs one: each iteration is a
//! grant or a release, through the public API on the memory store. Clock and random numbers
//! are fixed, so that every run is the same.

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
};

use spiderpool_benches::{Bed, Churn, fixed};
use spiderpool_core::store::MemoryStore;

/// What an iteration counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Grant,
    Release,
}

/// The fills of a pool of 2^16 addresses, in percent.
const CASES: [(&str, What, usize); 6] = [
    ("grant-0", What::Grant, 0),
    ("grant-50", What::Grant, 50),
    ("grant-99", What::Grant, 99),
    ("release-0", What::Release, 0),
    ("release-50", What::Release, 50),
    ("release-99", What::Release, 99),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut out = io::stdout().lock();
    match arguments.as_slice() {
        [] => {
            for (case, ..) in CASES {
                if writeln!(out, "{case}").is_err() {
                    return ExitCode::FAILURE;
                }
            }
            ExitCode::SUCCESS
        }
        [case, iterations] => {
            let case = CASES.iter().find(|(name, ..)| name == case);
            let (Some((_, what, fill)), Ok(iterations @ 0..=MOST)) = (case, iterations.parse()) else {
                return usage();
            };
            run(*what, *fill, iterations);
            ExitCode::SUCCESS
        }
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    // Nothing can be done if even that cannot be said.
    let _ =
        writeln!(io::stderr(), "usage: instructions [CASE ITERATIONS]; without arguments it names the cases");
    ExitCode::FAILURE
}

/// Addresses of the pool.
const SIZE: usize = 1 << 15;

/// The most iterations of a run. All requests are made beforehand, whatever the number, so that making them drops out.
const MOST: usize = 512;

fn run(what: What, fill: usize, iterations: usize) {
    let bed = Bed::new(Arc::new(MemoryStore::new()), fixed(), "10.0.0.0/17", "10.0.0.0-10.0.127.255");
    let mut churn = Churn::new(bed);
    // The second half of the iterations of the longer run is what counts; the fill is right in its middle.
    let drift = MOST * 3 / 4;
    let target = SIZE * fill / 100;
    churn.fill(SIZE);
    match what {
        What::Grant => {
            churn.drain(target.saturating_sub(drift));
            let requests = churn.adds(MOST);
            for request in requests.iter().take(iterations) {
                churn.bed.add(request);
            }
        }
        What::Release => {
            // There is always something to release.
            churn.drain((target + drift).clamp(MOST, SIZE));
            let requests = churn.dels(MOST);
            for request in requests.iter().take(iterations) {
                churn.bed.del(request);
            }
        }
    }
    // Taking it all down is no part of it.
    std::process::exit(0);
}
