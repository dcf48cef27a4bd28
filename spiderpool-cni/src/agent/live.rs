//! Settings that may change while the daemon runs: those that the configuration file has.

use super::{ConfigurationFile, DaemonError, LogLevel, Settings};
use crate::node::{Node, Offer};
use spiderpool_core::model::Families;
use spiderpool_core::select::{AutoPools, StatefulKinds};
use std::sync::Arc;

/// What the settings say pods get.
pub(super) fn offer(settings: &Settings) -> Result<Offer, DaemonError> {
    let families = match (settings.enable_ipv4, settings.enable_ipv6) {
        (true, true) => Families::Both,
        (true, false) => Families::V4,
        (false, true) => Families::V6,
        (false, false) => {
            let why = "both families are off; enable at least one".into();
            return Err(DaemonError::Setting { flag: "--enable-ipv4, --enable-ipv6", why });
        }
    };
    let mut stateful =
        if settings.enable_statefulset { StatefulKinds::default() } else { StatefulKinds::none() };
    for kind in settings.stateful_kinds.iter().map(|kind| kind.trim()).filter(|kind| !kind.is_empty()) {
        let Some((group, kind)) =
            kind.split_once('/').filter(|(group, kind)| !group.is_empty() && !kind.is_empty())
        else {
            let why = format!("{kind:?} is not GROUP/KIND, such as apps.kruise.io/StatefulSet");
            return Err(DaemonError::Setting { flag: "--stateful-kinds", why });
        };
        stateful = stateful.and(group, kind);
    }
    let auto_pools = if settings.enable_spider_subnet { AutoPools::Enabled } else { AutoPools::Disabled };
    Ok(Offer { families, stateful, auto_pools })
}

/// The settings as they were given, and the file that goes before them.
#[derive(Debug)]
pub(super) struct Live {
    given: Settings,
    file: ConfigurationFile,
    level: LogLevel,
}

impl Live {
    /// Reads the file. Beside it the settings in force.
    pub(super) fn read(given: Settings, level: LogLevel) -> Result<(Self, Settings), DaemonError> {
        let (file, said) = ConfigurationFile::open(given.config_path.as_deref())?;
        let now = given.under(&said);
        level.set(now.log_level);
        Ok((Self { given, file, level }, now))
    }

    /// Puts each change of the file into force, for ever.
    pub(super) async fn follow(mut self, node: Arc<Node>) {
        loop {
            let settings = self.given.under(&self.file.changed().await);
            self.level.set(settings.log_level);
            match offer(&settings) {
                Ok(offer) => {
                    tracing::info!(?offer, log_level = ?settings.log_level, "a new configuration is in force");
                    node.offer(offer);
                }
                Err(error) => tracing::error!("{error}; what pods get stays as it was"),
            }
        }
    }
}
