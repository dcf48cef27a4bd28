//! Settings: every flag is also an environment variable.

use super::{Configuration, LeaseDuration, LogFormat, SweepInterval};
use crate::cni::DEFAULT_SOCKET;
use crate::node::{Endpoints, Reach};
use crate::store_url::StoreUrl;
use clap::{ArgAction, Parser, Subcommand, ValueEnum};
use serde::Deserialize;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// Where to listen for TCP: an address and port, a port alone (on 127.0.0.1), or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenAddr {
    /// Listen nowhere.
    Off,
    /// Listen here; port 0 takes any free one.
    At(SocketAddr),
}

impl FromStr for ListenAddr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("off") {
            return Ok(Self::Off);
        }
        if let Ok(port) = text.parse::<u16>() {
            return Ok(Self::At((Ipv4Addr::LOCALHOST, port).into()));
        }
        // ":5710" is how Go programs say "any address".
        if let Some(port) = text.strip_prefix(':').and_then(|port| port.parse::<u16>().ok()) {
            return Ok(Self::At((IpAddr::from(Ipv4Addr::UNSPECIFIED), port).into()));
        }
        text.parse().map(Self::At).map_err(|_| {
            format!("{text:?} is not ADDRESS:PORT (127.0.0.1:5710, [::]:5710), a port, or \"off\"")
        })
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::At(address) => address.fmt(f),
        }
    }
}

/// How much is logged; the words are upstream's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(try_from = "String")]
pub enum LogVerbosity {
    /// Everything, every store operation included.
    Trace,
    /// Requests and answers.
    Debug,
    /// One line for each grant and release.
    Info,
    /// Only what is unusual.
    Warn,
    /// Only failures.
    #[value(aliases = ["fatal", "panic"])]
    Error,
}

impl TryFrom<String> for LogVerbosity {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        Self::from_str(&word, true)
    }
}

