//! CNI network configurations (specification 1.0.0, section 1).

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use crate::lab::network::{BRIDGE, PARENT};

/// Which main plugin attaches pods to the node's network.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(crate) enum PluginType {
    /// A macvlan interface of the parent for each pod.
    #[default]
    Macvlan,
    /// A veth pair for each pod, the other end in a bridge over the parent.
    Bridge,
}

impl PluginType {
    /// The name of the plugin's binary.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Macvlan => "macvlan",
            Self::Bridge => "bridge",
        }
    }
}

/// The `ipam` section that is the same for all networks of a lab.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct IpamSettings {
    /// The agent's socket.
    pub(crate) socket: PathBuf,
    /// The plugin's log file.
    pub(crate) log: PathBuf,
}

/// One network: its name and the configuration of its plugins, in order.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Network {
    /// Its name.
    pub(crate) name: String,
    /// The version of its configuration.
    pub(crate) cni_version: String,
    /// Its plugins; never empty.
    pub(crate) plugins: Vec<Map<String, Value>>,
}

/// Why a network definition cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("network {network}: spec.config: {problem}")]
pub(crate) struct NetworkError {
    network: String,
    problem: String,
}

impl Network {
    /// The network `name` over the lab's parent interface.
    pub(crate) fn over_parent(name: &str, plugin: PluginType, ipam: &IpamSettings) -> Self {
        let own = match plugin {
            PluginType::Macvlan => json!({"type": "macvlan", "master": PARENT, "mode": "bridge"}),
            PluginType::Bridge => json!({"type": "bridge", "bridge": BRIDGE, "promiscMode": false}),
        };
        let mut own = object(own);
        own.insert("ipam".into(), spiderpool(Map::new(), ipam));
        Self { name: name.into(), cni_version: "1.0.0".into(), plugins: vec![own] }
    }

    /// The network that a NetworkAttachmentDefinition defines. Its plugins stay as they are, except for what only
    /// the lab knows: the parent interface, the agent's socket and the log file.
    pub(crate) fn defined(
        name: &str,
        config: &str,
        plugin: PluginType,
        ipam: &IpamSettings,
    ) -> Result<Self, NetworkError> {
        let wrong = |problem: String| NetworkError { network: name.into(), problem };
        let config: Map<String, Value> =
            serde_json::from_str(config).map_err(|error| wrong(error.to_string()))?;
        let text = |key: &str| config.get(key).and_then(Value::as_str).map(str::to_owned);
        let (own_name, version) = (text("name"), text("cniVersion"));
        let plugins = match config.get("plugins") {
            None => vec![config],
            Some(Value::Array(plugins)) if plugins.iter().all(Value::is_object) && !plugins.is_empty() => {
                plugins.iter().cloned().map(object).collect()
            }
            Some(_) => return Err(wrong("plugins is not a list of plugin configurations".into())),
        };
        let plugins = plugins.into_iter().map(|own| fit(own, plugin, ipam)).collect();
        let name = own_name.filter(|own| !own.is_empty()).unwrap_or_else(|| name.replace('/', "-"));
        Ok(Self { name, cni_version: version.unwrap_or_else(|| "1.0.0".into()), plugins })
    }

    /// The configuration that the `index`-th plugin reads, with the result of the one before it.
    pub(crate) fn config(&self, index: usize, previous: Option<&Value>) -> Map<String, Value> {
        let mut config = self.plugins.get(index).cloned().unwrap_or_default();
        config.insert("cniVersion".into(), self.cni_version.clone().into());
        config.insert("name".into(), self.name.clone().into());
        if let Some(previous) = previous {
            config.insert("prevResult".into(), previous.clone());
        }
        config
    }
}

/// A plugin's configuration made to run in the lab. A main plugin that this machine may not have (ipvlan, sriov)
/// is replaced by the lab's.
fn fit(mut own: Map<String, Value>, plugin: PluginType, ipam: &IpamSettings) -> Map<String, Value> {
    let Some(Value::Object(written)) = own.remove("ipam") else { return own };
    let Value::Object(ours) = (match plugin {
        PluginType::Macvlan => json!({"type": "macvlan", "master": PARENT, "mode": "bridge"}),
        PluginType::Bridge => json!({"type": "bridge", "bridge": BRIDGE}),
    }) else {
        return own;
    };
    own.extend(ours);
    own.insert("ipam".into(), spiderpool(written, ipam));
    own
}

fn spiderpool(mut written: Map<String, Value>, ipam: &IpamSettings) -> Value {
    written.insert("type".into(), "spiderpool".into());
    written.insert("ipam_unix_socket_path".into(), ipam.socket.to_string_lossy().into());
    written.insert("log_file_path".into(), ipam.log.to_string_lossy().into());
    Value::Object(written)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ipam() -> IpamSettings {
        IpamSettings { socket: "/lab/agent.sock".into(), log: "/lab/plugin.log".into() }
    }

    #[test]
    fn a_network_over_the_parent_names_the_agents_socket() {
        let network = Network::over_parent("default", PluginType::Macvlan, &ipam());
        insta::assert_json_snapshot!(network.config(0, None), @r#"
        {
          "cniVersion": "1.0.0",
          "ipam": {
            "ipam_unix_socket_path": "/lab/agent.sock",
            "log_file_path": "/lab/plugin.log",
            "type": "spiderpool"
          },
          "master": "eth0",
          "mode": "bridge",
          "name": "default",
          "type": "macvlan"
        }
        "#);
    }

    #[test]
    fn a_defined_network_keeps_its_pools_and_gets_the_labs_parent() {
        let config = r#"{"cniVersion": "0.3.1", "name": "vlan6", "plugins": [
            {"type": "ipvlan", "master": "ens192", "ipam": {"type": "spiderpool", "default_ipv4_ippool": ["p"]}},
            {"type": "tuning", "sysctl": {}}
        ]}"#;
        let network = Network::defined("kube-system/vlan6", config, PluginType::Macvlan, &ipam()).unwrap();
        assert_eq!((network.name.as_str(), network.cni_version.as_str()), ("vlan6", "0.3.1"));
        insta::assert_json_snapshot!(network.plugins, @r#"
        [
          {
            "ipam": {
              "default_ipv4_ippool": [
                "p"
              ],
              "ipam_unix_socket_path": "/lab/agent.sock",
              "log_file_path": "/lab/plugin.log",
              "type": "spiderpool"
            },
            "master": "eth0",
            "mode": "bridge",
            "type": "macvlan"
          },
          {
            "sysctl": {},
            "type": "tuning"
          }
        ]
        "#);
        let error = Network::defined("a/b", r#"{"plugins": 3}"#, PluginType::Macvlan, &ipam()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "network a/b: spec.config: plugins is not a list of plugin configurations"
        );
    }
}
