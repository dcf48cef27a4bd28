//! `spiderpool-controller`. Everything is in `spiderpool_operator::process`.

use std::process::ExitCode;

use clap::Parser;
use spiderpool_cni::agent::run_process;
use spiderpool_operator::process::{Settings, run};

fn main() -> ExitCode {
    let settings = Settings::parse();
    run_process(settings.log_level, settings.log_format, |level| run(settings, level))
}
