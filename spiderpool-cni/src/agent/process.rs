//! The life of a daemon's process, from its log to its exit code.

use super::logging::{LogFormat, init};
use super::settings::LogVerbosity;
use std::fmt::Display;
use std::process::ExitCode;

/// Sets up the log, runs `work` to its end on one thread, and says why it failed if it did. One thread is enough: the work
/// is waiting for the store, which has threads of its own where it blocks.
pub fn run_process<E: Display>(
    verbosity: LogVerbosity,
    format: LogFormat,
    work: impl Future<Output = Result<(), E>>,
) -> ExitCode {
    // The only error is that a log is there already.
    let _log = init(verbosity, format);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the runtime cannot be started");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(work) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
