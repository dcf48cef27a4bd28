//! `spiderpool-agent`, the node daemon. Everything is in `spiderpool_cni::agent`.

use clap::Parser;
use spiderpool_cni::agent::{Settings, daemon, init_logging};
use std::process::ExitCode;

fn main() -> ExitCode {
    let settings = Settings::parse();
    // The only error is that a log is there already.
    let _ = init_logging(settings.log_level, settings.log_format);
    // One thread: the work is waiting for the store, which has threads of its own where it blocks.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the runtime cannot be started");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(daemon(settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
