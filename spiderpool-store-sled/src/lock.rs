//! One process at a time: a lock that names its holder, and that the kernel releases when the holder dies.

use std::{
    fmt,
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
};

use serde::{Deserialize, Serialize};
use spiderpool_core::{env::Env, time::Timestamp};

use crate::{OpenError, layout::Layout};

/// Who has a database open, as far as it said so.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Holder {
    /// The process.
    pub pid: Option<u32>,
    /// Its command.
    pub command: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
}

impl fmt::Display for Holder {
    /// `pid 4711 (spiderpool-agent) since 2026-01-02T03:04:05Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "pid {pid}")?,
            None => f.write_str("another process")?,
        }
        if let Some(command) = &self.command {
            write!(f, " ({command})")?;
        }
        if let Some(since) = self.since {
            write!(f, " since {since}")?;
        }
        Ok(())
    }
}

/// Held as long as the store is open.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    pub(crate) fn take(layout: &Layout, env: &Env) -> Result<Self, OpenError> {
        let path = layout.lock();
        let options =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = options.map_err(layout.failed("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                // The holder writes its name right after locking; in between, nothing or half of it is there.
                let mut text = String::new();
                let read = file.read_to_string(&mut text);
                let holder = read.ok().and_then(|_| serde_json::from_str(&text).ok()).unwrap_or_default();
                return Err(OpenError::Locked { path: layout.directory.clone(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(layout.failed("lock", &path)(error)),
        }
        let holder =
            Holder { pid: Some(std::process::id()), command: command(), since: Some(env.clock.now()) };
        let text = serde_json::to_vec(&holder).unwrap_or_default();
        let written =
            file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0))).and_then(|_| file.write_all(&text));
        written.map_err(layout.failed("write", &path))?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The kernel unlocks it in any case; the name goes so that nobody reads an old one.
        let _ = self.file.set_len(0);
    }
}

/// The program's name without its directory.
fn command() -> Option<String> {
    let program = std::env::args_os().next()?;
    let name = std::path::Path::new(&program).file_name()?;
    Some(name.to_string_lossy().into_owned())
}
