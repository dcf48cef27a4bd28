//! Settings: every flag is also an environment variable, upstream's where it has one.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
};

use clap::{ArgAction, Parser, Subcommand};
use spiderpool_cni::agent::{Configuration, LogFormat, LogVerbosity};
use spiderpool_core::{
    autopool::Spare,
    model::Families,
    name::{NameError, Namespace, NodeName},
    select::{GroupKind, NotAKind},
};

use super::{clean::CleanSettings, init::InitSettings};
use crate::{
    LeaseTiming,
    auto::AutoPoolConfig,
    ports,
    webhook::{CertificateFiles, Deletions},
};

/// The API groups of third-party kinds that are followed unless told otherwise: OpenKruise and Argo.
const GROUPS: &str = "apps.kruise.io,argoproj.io";

/// Spiderpool's controller: pools of applications, the sweep, and what edits and crashes left half-done.
///
/// Any number of replicas may run; one of them leads. Pods get their addresses from the agents, also while no controller
/// runs.
#[derive(Clone, Debug, Parser)]
#[command(name = "spiderpool-controller", version, max_term_width = 100)]
pub struct Settings {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The namespace that Spiderpool is installed in: that of the leader's Lease.
    #[arg(
        long,
        env = "SPIDERPOOL_POD_NAMESPACE",
        value_name = "NAME",
        default_value = "kube-system",
        global = true
    )]
    pub namespace: String,

    /// The name of this process, under which it leads. Default: the host's name, which is that of the pod.
    #[arg(long, env = "SPIDERPOOL_POD_NAME", value_name = "NAME", global = true)]
    pub pod_name: Option<String>,

    /// The address to listen on.
    #[arg(long, env = "SPIDERPOOL_LISTEN_ADDRESS", value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::UNSPECIFIED), global = true)]
    pub address: IpAddr,

    /// The port of /v1/runtime/startup, readiness and liveness; 0 for any free one.
    #[arg(long, env = "SPIDERPOOL_HEALTH_PORT", value_name = "PORT", default_value_t = ports::HEALTH, global = true)]
    pub health_port: u16,

    /// The port of /metrics; 0 for any free one.
    #[arg(long, env = "SPIDERPOOL_METRIC_HTTP_PORT", value_name = "PORT", default_value_t = ports::METRICS, global = true)]
    pub metrics_port: u16,

    /// The port on 127.0.0.1 where the process tells what it is doing, as JSON; 0 for any free one.
    #[arg(long, env = "SPIDERPOOL_GOPS_LISTEN_PORT", value_name = "PORT", default_value_t = ports::DIAGNOSTICS, global = true)]
    pub diagnostics_port: u16,

    /// The port on 127.0.0.1 where `spiderpoolctl --controller` looks at everything, and changes nothing; 0 for any free one.
    #[arg(long, env = "SPIDERPOOL_CLI_PORT", value_name = "PORT", default_value_t = ports::CLI, global = true)]
    pub cli_port: u16,

    /// The configuration file: conf.yml of the ConfigMap spiderpool-conf, mounted. It is read again when it changes, and goes before
    /// flags (docs/configuration.md). Default: none.
    #[arg(long, env = "SPIDERPOOL_CONFIG_PATH", value_name = "PATH", global = true)]
    pub config_path: Option<PathBuf>,

    /// The port of the webhook; 0 for any free one.
    #[arg(long, env = "SPIDERPOOL_WEBHOOK_PORT", value_name = "PORT", default_value_t = ports::WEBHOOK, global = true)]
    pub webhook_port: u16,

    /// The webhook's certificate, in PEM; read again when the file changes. Without it the controller signs one itself and
    /// makes the API server believe it.
    #[arg(
        long,
        env = "SPIDERPOOL_TLS_SERVER_CERT",
        value_name = "PATH",
        requires = "tls_server_key",
        global = true
    )]
    pub tls_server_cert: Option<PathBuf>,

    /// The key of that certificate.
    #[arg(
        long,
        env = "SPIDERPOOL_TLS_SERVER_KEY",
        value_name = "PATH",
        requires = "tls_server_cert",
        global = true
    )]
    pub tls_server_key: Option<PathBuf>,

    /// The Service under which the API server asks the webhook; also the name of the webhook configurations.
    #[arg(
        long,
        env = "SPIDERPOOL_SERVICE_NAME",
        value_name = "NAME",
        default_value = "spiderpool-controller",
        global = true
    )]
    pub service_name: String,

    /// More names and addresses under which the webhook is asked, for a certificate that is signed here.
    #[arg(
        long,
        env = "SPIDERPOOL_TLS_EXTRA_NAMES",
        value_name = "NAMES",
        value_delimiter = ',',
        global = true
    )]
    pub tls_extra_names: Vec<String>,

    /// The service account that the controller runs as: its own edits are not judged by its webhook.
    #[arg(
        long,
        env = "SPIDERPOOL_SERVICE_ACCOUNT",
        value_name = "NAME",
        default_value = "spiderpool-controller",
        global = true
    )]
    pub service_account: String,

    /// Whether deleting a pool or a Subnet that is in use is refused. If not, it terminates, and goes with its last address.
    #[arg(long, env = "SPIDERPOOL_ENABLE_VALIDATING_RESOURCES_DELETED_WEBHOOK", value_name = "BOOL", default_value_t = false, action = ArgAction::Set, global = true)]
    pub guard_deletions: bool,

    /// How many addresses more than replicas an application's pool has where its pods do not say
    /// (ipam.spidernet.io/ippool-ip-number).
    #[arg(long, env = "SPIDERPOOL_DEFAULT_FLEXIBLE_IP_NUMBER", value_name = "NUMBER", default_value_t = Spare::default().0, global = true)]
    pub default_flexible_ip_number: u32,

    /// API groups of third-party kinds whose applications get pools; their objects must be readable
    /// (get, list, watch), and their definitions.
    #[arg(long, env = "SPIDERPOOL_THIRD_PARTY_GROUPS", value_name = "GROUPS", value_delimiter = ',', default_value = GROUPS, global = true)]
    pub third_party_groups: Vec<String>,

    /// Kinds besides StatefulSet whose pods keep their addresses, as GROUP/KIND: what the agents are told too. Their objects are
    /// followed (get, list, watch), so that what they want no more is free at once and not at the next full sweep.
    #[arg(
        long,
        env = "SPIDERPOOL_STATEFUL_KINDS",
        value_name = "GROUP/KIND,…",
        value_delimiter = ',',
        global = true
    )]
    pub stateful_kinds: Vec<String>,

    /// Whether pods get IPv4 addresses.
    #[arg(long, env = "SPIDERPOOL_ENABLE_IPV4", value_name = "BOOL", default_value_t = true, action = ArgAction::Set, global = true)]
    pub enable_ipv4: bool,

    /// Whether pods get IPv6 addresses.
    #[arg(long, env = "SPIDERPOOL_ENABLE_IPV6", value_name = "BOOL", default_value_t = true, action = ArgAction::Set, global = true)]
    pub enable_ipv6: bool,

    /// Whether applications that name a Subnet get pools of their own.
    #[arg(long, env = "SPIDERPOOL_ENABLE_AUTO_POOL_FOR_APPLICATION", value_name = "BOOL", default_value_t = true, action = ArgAction::Set, global = true)]
    pub enable_auto_pool: bool,

    /// Seconds between two full passes of the sweep; 0 for none.
    #[arg(
        long,
        env = "SPIDERPOOL_GC_DEFAULT_INTERVAL_DURATION",
        value_name = "SECONDS",
        default_value_t = 600,
        global = true
    )]
    pub sweep_interval: u64,

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
}

