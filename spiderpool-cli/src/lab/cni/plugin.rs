//! Running one plugin (specification, section 2: environment in, JSON on standard input, JSON out).

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::lab::process::{Job, RunError, Runner};

/// Longer than the deadline that the plugin sets itself.
const LIMIT: Duration = Duration::from_secs(130);

/// Where plugins are found, and in which namespace they run.
#[derive(Clone, Debug)]
pub(crate) struct Plugins {
    /// `CNI_PATH`, in order.
    pub(crate) path: Vec<PathBuf>,
    /// The node's network namespace; none: the lab has no network.
    pub(crate) node: Option<PathBuf>,
}

/// What one call is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    /// `CNI_COMMAND`.
    pub(crate) command: &'static str,
    /// `CNI_CONTAINERID`, `CNI_NETNS`, `CNI_IFNAME`, `CNI_ARGS`; none for calls about no attachment.
    pub(crate) attachment: Option<&'a super::Attachment>,
    /// The type of the plugin.
    pub(crate) plugin: &'a str,
    /// Standard input.
    pub(crate) config: &'a Map<String, Value>,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CniFailure {
    /// No such plugin on the path.
    #[error("there is no CNI plugin {plugin} in {}", list(.path))]
    NoPlugin { plugin: String, path: Vec<PathBuf> },
    /// The plugin could not be run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The plugin refused.
    #[error("{error}")]
    Refused { plugin: String, command: &'static str, error: ErrorResult },
    /// What it wrote is not what the specification says.
    #[error("plugin {plugin} answered {command} with something that is no result: {words}")]
    Garbled { plugin: String, command: &'static str, words: String },
}

impl CniFailure {
    /// Whether the lab was told to stop.
    pub(crate) fn is_interrupt(&self) -> bool {
        matches!(self, Self::Run(RunError::Interrupted))
    }

    /// Whether the same call may succeed later without anybody doing anything (CNI code 11, "try again later").
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Refused { error: ErrorResult { code: 11, .. }, .. })
    }
}

/// A plugin's error (specification, section 5).
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(crate) struct ErrorResult {
    /// The code.
    pub(crate) code: u32,
    /// What happened.
    #[serde(default)]
    pub(crate) msg: String,
    /// More about it.
    #[serde(default)]
    pub(crate) details: String,
}

impl fmt::Display for ErrorResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.msg)?;
        if !self.details.is_empty() {
            write!(f, " ({})", self.details)?;
        }
        Ok(())
    }
}

fn list(path: &[PathBuf]) -> String {
    path.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(", ")
}

impl Plugins {
    /// The plugin's file.
    pub(crate) fn find(&self, plugin: &str) -> Result<PathBuf, CniFailure> {
        let missing = || CniFailure::NoPlugin { plugin: plugin.into(), path: self.path.clone() };
        if plugin.is_empty() || plugin.contains('/') {
            return Err(missing());
        }
        let files = self.path.iter().map(|dir| dir.join(plugin));
        files.into_iter().find(|file| is_executable(file)).ok_or_else(missing)
    }

    /// Makes one call. Commands without a result (CHECK, DEL, GC, STATUS) answer null.
    pub(crate) async fn call(&self, runner: &Runner, call: Call<'_>) -> Result<Value, CniFailure> {
        let Call { command, attachment, plugin, config } = call;
        let input = serde_json::to_vec(config).unwrap_or_default();
        let path = std::env::join_paths(&self.path).unwrap_or_else(|_| OsString::new());
        let mut job = Job::new(self.find(plugin)?).limit(LIMIT).input(input);
        job = job.env("CNI_COMMAND", command).env("CNI_PATH", path);
        if let Some(attachment) = attachment {
            job = job
                .env("CNI_CONTAINERID", &attachment.container)
                .env("CNI_NETNS", &attachment.netns)
                .env("CNI_IFNAME", &attachment.interface)
                .env("CNI_ARGS", attachment.args());
        }
        if let Some(node) = &self.node {
            job = job.in_network(node);
        }
        let output = runner.run(&job).await?;
        let garbled = || CniFailure::Garbled { plugin: plugin.into(), command, words: output.words() };
        if output.status.success() {
            if output.stdout.iter().all(u8::is_ascii_whitespace) {
                return Ok(Value::Null);
            }
            return serde_json::from_slice(&output.stdout).map_err(|_| garbled());
        }
        let error: ErrorResult = serde_json::from_slice(&output.stdout).map_err(|_| garbled())?;
        Err(CniFailure::Refused { plugin: plugin.into(), command, error })
    }
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
