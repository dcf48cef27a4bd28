//! The intent log in a file: which blocks an agent that starts again has to look at, on a store of many.
//!
//! Lines of JSON, appended without waiting for the disk: they have to survive the process, not the machine. After a boot of
//! the machine, for another store or node, or where the file is damaged, the log counts as never begun, and the blocks are
//! asked instead.

mod book;

use async_trait::async_trait;
use book::{Book, Whose};
use parking_lot::Mutex;
use spiderpool_core::alloc::{IntentLog, Logged};
use spiderpool_core::model::{BlockId, GrantKey};
use spiderpool_core::protocol::LogWrite;
use spiderpool_core::store::StoreError;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The kernel's name of the present boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// Another process has it.
    #[error("the intent log in {} is used by another agent; give each its own --state-dir", .dir.display())]
    InUse {
        /// Where.
        dir: PathBuf,
    },
    /// Its files cannot be had.
    #[error("the intent log in {} cannot be opened: {source}; give a --state-dir that can be written", .dir.display())]
    Io {
        /// Where.
        dir: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// The log in a directory, for one process at a time.
#[derive(Debug)]
pub struct FileLog {
    book: Arc<Mutex<Book>>,
    _lock: File,
}

impl FileLog {
    /// Opens the log in `dir`, which is made where it is missing. `of` says which store and node it is about.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn open(dir: &Path, of: &str) -> Result<Self, LogError> {
        let boot = fs::read_to_string(BOOT_ID).unwrap_or_default();
        Self::open_for(dir, Whose { boot: boot.trim().to_owned(), of: of.to_owned() })
    }

    fn open_for(dir: &Path, whose: Whose) -> Result<Self, LogError> {
        let failed = |source| LogError::Io { dir: dir.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(dir.join("intents.lock"))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LogError::InUse { dir: dir.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let book = Book::open(dir.join("intents"), whose).map_err(failed)?;
        Ok(Self { book: Arc::new(Mutex::new(book)), _lock: lock })
    }

    /// Does something with the file, off the runtime's threads.
    async fn with<T: Send + 'static>(
        &self,
        does: impl FnOnce(&mut Book) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let book = Arc::clone(&self.book);
        let done = tokio::task::spawn_blocking(move || {
            let mut book = book.lock();
            let done = does(&mut book);
            done.map_err(|error| {
                format!("the intent log {} cannot be written: {error}", book.path().display())
            })
        });
        match done.await {
            Ok(done) => done.map_err(StoreError::unavailable),
            Err(error) => Err(StoreError::unavailable(format!("writing the intent log stopped: {error}"))),
        }
    }
}

#[async_trait]
impl IntentLog for FileLog {
    async fn load(&self) -> Result<Option<Vec<Logged>>, StoreError> {
        Ok(self.book.lock().entries())
    }

    async fn begin(&self, held: Vec<(GrantKey, BlockId)>) -> Result<(), StoreError> {
        self.with(|book| book.begin(held)).await
    }

    async fn write(&self, write: LogWrite) -> Result<(), StoreError> {
        self.with(|book| book.write(write)).await
    }
}

#[cfg(test)]
mod tests;
