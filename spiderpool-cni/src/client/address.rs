//! Where the API is served.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where an agent or a controller serves its API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiAddress {
    /// An agent, at its Unix socket.
    Socket(PathBuf),
    /// A controller, at this host and port.
    Http(String),
}

impl ApiAddress {
    /// What to look at when nobody is there.
    pub(super) fn remedy(&self) -> &'static str {
        match self {
            Self::Socket(_) => "check that spiderpool-agent runs and that this is its --socket",
            Self::Http(_) => {
                "check that `kubectl -n kube-system port-forward deploy/spiderpool-controller 5723` runs"
            }
        }
    }
}

impl fmt::Display for ApiAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(socket) => socket.display().fmt(f),
            Self::Http(address) => write!(f, "http://{address}"),
        }
    }
}

impl From<PathBuf> for ApiAddress {
    fn from(socket: PathBuf) -> Self {
        Self::Socket(socket)
    }
}

impl From<&PathBuf> for ApiAddress {
    fn from(socket: &PathBuf) -> Self {
        Self::Socket(socket.clone())
    }
}

impl From<&Path> for ApiAddress {
    fn from(socket: &Path) -> Self {
        Self::Socket(socket.to_owned())
    }
}
