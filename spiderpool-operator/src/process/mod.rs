//! `spiderpool-controller`, the process: settings, leadership, health, figures, and what the leader does.

mod events;
mod health;
mod leader;
mod leading;
mod live;
mod metrics;
mod run;
mod settings;
mod sweep;
mod tls;

pub use metrics::sample_metrics;
pub use run::{ControllerError, run};
pub use settings::{Command, Settings};
