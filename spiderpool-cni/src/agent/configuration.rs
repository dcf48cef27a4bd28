//! The configuration file of the daemons, `conf.yml` of the ConfigMap `spiderpool-conf`: read at the start and again when it
//! changes. What it says goes before flags and variables.

use super::settings::LogVerbosity;
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

/// How often the file is looked at. A kubelet takes up to a minute to show a change in it.
const LOOK: Duration = Duration::from_secs(2);

/// What the file says; what is not in it is left to flags and variables. The names are upstream's where it has one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Configuration {
    /// How much to log.
    pub log_level: Option<LogVerbosity>,
    /// Whether pods get IPv4 addresses.
    #[serde(rename = "enableIPv4")]
    pub enable_ipv4: Option<bool>,
    /// Whether pods get IPv6 addresses.
    #[serde(rename = "enableIPv6")]
    pub enable_ipv6: Option<bool>,
    /// Whether pods of a StatefulSet keep their addresses.
    pub enable_stateful_set: Option<bool>,
    /// Other kinds whose pods keep their addresses, `apps.kruise.io/StatefulSet`.
    pub stateful_kinds: Option<Vec<String>>,
    /// Whether Subnet annotations are served at all.
    pub enable_spider_subnet: Option<bool>,
    /// Whether applications that name a Subnet get pools of their own.
    pub enable_auto_pool_for_application: Option<bool>,
    /// Whether deleting a pool or a Subnet in use is refused.
    pub enable_validating_resources_deleted_webhook: Option<bool>,
    /// Spare addresses of an application's pool.
    #[serde(rename = "clusterSubnetDefaultFlexibleIPNumber")]
    pub default_flexible_ip_number: Option<u32>,
    /// API groups of third-party kinds that are followed.
    pub third_party_groups: Option<Vec<String>>,
}

/// What upstream's file has besides: nothing of it has an effect here.
const OF_UPSTREAM: [&str; 11] = [
    "ipamUnixSocketPath",
    "enableKubevirtStaticIP",
    "enableIPConflictDetection",
    "enableGatewayDetection",
    "enableCleanOutdatedEndpoint",
    "tuneSysctlConfig",
    "podResourceInject",
    "iaasNetworkProvider",
    "agent",
    "clusterNetwork",
    "networkMode",
];

