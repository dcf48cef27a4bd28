//! Why a database does not open.

use std::{io, path::PathBuf};

use spiderpool_core::store::StoreError;

use crate::Holder;

/// Why a database does not open. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it open.
    #[error("{} is locked by {holder}: stop that process, or use its socket instead", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
        /// Who has it open.
        holder: Holder,
    },
    /// Acknowledged writes are missing: the disk lost them, or an older copy was put in place.
    #[error(
        "{} misses acknowledged writes: {what}. Restore a backup, or open it with accept-loss=yes to go on with what \
         is left; addresses whose records are lost then look free while pods may still use them",
        path.display()
    )]
    Lost {
        /// The directory.
        path: PathBuf,
        /// What is missing, at most.
        what: String,
    },
    /// The files are there but cannot be read as a database.
    #[error(
        "{} is damaged: {what}. Restore a backup, or open it with accept-loss=yes to export, or to go on with, what can \
         still be read; addresses whose records are lost then look free while pods may still use them",
        path.display()
    )]
    Damaged {
        /// The directory, or the file in it.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Written by a newer version.
    #[error("{} has format {found}; this version reads up to {supported}: upgrade it", path.display())]
    NewerFormat {
        /// The directory.
        path: PathBuf,
        /// The format found.
        found: u32,
        /// The newest format that this version reads.
        supported: u32,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> Self {
        match &error {
            OpenError::NewerFormat { path, found, supported } => {
                Self::NewerFormat { what: path.display().to_string(), found: *found, supported: *supported }
            }
            OpenError::Damaged { path, .. } | OpenError::Lost { path, .. } => {
                Self::Damaged { what: path.display().to_string(), message: error.to_string() }
            }
            OpenError::Locked { .. } | OpenError::Io { .. } => {
                Self::Unavailable { message: error.to_string(), source: Some(Box::new(error)) }
            }
        }
    }
}
