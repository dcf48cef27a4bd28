//! Settings that may change while the daemon runs: those that the configuration file has.

use super::{ConfigurationFile, DaemonError, LogLevel, Settings};
use crate::node::{Node, Offer};
use spiderpool_core::model::Families;
use spiderpool_core::select::{AutoPools, GroupKind, StatefulKinds};
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
    let stateful = if settings.enable_statefulset { StatefulKinds::default() } else { StatefulKinds::none() };
    let declared = GroupKind::read_all(&settings.stateful_kinds)
        .map_err(|error| DaemonError::Setting { flag: "--stateful-kinds", why: error.to_string() })?;
    let stateful = declared.into_iter().fold(stateful, StatefulKinds::and);
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

#[cfg(test)]
mod tests {
    use super::offer;
    use crate::agent::{Configuration, Settings};
    use clap::Parser;
    use rstest::rstest;
    use spiderpool_core::model::{Controller, Families};
    use spiderpool_core::select::AutoPools;

    fn controller(api_version: &str) -> Controller {
        Controller {
            api_version: api_version.into(),
            kind: "StatefulSet".into(),
            name: "web".parse().unwrap(),
            uid: "u".parse().unwrap(),
        }
    }

    #[test]
    fn the_file_goes_before_flags() {
        let given = ["spiderpool-agent", "--enable-ipv6", "true", "--stateful-kinds", "other.io/StatefulSet"];
        let settings = Settings::try_parse_from(given).unwrap();
        let (file, _) = Configuration::parse(
            "{enableIPv6: false, statefulKinds: [apps.kruise.io/StatefulSet], enableSpiderSubnet: false}",
        )
        .unwrap();
        let before = offer(&settings).unwrap();
        assert_eq!((before.families, before.auto_pools), (Families::Both, AutoPools::Enabled));
        assert!(before.stateful.contains(&controller("other.io/v1")));
        let after = offer(&settings.under(&file)).unwrap();
        assert_eq!((after.families, after.auto_pools), (Families::V4, AutoPools::Disabled));
        let known = ["apps/v1", "apps.kruise.io/v1beta1", "other.io/v1"]
            .map(|of| after.stateful.contains(&controller(of)));
        assert_eq!(known, [true, true, false]);
    }

    #[rstest]
    #[case("StatefulSet")]
    #[case("apps.kruise.io/")]
    #[case("/StatefulSet")]
    fn a_kind_has_a_group(#[case] kind: &str) {
        let settings = Settings::try_parse_from(["spiderpool-agent", "--stateful-kinds", kind]).unwrap();
        let error = offer(&settings).unwrap_err().to_string();
        assert!(error.starts_with("--stateful-kinds: ") && error.contains("is not GROUP/KIND"), "{error}");
    }
}
