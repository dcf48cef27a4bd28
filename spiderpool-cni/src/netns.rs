//! Which network namespace a path leads to.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::str::FromStr;

/// The identity of a network namespace: device and inode of its file. The kernel gives an inode of a namespace that is
/// gone to a new one, so two namespaces of different times may have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NamespaceId {
    device: u64,
    inode: u64,
}

impl NamespaceId {
    /// What is at `path` now.
    ///
    /// # Errors
    /// Nothing is there, or it cannot be looked at.
    pub fn at(path: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        Ok(Self { device: metadata.dev(), inode: metadata.ino() })
    }
}

/// Why a text is not the identity of a network namespace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not DEVICE:INODE, two whole numbers")]
pub struct InvalidNamespaceId(String);

impl fmt::Display for NamespaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.device, self.inode)
    }
}

impl FromStr for NamespaceId {
    type Err = InvalidNamespaceId;

    fn from_str(text: &str) -> Result<Self, InvalidNamespaceId> {
        let parts = text.split_once(':').and_then(|(device, inode)| {
            Some(Self { device: device.parse().ok()?, inode: inode.parse().ok()? })
        });
        parts.ok_or_else(|| InvalidNamespaceId(text.to_owned()))
    }
}

impl TryFrom<String> for NamespaceId {
    type Error = InvalidNamespaceId;

    fn try_from(text: String) -> Result<Self, InvalidNamespaceId> {
        text.parse()
    }
}

impl From<NamespaceId> for String {
    fn from(id: NamespaceId) -> Self {
        id.to_string()
    }
}
