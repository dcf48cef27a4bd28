//! What was acknowledged last, in a file of its own.
//!
//! sled 0.34 drops a damaged tail of its log without a word. This file, written at most once a second and when the
//! store is closed, says up to where the database has to reach at least.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
};

use serde::{Deserialize, Serialize};

use crate::{OpenError, layout::Layout};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Sidecar {
    /// The database's id: a copy of another one does not go unnoticed.
    pub(crate) database: String,
    /// A revision that was acknowledged.
    pub(crate) acknowledged: u64,
}

impl Sidecar {
    pub(crate) fn read(layout: &Layout) -> Result<Option<Self>, OpenError> {
        let path = layout.sidecar();
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| OpenError::Lost {
                path,
                what: format!("the file does not say what was acknowledged last ({error})"),
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(layout.failed("read", &path)(error)),
        }
    }

    /// Writes it whole or not at all.
    pub(crate) fn write(&self, layout: &Layout) -> Result<(), OpenError> {
        let (path, fresh) = (layout.sidecar(), layout.directory.join("acknowledged.new"));
        let write = || {
            let mut file: File =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            file.sync_data()?;
            fs::rename(&fresh, &path)
        };
        write().map_err(layout.failed("write", &path))?;
        layout.sync()
    }
}
