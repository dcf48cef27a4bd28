//! The files of a store's directory.

use std::{
    fs::{DirBuilder, File},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use crate::OpenError;

/// The paths within the directory.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) directory: PathBuf,
}

impl Layout {
    /// Creates the directory if need be, for this user alone.
    pub(crate) fn create(directory: &Path) -> Result<Self, OpenError> {
        let layout = Self { directory: directory.into() };
        let created = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        created.map_err(layout.failed("create", directory))?;
        Ok(layout)
    }

    /// sled's own directory.
    pub(crate) fn database(&self) -> PathBuf {
        self.directory.join("documents")
    }

    /// Locked while the store is open; says by whom.
    pub(crate) fn lock(&self) -> PathBuf {
        self.directory.join("lock")
    }

    /// What was acknowledged last.
    pub(crate) fn sidecar(&self) -> PathBuf {
        self.directory.join("acknowledged")
    }

    /// Makes the names in the directory durable.
    pub(crate) fn sync(&self) -> Result<(), OpenError> {
        let synced = File::open(&self.directory).and_then(|directory| directory.sync_all());
        synced.map_err(self.failed("sync", &self.directory))
    }

    pub(crate) fn failed(
        &self,
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(std::io::Error) -> OpenError {
        let path = path.to_owned();
        move |source| OpenError::Io { action, path, source }
    }
}
