//! The name of an entry: container and interface.

use crate::api::Attachment;
use crate::cni::{ContainerId, IfName};
use std::fmt;

/// The name of a spool entry, at most 221 bytes as a file name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryName {
    /// The container.
    pub container_id: ContainerId,
    /// Its interface.
    pub if_name: IfName,
}

impl EntryName {
    /// The name of the entry for `attachment`.
    pub fn of(attachment: &Attachment) -> Self {
        Self { container_id: attachment.container_id.clone(), if_name: attachment.if_name.clone() }
    }

    /// Reads a file name; `None` if it is not an entry's.
    pub fn parse(file_name: &str) -> Option<Self> {
        let (container_id, if_name) = file_name.strip_suffix(".json")?.split_once(':')?;
        Some(Self { container_id: ContainerId::new(container_id).ok()?, if_name: IfName::new(if_name).ok()? })
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}.json", self.container_id, self.if_name)
    }
}
