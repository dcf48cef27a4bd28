//! How much is done: little in an ordinary test run, as much as wanted in `cargo xtask soak`.

use crate::dice::Dice;
use std::env;

/// What the environment asks for.
fn variable(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is {value}, and should be a number")))
}

/// How often something is done: as the variable says, else as often as an ordinary test run does.
pub(crate) fn times(name: &str, ordinary: u64) -> u64 {
    variable(name).unwrap_or(ordinary)
}

/// The dice of a test, and the seed that throws them. What processes and threads do in between is not repeatable, so a seed
/// gives the same moments, not the same run.
pub(crate) fn dice(test: &str) -> Dice {
    let seed = variable("SPIDERPOOL_SOAK_SEED").unwrap_or(1);
    println!("{test}: seed {seed}");
    Dice::new(seed)
}
