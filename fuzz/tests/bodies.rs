//! Every fuzz body over its seeds and over inputs made from them, the same ones on every run.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use spiderpool_fuzz::{BODIES, Body};

/// Made inputs per body, unless `SPIDERPOOL_FUZZ_RUNS` asks for another number.
const RUNS: u64 = 4_000;

/// The longest made input, in bytes.
const MAX_LEN: usize = 512;

#[test]
fn every_law_holds_on_every_seed() {
    for body in BODIES {
        for seed in seeds(body) {
            run(body, &seed);
        }
    }
}

#[test]
fn every_law_holds_on_made_inputs() {
    let runs =
        std::env::var("SPIDERPOOL_FUZZ_RUNS").map_or(RUNS, |runs| runs.parse().expect("a number of runs"));
    for body in BODIES {
        let seeds = seeds(body);
        for number in 0..runs {
            run(body, &Maker { state: number }.input(&seeds));
        }
    }
}

#[test]
fn every_body_has_its_program_and_its_seeds() {
    let manifest = fs::read_to_string(here("Cargo.toml")).expect("Cargo.toml");
    for Body { name, .. } in BODIES {
        let program = fs::read_to_string(here("fuzz_targets").join(format!("{name}.rs")));
        assert!(program.is_ok_and(|text| text.contains(&format!("spiderpool_fuzz::{name}(data)"))), "{name}");
        assert!(
            manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")),
            "{name} is not in Cargo.toml"
        );
    }
    let known: BTreeSet<String> = BODIES.iter().map(|body| body.name.to_owned()).collect();
    assert_eq!(names_in("seeds"), known, "folders in seeds/");
    let programs: BTreeSet<String> = known.iter().map(|name| format!("{name}.rs")).collect();
    assert_eq!(names_in("fuzz_targets"), programs, "programs in fuzz_targets/");
}

/// Runs a body, and on failure says with which input, in a form to make a seed of.
fn run(body: &Body, input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (body.run)(input))) {
        let hex = input.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        eprintln!(
            "\nthe fuzz body {name} failed; keep the input as a seed:\n  echo {hex} | xxd -r -p > fuzz/seeds/{name}/WHAT-IT-SHOWS\n",
            name = body.name
        );
        resume_unwind(panic);
    }
}

/// The committed seeds of a body, in the order of their names; never none.
fn seeds(body: &Body) -> Vec<Vec<u8>> {
    let folder = here("seeds").join(body.name);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry of the folder").path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no seed", folder.display());
    files.iter().map(|file| fs::read(file).expect("a readable seed")).collect()
}

fn names_in(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(here(folder)).expect("a readable folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Makes inputs from numbers: bytes drawn evenly, or seeds joined and changed in a few places.
struct Maker {
    state: u64,
}

impl Maker {
    fn input(mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut input = if self.below(4) == 0 {
            let len = self.below(MAX_LEN / 2);
            (0..len).map(|_| self.byte()).collect()
        } else {
            let (mut front, back) = (self.pick(seeds).clone(), self.pick(seeds));
            if self.below(3) == 0 {
                front.truncate(self.below(front.len() + 1));
                front.extend_from_slice(&back[self.below(back.len() + 1)..]);
            }
            for _ in 0..self.below(6) {
                self.change(&mut front, back);
            }
            front
        };
        input.truncate(MAX_LEN);
        input
    }

    /// One small change. Bytes put in come mostly from a seed, so that texts stay close to their grammar.
    fn change(&mut self, input: &mut Vec<u8>, seed: &[u8]) {
        let at = self.below(input.len() + 1);
        let byte = if seed.is_empty() || self.below(4) == 0 { self.byte() } else { *self.pick(seed) };
        match self.below(4) {
            0 => input.insert(at, byte),
            1 if at < input.len() => drop(input.remove(at)),
            2 if at < input.len() => input[at] = byte,
            _ if at < input.len() => input[at] ^= 1 << self.below(8),
            _ => input.push(byte),
        }
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// A number below `bound`, which is small, so that the remainder favours nothing that matters.
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    /// splitmix64 (Steele, Lea, Flood 2014): any state will do, neighbouring ones too.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
