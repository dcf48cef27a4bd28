//! `spiderpool-agent`, the node daemon. Everything is in `spiderpool_cni::agent`.

use clap::Parser;
use spiderpool_cni::agent::{Command, Settings, daemon, install_plugin, run_process};
use std::process::ExitCode;

fn main() -> ExitCode {
    let settings = Settings::parse();
    match settings.command.clone() {
        Some(Command::InstallPlugin { from, into }) => {
            run_process(settings.log_level, settings.log_format, |_| async move {
                let installed = install_plugin(&from, &into)?;
                tracing::info!(from = %from.display(), into = %into.display(), "the plugin is there: {installed}");
                Ok::<_, spiderpool_cni::agent::InstallError>(())
            })
        }
        Some(Command::Daemon) | None => {
            run_process(settings.log_level, settings.log_format, |level| daemon(settings, level))
        }
    }
}