/// What the controller's program can do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run until SIGTERM. So it does without a command, too.
    Daemon,
    /// Create the default pools, and end. Those that are there are left as they are.
    Init(Box<InitSettings>),
    /// Undo what would keep objects waiting for a controller, and end: before Spiderpool is uninstalled.
    Clean(CleanSettings),
}

/// A setting that cannot be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingError {
    /// A name is none.
    #[error("{flag}: {source}")]
    Name {
        /// Which flag.
        flag: &'static str,
        /// Why it is none.
        #[source]
        source: NameError,
    },
    /// Both families are off.
    #[error("--enable-ipv4, --enable-ipv6: both families are off; enable at least one")]
    NoFamily,
    /// The times of the leader's lease.
    #[error("the environment: {0}")]
    Lease(#[from] crate::LeaseTimingError),
    /// A kind that is none.
    #[error("--stateful-kinds: {0}")]
    StatefulKind(#[source] NotAKind),
    /// The sweep's switches and delays.
    #[error("the environment: {0}")]
    Sweep(String),
}

impl Settings {
    /// These settings where `file` says nothing else.
    pub(super) fn under(&self, file: &Configuration) -> Self {
        let mut settings = self.clone();
        settings.log_level = file.log_level.unwrap_or(self.log_level);
        settings.enable_ipv4 = file.enable_ipv4.unwrap_or(self.enable_ipv4);
        settings.enable_ipv6 = file.enable_ipv6.unwrap_or(self.enable_ipv6);
        // Without Subnets there are no pools of applications either.
        settings.enable_auto_pool = file.enable_auto_pool_for_application.unwrap_or(self.enable_auto_pool)
            && file.enable_spider_subnet.unwrap_or(true);
        settings.guard_deletions =
            file.enable_validating_resources_deleted_webhook.unwrap_or(self.guard_deletions);
        settings.default_flexible_ip_number =
            file.default_flexible_ip_number.unwrap_or(self.default_flexible_ip_number);
        if let Some(groups) = &file.third_party_groups {
            settings.third_party_groups.clone_from(groups);
        }
        if let Some(kinds) = &file.stateful_kinds {
            settings.stateful_kinds.clone_from(kinds);
        }
        settings
    }

    pub(super) fn home(&self) -> Result<Namespace, SettingError> {
        Namespace::from_str(&self.namespace)
            .map_err(|source| SettingError::Name { flag: "--namespace", source })
    }

    /// The name under which it leads and writes.
    pub(super) fn host(&self) -> Result<NodeName, SettingError> {
        let of_host = || std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let name = self.pod_name.clone().unwrap_or_else(of_host);
        let name = match name.trim() {
            "" => "spiderpool-controller",
            name => name,
        };
        NodeName::new(name).map_err(|source| SettingError::Name { flag: "--pod-name", source })
    }

    pub(super) fn families(&self) -> Result<Families, SettingError> {
        match (self.enable_ipv4, self.enable_ipv6) {
            (true, true) => Ok(Families::Both),
            (true, false) => Ok(Families::V4),
            (false, true) => Ok(Families::V6),
            (false, false) => Err(SettingError::NoFamily),
        }
    }

    pub(super) fn auto_pools(&self) -> Result<AutoPoolConfig, SettingError> {
        Ok(AutoPoolConfig { spare: Spare(self.default_flexible_ip_number), families: self.families()? })
    }

    pub(super) fn lease(&self) -> Result<LeaseTiming, SettingError> {
        Ok(LeaseTiming::from_variables(|name| std::env::var(name).ok())?)
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = String> {
        self.third_party_groups.iter().map(|group| group.trim().to_owned()).filter(|group| !group.is_empty())
    }

    pub(super) fn health(&self) -> SocketAddr {
        (self.address, self.health_port).into()
    }

    pub(super) fn metrics(&self) -> SocketAddr {
        (self.address, self.metrics_port).into()
    }

    pub(super) fn diagnostics(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.diagnostics_port).into()
    }

    /// The kinds besides StatefulSet whose pods keep their addresses.
    pub(super) fn stateful(&self) -> Result<Vec<GroupKind>, SettingError> {
        GroupKind::read_all(&self.stateful_kinds).map_err(SettingError::StatefulKind)
    }

    pub(super) fn cli(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.cli_port).into()
    }

    pub(super) fn webhook(&self) -> SocketAddr {
        (self.address, self.webhook_port).into()
    }

    /// The user that the API server knows the controller as.
    pub(super) fn own_user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.service_account)
    }

    pub(super) fn deletions(&self) -> Deletions {
        if self.guard_deletions { Deletions::Guarded } else { Deletions::Terminate }
    }

    /// The certificate that is given; none: it is signed here.
    pub(super) fn certificate(&self) -> Option<CertificateFiles> {
        let (certificate, key) = self.tls_server_cert.clone().zip(self.tls_server_key.clone())?;
        Some(CertificateFiles { certificate, key })
    }

    /// The names under which the API server asks the webhook.
    pub(super) fn names(&self) -> Vec<String> {
        let (service, namespace) = (&self.service_name, &self.namespace);
        let mut names = vec![
            format!("{service}.{namespace}.svc"),
            format!("{service}.{namespace}"),
            format!("{service}.{namespace}.svc.cluster.local"),
        ];
        names.extend(self.tls_extra_names.iter().map(|name| name.trim().to_owned()));
        names.retain(|name| !name.is_empty());
        names
    }
}