/// The keys of [`Configuration`].
const KNOWN: [&str; 10] = [
    "logLevel",
    "enableIPv4",
    "enableIPv6",
    "enableStatefulSet",
    "statefulKinds",
    "enableSpiderSubnet",
    "enableAutoPoolForApplication",
    "enableValidatingResourcesDeletedWebhook",
    "clusterSubnetDefaultFlexibleIPNumber",
    "thirdPartyGroups",
];

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigurationError {
    /// It cannot be read.
    #[error("the configuration file {}: {source}; mount the ConfigMap there, or change --config-path", .path.display())]
    Read {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is not what it should be.
    #[error("the configuration file {}: {why}", .path.display())]
    Content {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl Configuration {
    /// Reads the text of the file. Beside it the keys that nobody knows.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(text: &str) -> Result<(Self, Vec<String>), String> {
        let value: Value = match text.trim() {
            "" => Value::Null,
            text => serde_saphyr::from_str(text).map_err(|error| error.to_string())?,
        };
        let mut object = match value {
            Value::Null => serde_json::Map::new(),
            Value::Object(object) => object,
            _ => return Err("it has to be a map of keys and values".into()),
        };
        object.retain(|_, value| !value.is_null());
        let unknown = object
            .keys()
            .filter(|key| !KNOWN.contains(&key.as_str()) && !OF_UPSTREAM.contains(&key.as_str()));
        let unknown = unknown.cloned().collect();
        let read = serde_json::from_value(Value::Object(object)).map_err(|error| error.to_string())?;
        Ok((read, unknown))
    }
}

/// The file, and what it said last; or none, which never changes.
#[derive(Debug)]
pub struct ConfigurationFile(Option<Said>);

#[derive(Debug)]
struct Said {
    path: PathBuf,
    text: String,
}

impl ConfigurationFile {
    /// Reads the file, if there is to be one.
    ///
    /// # Errors
    /// It is not there, or wrong.
    pub fn open(path: Option<&Path>) -> Result<(Self, Configuration), ConfigurationError> {
        let Some(path) = path else { return Ok((Self(None), Configuration::default())) };
        let text = fs::read_to_string(path)
            .map_err(|source| ConfigurationError::Read { path: path.to_owned(), source })?;
        let said = Said { path: path.to_owned(), text };
        let read = said.read(&said.text)?;
        Ok((Self(Some(said)), read))
    }

    /// Waits until the file says something else, and can be read. A file that is gone or wrong changes nothing, and is told.
    ///
    /// Cancellation: nothing is lost.
    pub async fn changed(&mut self) -> Configuration {
        match &mut self.0 {
            Some(said) => said.changed().await,
            None => std::future::pending().await,
        }
    }
}

impl Said {
    fn read(&self, text: &str) -> Result<Configuration, ConfigurationError> {
        let content = |why| ConfigurationError::Content { path: self.path.clone(), why };
        let (read, unknown) = Configuration::parse(text).map_err(content)?;
        for key in unknown {
            tracing::warn!(path = %self.path.display(), key, "nobody knows this key of the configuration file");
        }
        Ok(read)
    }

    async fn changed(&mut self) -> Configuration {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Some(read) = self.look() {
                return read;
            }
        }
    }

    /// What the file says now, if it is something else than before and can be read.
    fn look(&mut self) -> Option<Configuration> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) if text == self.text => return None,
            Ok(text) => text,
            Err(error) => {
                tracing::debug!(path = %self.path.display(), %error, "the configuration file cannot be read now");
                return None;
            }
        };
        let read = self.read(&text);
        self.text = text;
        let refused = |error: &_| tracing::error!("{error}; the old configuration stays in force");
        read.inspect_err(refused).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{Configuration, ConfigurationFile, KNOWN, LogVerbosity, OF_UPSTREAM};
    use std::fs;

    #[test]
    fn upstreams_file_is_taken_and_typos_are_told() {
        let text = "
ipamUnixSocketPath: /var/run/spidernet/spiderpool.sock
enableIPv4: true
enableIPv6: false
enableStatefulSet: true
enableSpiderSubnet: true
enableAutoPoolForApplication: false
clusterSubnetDefaultFlexibleIPNumber: 2
tuneSysctlConfig: true
podResourceInject: {enabled: false}
logLevel: DEBUG
statefulKinds: [apps.kruise.io/StatefulSet]
thirdPartyGroups:
enableIpv6: true
";
        let (read, unknown) = Configuration::parse(text).unwrap();
        assert_eq!(unknown, ["enableIpv6"]);
        assert_eq!(
            read,
            Configuration {
                log_level: Some(LogVerbosity::Debug),
                enable_ipv4: Some(true),
                enable_ipv6: Some(false),
                enable_stateful_set: Some(true),
                stateful_kinds: Some(vec!["apps.kruise.io/StatefulSet".into()]),
                enable_spider_subnet: Some(true),
                enable_auto_pool_for_application: Some(false),
                default_flexible_ip_number: Some(2),
                ..Configuration::default()
            }
        );
        assert_eq!(Configuration::parse("").unwrap(), (Configuration::default(), vec![]));
        for wrong in
            ["enableIPv4: maybe", "- a", "clusterSubnetDefaultFlexibleIPNumber: -1", "logLevel: loud"]
        {
            Configuration::parse(wrong).unwrap_err();
        }
    }

    #[test]
    fn the_docs_name_every_key() {
        let docs = include_str!("../../../docs/configuration.md");
        let rows = |heading: &str| {
            let (_, section) = docs.split_once(&format!("\n## {heading}\n")).unwrap();
            let section = section.split("\n## ").next().unwrap();
            section
                .lines()
                .filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(key, _)| key.to_owned()))
                .collect::<Vec<_>>()
        };
        assert_eq!(rows("Keys"), KNOWN);
        assert_eq!(rows("Keys of upstream without effect"), OF_UPSTREAM);
    }

    #[test]
    fn a_change_is_seen_and_a_wrong_file_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("conf.yml");
        ConfigurationFile::open(Some(&path)).unwrap_err();
        fs::write(&path, "enableIPv6: true").unwrap();
        let (file, first) = ConfigurationFile::open(Some(&path)).unwrap();
        assert_eq!(first.enable_ipv6, Some(true));
        let mut said = file.0.unwrap();
        assert_eq!(said.look(), None);
        fs::write(&path, "enableIPv6: perhaps").unwrap();
        assert_eq!(said.look(), None);
        fs::remove_file(&path).unwrap();
        assert_eq!(said.look(), None);
        fs::write(&path, "enableIPv6: false").unwrap();
        assert_eq!(said.look().unwrap().enable_ipv6, Some(false));
        assert_eq!(said.look(), None);
    }
}
