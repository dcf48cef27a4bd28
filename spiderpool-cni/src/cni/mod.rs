//! The words of the CNI specification (versions 0.3.0 to 1.1.0), parsed once at the edge.
//!
//! Source: <https://www.cni.dev/docs/spec/> and, where the specification is silent, what its reference library
//! `libcni` accepts.

mod args;
mod config;
mod env;
mod error;
mod field;
mod ipam;
mod name;
mod parent;
mod prev_result;
mod request_ip;
mod result;
mod version;

pub use args::{CniArgs, PodName};
pub use config::{DecodedConf, NetConf, ValidAttachment};
pub use env::{AttachmentEnv, Command, Environment};
pub use error::{CniError, Code};
pub use ipam::{DEFAULT_LOG_FILE, DEFAULT_SOCKET, IpamConf, LogConf, LogLevel};
pub use name::{ContainerId, IfName, InvalidName, NetworkName};
pub use parent::Parent;
pub use prev_result::PrevResult;
pub use request_ip::{InvalidIp, RequestedIp};
pub use result::{CniResult, Dns, ResultIp, ResultRoute, VersionAnswer};
pub use version::CniVersion;
