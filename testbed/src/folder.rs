//! A folder for data of servers.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use crate::Problem;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A folder; a temporary one goes with its guard.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    is_temporary: bool,
}

impl Folder {
    /// A new, empty folder of this process.
    pub(crate) fn temporary() -> Result<Self, Problem> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("spiderpool-testbed-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // One of a process that was killed and had the same number.
        if path.exists() {
            fs::remove_dir_all(&path).map_err(Problem::system(path.display()))?;
        }
        Self::make(path, true)
    }

    /// A folder that stays.
    pub(crate) fn lasting(path: &Path) -> Result<Self, Problem> {
        Self::make(path.to_owned(), false)
    }

    fn make(path: PathBuf, is_temporary: bool) -> Result<Self, Problem> {
        use std::os::unix::fs::DirBuilderExt as _;
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.map_err(Problem::system(path.display()))?;
        Ok(Self { path, is_temporary })
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file that only its owner may read.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, Problem> {
        use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
        let path = self.join(name);
        let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(Problem::system(path.display()))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_temporary {
            // What is left of it is found in the folder for temporary files.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
