//! `spiderpool-agent`, the node daemon. Everything is in `spiderpool_cni::agent`.

use clap::Parser;
use spiderpool_cni::agent::{Settings, daemon, run_process};
use std::process::ExitCode;

fn main() -> ExitCode {
    let settings = Settings::parse();
    run_process(settings.log_level, settings.log_format, |level| daemon(settings, level))
}
