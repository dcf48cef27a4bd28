//! `spiderpool-controller`, the process: settings, leadership, health, figures, what the leader does; and what is done once
//! before the first start and after the last.

mod clean;
mod events;
mod health;
mod init;
mod leader;
mod leading;
mod live;
mod metrics;
mod run;
mod settings;
mod sweep;
mod tend;
mod tls;

pub use clean::{CleanError, CleanSettings, clean};
pub use init::{InitError, InitSettings, init};
pub use metrics::sample_metrics;
pub use run::{ControllerError, run};
pub use settings::{Command, Settings};
