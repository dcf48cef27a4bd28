//! The allocator under every schedule that a seed can think of (feature `simulation`).
//!
//! One thread runs agents, administrators and a controller against a store that fails, answers late or not at all;
//! pods come and go; processes die at any await point and come back; clocks jump. Every write that takes effect and
//! every answer is held against what must be so: I1 to I13 of the design. There is no clock, no thread and no chance
//! but the seed's, so the same seed gives the same run, to the last bit of its [`Digest`].
//!
//! ```
//! use spiderpool_core::simulation::{Settings, run};
//!
//! let report = run(7, &Settings::default());
//! assert_eq!(report.violation, None);
//! assert_eq!(report.digest, run(7, &Settings::default()).digest);
//! ```
//!
//! Whoever embeds the allocator can run it in tests of their own; `cargo xtask sim` runs many seeds, counts which
//! branches of the protocol they took, and replays one.

mod administrator;
mod chaos;
mod cluster;
mod controller;
pub(crate) mod coverage;
mod dice;
mod digest;
mod director;
mod executor;
mod invariants;
mod keeper;
mod kubelet;
mod ledger;
mod names;
mod process;
mod profile;
mod quiet;
mod requests;
mod run;
mod shortest;
mod sources;
mod tap;
mod time;
mod trace;
mod views;
mod world;

pub use coverage::Coverage;
pub use digest::Digest;
pub use ledger::Violation;
pub(crate) use run::runs_here;
pub use run::{Report, Settings, run};
pub use shortest::shortest;
