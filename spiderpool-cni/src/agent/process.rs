//! The life of a daemon's process, from its log to its exit code.

use super::logging::{LogFormat, LogLevel, LogWriter, init};
use super::settings::LogVerbosity;
use std::fmt::Display;
use std::process::ExitCode;

/// Sets up the log, runs `work` to its end on one thread (it may change how much is logged), and says why it failed if it did. One thread is enough: the work
/// is waiting for the store, which has threads of its own where it blocks.
pub fn run_process<E: Display, F: Future<Output = Result<(), E>>>(
    verbosity: LogVerbosity,
    format: LogFormat,
    work: impl FnOnce(LogLevel) -> F,
) -> ExitCode {
    // The only error is that a log is there already.
    let log = init(verbosity, format).ok();
    let level = log.as_ref().map(LogWriter::level).unwrap_or_default();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the runtime cannot be started");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(work(level)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
