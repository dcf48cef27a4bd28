//! Releases that found no agent, kept in a directory of the node until an agent has done them.
//!
//! One file for each container and interface, named `<container>:<interface>.json` (neither may hold a `:`), so
//! that even a damaged file says what is to be released. A file appears whole or not at all: it is written
//! under another name and renamed. Files are 0600, the directory 0700.
//!
//! The protocol around it (design, rule 6): the plugin writes the entry, *then* tries the socket once more. The
//! agent listens first, *then* reads the directory. Whichever comes first, the release is seen: either the
//! agent's reading finds the entry, or the plugin's second try finds the agent. An entry goes only when its
//! release is confirmed. [`release`] is the plugin's side of it.

mod entry;
#[cfg(test)]
mod interleavings;
pub mod release;

pub use entry::EntryName;

use crate::api::Attachment;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The directory that goes with a socket unless another one is set: `spool` next to it.
pub fn default_dir(socket: &Path) -> PathBuf {
    socket.parent().unwrap_or(Path::new("/")).join("spool")
}

/// What is known of one release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Release {
    /// The entry is whole.
    Whole(Attachment),
    /// The file is damaged (say, by a full disk of old); its name still tells container and interface.
    Damaged {
        /// What was wrong with it.
        reason: String,
    },
}

/// A spool directory. It need not exist until something is written.
#[derive(Clone, Debug)]
pub struct Spool {
    dir: PathBuf,
}

impl Spool {
    /// The spool in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes the release of `attachment`; replaces an entry of the same container and interface.
    ///
    /// When it returns, the entry survives the process, and on a real file system the machine. One fsync.
    pub fn write(&self, attachment: &Attachment) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        let name = EntryName::of(attachment).to_string();
        // A name of its own for each process: two plugins may release the same interface at once. Names with a
        // dot in front are never read as entries.
        let temporary = self.dir.join(format!(".{}.{name}", std::process::id()));
        let written = self
            .write_file(&temporary, attachment)
            .and_then(|()| fs::rename(&temporary, self.dir.join(&name)));
        if written.is_err() {
            // Nothing is lost if this fails too: the name is passed over.
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    fn write_file(&self, path: &Path, attachment: &Attachment) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(&serde_json::to_vec(attachment)?)?;
        file.sync_data()
    }

    /// Removes an entry; none there is success.
    pub fn remove(&self, name: &EntryName) -> io::Result<()> {
        match fs::remove_file(self.dir.join(name.to_string())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The names of all entries, in no order. No directory is an empty spool.
    pub fn list(&self) -> io::Result<Vec<EntryName>> {
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            if let Some(name) = entry?.file_name().to_str().and_then(EntryName::parse) {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Reads one entry; `None` if it is gone.
    pub fn read(&self, name: &EntryName) -> io::Result<Option<Release>> {
        let bytes = match fs::read(self.dir.join(name.to_string())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        Ok(Some(match serde_json::from_slice::<Attachment>(&bytes) {
            Ok(attachment) if EntryName::of(&attachment) == *name => Release::Whole(attachment),
            Ok(_) => {
                Release::Damaged { reason: "it names another container or interface than its file".into() }
            }
            Err(error) => Release::Damaged { reason: error.to_string() },
        }))
    }
}

#[cfg(test)]
mod tests;
