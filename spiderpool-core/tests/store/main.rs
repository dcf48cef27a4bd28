//! The conformance kit over the stores of core, and over stores that are wrong on purpose.
#![expect(clippy::unwrap_used, reason = "tests")]

mod broken;
mod codec;
mod conformance;
mod harness;
mod table;
