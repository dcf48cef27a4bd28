//! `spiderpool-controller`. Everything is in `spiderpool_operator::process`.

use std::process::ExitCode;

use clap::Parser;
use spiderpool_cni::agent::run_process;
use spiderpool_operator::process::{Command, Settings, clean, init, run};

fn main() -> ExitCode {
    let settings = Settings::parse();
    let (level, format) = (settings.log_level, settings.log_format);
    match settings.command.clone() {
        Some(Command::Init(wanted)) => run_process(level, format, |_| async move { init(&wanted).await }),
        Some(Command::Clean(wanted)) => run_process(level, format, |_| async move { clean(&wanted).await }),
        Some(Command::Daemon) | None => run_process(level, format, |level| run(settings, level)),
    }
}
