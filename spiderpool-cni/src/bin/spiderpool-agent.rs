//! `spiderpool-agent`, the node daemon. Everything is in `spiderpool_cni::agent`.

use clap::Parser;
use spiderpool_cni::agent::Settings;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let settings = Settings::parse();
    let store = settings.store;
    // Nobody is left to be told if this fails.
    let _ = writeln!(std::io::stderr(), "spiderpool-agent: this build has no allocator to run on {store}");
    ExitCode::FAILURE
}
