//! The `ipam` section of a network configuration. Keys and defaults are upstream's, `spool_dir` is ours.

use super::field::{Object, invalid};
use super::{CniError, Code};
use std::path::PathBuf;

/// The agent's socket unless `ipam_unix_socket_path` says otherwise.
pub const DEFAULT_SOCKET: &str = "/var/run/spidernet/spiderpool.sock";
/// The plugin's log unless `log_file_path` says otherwise.
pub const DEFAULT_LOG_FILE: &str = "/var/log/spidernet/spiderpool.log";

/// How much the plugin logs. Ordered from most to least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Requests and answers too.
    Debug,
    /// One line for each call (default).
    Info,
    /// Only what is unusual.
    Warn,
    /// Only failures. `fatal` and `panic`, which upstream knows too, are read as this.
    Error,
}

impl LogLevel {
    /// The level as it is written in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "debug" => Self::Debug,
            "" | "info" => Self::Info,
            "warn" | "warning" => Self::Warn,
            "error" | "fatal" | "panic" => Self::Error,
            _ => return None,
        })
    }
}

/// Where and how the plugin logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConf {
    /// `log_level`.
    pub level: LogLevel,
    /// `log_file_path`.
    pub file: PathBuf,
    /// `log_file_max_size` in MB (10^6 bytes), at least 1; 0 means the default of 100.
    pub max_megabytes: u32,
    /// `log_file_max_age` in days; 0 keeps old files however old.
    pub max_days: u32,
    /// `log_file_max_count` of old files; 0 keeps any number.
    pub max_files: u32,
}

/// The `ipam` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpamConf {
    /// `log_level`, `log_file_*`.
    pub log: LogConf,
    /// `ipam_unix_socket_path`, absolute.
    pub socket: PathBuf,
    /// `spool_dir`: where releases wait that found no agent. Absent: `spool` next to the socket.
    pub spool_dir: PathBuf,
    /// `default_ipv4_ippool`: pool names or patterns, in order.
    pub ipv4_pools: Vec<String>,
    /// `default_ipv6_ippool`.
    pub ipv6_pools: Vec<String>,
    /// `clean_gateway`: no default route through the pool's gateway.
    pub clean_gateway: bool,
    /// `match_master_subnet`: only pools that hold an address of the parent interface (SR-IOV).
    pub match_master_subnet: bool,
}

fn absolute(ipam: Object<'_>, key: &str) -> Result<Option<PathBuf>, CniError> {
    match ipam.text(key)?.filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(path) if path.starts_with('/') => Ok(Some(PathBuf::from(path))),
        Some(path) => {
            let path: String = path.chars().take(80).collect();
            let msg = format!("{} is {path:?}, but must be an absolute path", ipam.path(key));
            Err(invalid(msg, "Write the path from the root, as the plugin may be started anywhere."))
        }
    }
}

fn pools(ipam: Object<'_>, key: &str) -> Result<Vec<String>, CniError> {
    let pools = ipam.texts(key)?;
    if pools.iter().any(|pool| pool.trim().is_empty()) {
        let msg = format!("{} holds an empty pool name", ipam.path(key));
        return Err(invalid(msg, "Remove it, or leave the key out to have pools chosen otherwise."));
    }
    Ok(pools.into_iter().map(str::to_owned).collect())
}

impl IpamConf {
    pub(super) fn read(ipam: Object<'_>) -> Result<Self, CniError> {
        let level = ipam.text("log_level")?.unwrap_or_default();
        let level = LogLevel::parse(level).ok_or_else(|| {
            let level: String = level.chars().take(80).collect();
            let msg = format!("network configuration: ipam.log_level {level:?} is not supported");
            CniError::new(Code::UnsupportedField, msg, "Use debug, info, warn or error.")
        })?;
        let log = LogConf {
            level,
            file: PathBuf::from(
                ipam.text("log_file_path")?.filter(|text| !text.is_empty()).unwrap_or(DEFAULT_LOG_FILE),
            ),
            max_megabytes: ipam.count("log_file_max_size")?.filter(|size| *size > 0).unwrap_or(100),
            max_days: ipam.count("log_file_max_age")?.unwrap_or(30),
            max_files: ipam.count("log_file_max_count")?.unwrap_or(7),
        };
        let socket = absolute(ipam, "ipam_unix_socket_path")?.unwrap_or_else(|| DEFAULT_SOCKET.into());
        let spool_dir = absolute(ipam, "spool_dir")?.unwrap_or_else(|| crate::spool::default_dir(&socket));
        Ok(Self {
            log,
            socket,
            spool_dir,
            ipv4_pools: pools(ipam, "default_ipv4_ippool")?,
            ipv6_pools: pools(ipam, "default_ipv6_ippool")?,
            clean_gateway: ipam.boolean("clean_gateway")?,
            match_master_subnet: ipam.boolean("match_master_subnet")?,
        })
    }
}
