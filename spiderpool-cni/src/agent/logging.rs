//! The agent's log, on standard error, written by a thread of its own: whoever collects it may be slow, or stand still, and
//! pods get their addresses.

use super::settings::LogVerbosity;
use clap::ValueEnum;
use std::io::IsTerminal;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Registry, fmt};

/// How to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, else JSON.
    Auto,
    /// Lines for people.
    Text,
    /// One JSON object each line.
    Json,
}

/// Why the log could not be set up: there is one already.
#[derive(Debug, thiserror::Error)]
#[error("the log is set up already")]
pub struct LogInitError(#[from] TryInitError);

impl From<LogVerbosity> for LevelFilter {
    fn from(verbosity: LogVerbosity) -> Self {
        match verbosity {
            LogVerbosity::Trace => Self::TRACE,
            LogVerbosity::Debug => Self::DEBUG,
            LogVerbosity::Info => Self::INFO,
            LogVerbosity::Warn => Self::WARN,
            LogVerbosity::Error => Self::ERROR,
        }
    }
}

/// So many lines wait for whoever reads the log; more are lost.
const WAITING: usize = 4_096;

/// The log's own thread. What still waits is written when this is dropped, if that does not take long.
#[derive(Debug)]
#[must_use = "the log ends with it"]
pub struct LogWriter {
    _guard: WorkerGuard,
    level: LogLevel,
}

impl LogWriter {
    /// What changes how much is logged.
    pub fn level(&self) -> LogLevel {
        self.level.clone()
    }
}

/// How much is logged, while it is.
#[derive(Clone, Debug, Default)]
pub struct LogLevel(Option<reload::Handle<LevelFilter, Registry>>);

impl LogLevel {
    /// From now on so much is logged.
    pub fn set(&self, verbosity: LogVerbosity) {
        // The only error is that the log has ended.
        let _ = self.0.as_ref().map(|handle| handle.reload(LevelFilter::from(verbosity)));
    }
}

/// Sets up the log of this process; once.
///
/// # Errors
/// There is a log already.
pub fn init(verbosity: LogVerbosity, format: LogFormat) -> Result<LogWriter, LogInitError> {
    let terminal = std::io::stderr().is_terminal();
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(WAITING)
        .thread_name("log")
        .finish(std::io::stderr());
    let (filter, handle) = reload::Layer::new(LevelFilter::from(verbosity));
    let lines = fmt::layer()
        .with_writer(writer)
        // Whoever read the log may have ended: complaining about that on standard error panics.
        .log_internal_errors(false)
        .with_ansi(terminal);
    let registry = tracing_subscriber::registry().with(filter);
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !terminal,
    };
    if json {
        registry.with(lines.json().flatten_event(true).with_span_list(false)).try_init()?;
    } else {
        registry.with(lines).try_init()?;
    }
    Ok(LogWriter { _guard: guard, level: LogLevel(Some(handle)) })
}