/// The node daemon of Spiderpool: grants addresses to the pods of its node.
///
/// It serves the CNI plugin `spiderpool` and `spiderpoolctl --agent` on a Unix socket (docs/agent-api.md).
#[derive(Clone, Debug, Parser)]
#[command(name = "spiderpool-agent", version, max_term_width = 100)]
pub struct Settings {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Where everything is kept: sled://PATH (a directory), etcd://HOST,… or kube (where built with
    /// them), or memory:// (lost at the end).
    #[arg(
        long,
        env = "SPIDERPOOL_STORE",
        value_name = "URL",
        default_value = "sled:///var/lib/spiderpool",
        global = true
    )]
    pub store: StoreUrl,

    /// The Unix socket that the plugin talks to; mode 0600.
    #[arg(
        long,
        env = "SPIDERPOOL_IPAM_UNIX_SOCKET_PATH",
        value_name = "PATH",
        default_value = DEFAULT_SOCKET,
        global = true
    )]
    pub socket: PathBuf,

    /// The name of this node, as in the cluster. Default: the host's name.
    #[arg(long, env = "SPIDERPOOL_NODE_NAME", value_name = "NAME", global = true)]
    pub node_name: Option<String>,

    /// Where releases wait that found no agent. Default: "spool" next to the socket.
    #[arg(long, env = "SPIDERPOOL_SPOOL_DIR", value_name = "PATH", global = true)]
    pub spool_dir: Option<PathBuf>,

    /// Where this node keeps what it has to know after a restart: of the process, not of the machine. Default: "node" in
    /// the database's directory, or "node" next to the socket where the store is of many machines; nowhere with memory://.
    #[arg(long, env = "SPIDERPOOL_STATE_DIR", value_name = "PATH", global = true)]
    pub state_dir: Option<PathBuf>,

    /// Seconds between two passes of the sweep, which frees addresses that nobody uses; "off" for never.
    #[arg(
        long,
        env = "SPIDERPOOL_SWEEP_INTERVAL",
        value_name = "SECONDS",
        default_value = "60",
        global = true
    )]
    pub sweep_interval: SweepInterval,

    /// What the sweep looks at on a store of many machines. Where spiderpool-controller runs, it sees to nodes that are gone, and
    /// own-node is enough for agents; they then need no lease and finish no edits.
    #[arg(
        long,
        env = "SPIDERPOOL_SWEEP_REACH",
        value_enum,
        ignore_case = true,
        default_value = "everything",
        global = true
    )]
    pub sweep_reach: Reach,

    /// On a store of many machines one agent leads, and sweeps for nodes that are gone: how many seconds after its death
    /// the next one does.
    #[arg(
        long,
        env = "SPIDERPOOL_LEASE_DURATION",
        value_name = "SECONDS",
        default_value = "15",
        global = true
    )]
    pub lease_duration: LeaseDuration,

    /// How many seconds a request waits for spiderpool-controller to make the pool of its pod's application, before it is
    /// refused; a tenth of it for a pool that is full to grow.
    #[arg(
        long,
        env = "SPIDERPOOL_WAIT_SUBNET_POOL",
        value_name = "SECONDS",
        default_value_t = 50,
        global = true
    )]
    pub auto_pool_patience: u64,

    /// Where health is told: /v1/runtime/startup, readiness and liveness. "off" for nowhere.
    #[arg(
        long,
        env = "SPIDERPOOL_HEALTH_ADDR",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:5710",
        global = true
    )]
    pub health_addr: ListenAddr,

    /// Where Prometheus scrapes /metrics. "off" for nowhere.
    #[arg(
        long,
        env = "SPIDERPOOL_METRICS_ADDR",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:5711",
        global = true
    )]
    pub metrics_addr: ListenAddr,

    /// Where the process tells what it is doing, as JSON. Whoever reaches it may read it: leave it on a loopback address. "off"
    /// for nowhere.
    #[arg(
        long,
        env = "SPIDERPOOL_GOPS_LISTEN_PORT",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:5712",
        global = true
    )]
    pub diagnostics_addr: ListenAddr,

    /// The configuration file: conf.yml of the ConfigMap spiderpool-conf, mounted. It is read again when it changes, and goes before
    /// flags (docs/configuration.md). Default: none.
    #[arg(long, env = "SPIDERPOOL_CONFIG_PATH", value_name = "PATH", global = true)]
    pub config_path: Option<PathBuf>,

    /// How much to log.
    #[arg(
        long,
        env = "SPIDERPOOL_LOG_LEVEL",
        value_enum,
        ignore_case = true,
        default_value = "info",
        global = true
    )]
    pub log_level: LogVerbosity,

    /// How to log, on standard error.
    #[arg(
        long,
        env = "SPIDERPOOL_LOG_FORMAT",
        value_enum,
        ignore_case = true,
        default_value = "auto",
        global = true
    )]
    pub log_format: LogFormat,

    /// Whether pods get IPv4 addresses.
    #[arg(long, env = "SPIDERPOOL_ENABLE_IPV4", value_name = "BOOL", default_value_t = true, action = ArgAction::Set, global = true)]
    pub enable_ipv4: bool,

    /// Whether pods get IPv6 addresses.
    #[arg(long, env = "SPIDERPOOL_ENABLE_IPV6", value_name = "BOOL", default_value_t = true, action = ArgAction::Set, global = true)]
    pub enable_ipv6: bool,

    /// Whether pods of a StatefulSet keep their addresses when they are created again.
    #[arg(
        long,
        env = "SPIDERPOOL_ENABLE_STATEFULSET",
        value_name = "BOOL",
        default_value_t = true,
        action = ArgAction::Set,
        global = true
    )]
    pub enable_statefulset: bool,

    /// More kinds whose pods keep their addresses, as GROUP/KIND: apps.kruise.io/StatefulSet. Their pods have to be named as a
    /// StatefulSet's are, and their replicas to be in spec.replicas; the agent has to be allowed to get them.
    #[arg(
        long,
        env = "SPIDERPOOL_STATEFUL_KINDS",
        value_name = "GROUP/KIND,…",
        value_delimiter = ',',
        global = true
    )]
    pub stateful_kinds: Vec<String>,

    /// Whether annotations that name Subnets are served.
    #[arg(
        long,
        env = "SPIDERPOOL_ENABLE_SPIDER_SUBNET",
        value_name = "BOOL",
        default_value_t = true,
        action = ArgAction::Set,
        global = true
    )]
    pub enable_spider_subnet: bool,

    /// Whose SpiderEndpoints are written: of all pods, or of those alone whose addresses outlive them.
    #[arg(
        long,
        env = "SPIDERPOOL_ENDPOINTS",
        value_enum,
        ignore_case = true,
        default_value = "all",
        global = true
    )]
    pub endpoints: Endpoints,

    /// The namespace Spiderpool is installed in: where a network of spec.multusName without a namespace is.
    #[arg(
        long,
        env = "SPIDERPOOL_POD_NAMESPACE",
        value_name = "NAMESPACE",
        default_value = "kube-system",
        global = true
    )]
    pub namespace: String,

    /// The cluster network of Multus as NAMESPACE/NAME: the network of eth0 where a pod names none.
    #[arg(long, env = "MULTUS_CLUSTER_NETWORK", value_name = "NAMESPACE/NAME", global = true)]
    pub multus_cluster_network: Option<String>,
}

