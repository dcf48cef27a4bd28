//! `spiderpool-agent`, the node daemon: it serves the API of [`crate::api`] on a Unix socket, replays the
//! spool, and tells about its health and its figures.
//!
//! What it serves is behind one trait, [`Ipam`]; everything here is the shell around it.

mod configuration;
mod daemon;
mod diagnostics;
mod drain;
mod health;
mod install;
mod ipam;
mod leader;
mod live;
mod logging;
mod metrics;
mod process;
mod replay;
mod routes;
mod run;
mod settings;
mod socket;
mod store_routes;
mod sweeper;

pub use configuration::{Configuration, ConfigurationError, ConfigurationFile};
pub use daemon::{DaemonError, daemon};
pub use diagnostics::{Diagnostics, router as diagnostics_router};
pub use drain::Drain;
pub use install::{InstallError, Installed, install_plugin};
pub use ipam::{Budget, Ipam};
pub use leader::LeaseDuration;
pub use logging::{LogFormat, LogInitError, LogLevel, LogWriter, init as init_logging};
pub use metrics::{Metered, Metrics, sample as sample_metrics};
pub use process::run_process;
pub use replay::Replay;
pub use run::{Agent, Bound, ServeError, Services, stop_signal};
pub use settings::{Command, ListenAddr, LogVerbosity, Settings};
pub use socket::{AgentSocket, SocketError};
pub use store_routes::reading_router;
pub use sweeper::SweepInterval;