/// What the agent's program can do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run until SIGTERM. So it does without a command, too.
    Daemon,
    /// Put the CNI plugin into the node's folder, whole or not at all, and end.
    InstallPlugin {
        /// The plugin.
        #[arg(long, value_name = "PATH", default_value = "/usr/bin/spiderpool")]
        from: PathBuf,
        /// The folder where the runtime looks for plugins.
        #[arg(long, value_name = "PATH", default_value = "/opt/cni/bin")]
        into: PathBuf,
    },
}

impl Settings {
    /// These settings where `file` says nothing else.
    pub fn under(&self, file: &Configuration) -> Self {
        let mut settings = self.clone();
        settings.log_level = file.log_level.unwrap_or(self.log_level);
        settings.enable_ipv4 = file.enable_ipv4.unwrap_or(self.enable_ipv4);
        settings.enable_ipv6 = file.enable_ipv6.unwrap_or(self.enable_ipv6);
        settings.enable_statefulset = file.enable_stateful_set.unwrap_or(self.enable_statefulset);
        settings.enable_spider_subnet = file.enable_spider_subnet.unwrap_or(self.enable_spider_subnet);
        if let Some(kinds) = &file.stateful_kinds {
            settings.stateful_kinds.clone_from(kinds);
        }
        settings
    }

    /// The spool directory in force.
    pub fn spool_dir(&self) -> PathBuf {
        self.spool_dir.clone().unwrap_or_else(|| crate::spool::default_dir(&self.socket))
    }

    /// The state directory in force; none where nothing outlives the process anyway.
    pub fn state_dir(&self) -> Option<PathBuf> {
        let beside = || self.socket.parent().filter(|_| self.store.is_shared()).map(|dir| dir.join("node"));
        self.state_dir.clone().or_else(|| self.store.state_dir()).or_else(beside)
    }

    /// The node's name in force; `None` where it is neither set nor known to the kernel.
    pub fn node_name(&self) -> Option<String> {
        let set = self.node_name.clone();
        set.or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok())
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::{ListenAddr, Settings};
    use clap::Parser;
    use rstest::rstest;

    #[rstest]
    #[case("127.0.0.1:5710", "127.0.0.1:5710")]
    #[case("5710", "127.0.0.1:5710")]
    #[case(":5710", "0.0.0.0:5710")]
    #[case("[::]:5710", "[::]:5710")]
    #[case("OFF", "off")]
    fn listen_addresses(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(text.parse::<ListenAddr>().unwrap().to_string(), shown);
    }

    #[rstest]
    #[case(&["--health-addr", "localhost:5710"])]
    #[case(&["--health-addr", "70000"])]
    #[case(&["--log-level", "chatty"])]
    #[case(&["--enable-ipv4", "maybe"])]
    #[case(&["--enable-ipv4"])]
    #[case(&["extra"])]
    fn wrong_flags(#[case] flags: &[&str]) {
        assert!(Settings::try_parse_from(["spiderpool-agent"].iter().chain(flags)).is_err());
    }

    #[test]
    fn upstreams_log_levels_are_known() {
        for level in ["debug", "info", "warn", "error", "fatal", "panic", "INFO"] {
            Settings::try_parse_from(["spiderpool-agent", "--log-level", level]).unwrap();
        }
    }
}
