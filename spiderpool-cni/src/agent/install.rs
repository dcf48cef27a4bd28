//! The plugin's way onto the node.

use std::fmt;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::Builder;

/// What unfinished files begin with.
const UNFINISHED: &str = ".spiderpool-";

/// What became of an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installed {
    /// The file is new, or another one than before.
    Written,
    /// The same file was there.
    Already,
}

impl fmt::Display for Installed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Written => "written",
            Self::Already => "it was already",
        })
    }
}

/// Why the plugin is not there.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct InstallError {
    /// Which file or folder.
    path: PathBuf,
    source: io::Error,
}

/// Puts the program at `from` into the folder `into`, under its own name. A runtime that calls it meanwhile finds the old
/// file or the new one, and one that runs it keeps what it runs. Killed in the middle, it leaves the old file, and a hidden one that
/// the next installation removes.
///
/// Cost: two reads of the file where it is there already, else one write, flushed to the disk.
///
/// # Errors
/// The program cannot be read, or the folder not be written.
pub fn install_plugin(from: &Path, into: &Path) -> Result<Installed, InstallError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| InstallError { path, source }
    };
    let nameless = || InstallError { path: from.to_owned(), source: io::ErrorKind::InvalidFilename.into() };
    let name = from.file_name().ok_or_else(nameless)?;
    let (program, to) = (fs::read(from).map_err(at(from))?, into.join(name));
    let present = fs::metadata(&to).is_ok_and(|known| known.permissions().mode() & 0o111 == 0o111);
    if present && fs::read(&to).is_ok_and(|known| known == program) {
        return Ok(Installed::Already);
    }
    remove_unfinished(into);
    let mode = Permissions::from_mode(0o755);
    let file = Builder::new().prefix(UNFINISHED).permissions(mode.clone()).tempfile_in(into);
    let mut file = file.map_err(at(into))?;
    file.write_all(&program).map_err(at(file.path()))?;
    // Whatever the process' mask is.
    file.as_file().set_permissions(mode).map_err(at(file.path()))?;
    file.as_file().sync_all().map_err(at(file.path()))?;
    file.persist(&to).map_err(|error| at(&to)(error.error))?;
    // Or a power failure could bring back a name without a file.
    File::open(into).and_then(|folder| folder.sync_all()).map_err(at(into))?;
    Ok(Installed::Written)
}

/// What installations left behind that were killed. Another one that is under way loses its file and fails, and its container is
/// started again.
fn remove_unfinished(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn the_file_is_replaced_whole_and_only_if_it_is_another_one() {
        let (image, node) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (from, to) = (image.path().join("spiderpool"), node.path().join("spiderpool"));
        fs::write(&from, "one").unwrap();
        assert_eq!(install_plugin(&from, node.path()).unwrap(), Installed::Written);
        let first = fs::metadata(&to).unwrap();
        assert_eq!(first.permissions().mode() & 0o777, 0o755);
        assert_eq!(install_plugin(&from, node.path()).unwrap(), Installed::Already);
        assert_eq!(fs::metadata(&to).unwrap().ino(), first.ino());
        let running = File::open(&to).unwrap();
        fs::write(&from, "two").unwrap();
        fs::write(node.path().join(".spiderpool-half"), "tw").unwrap();
        assert_eq!(install_plugin(&from, node.path()).unwrap(), Installed::Written);
        assert_eq!(fs::read_to_string(&to).unwrap(), "two");
        assert_eq!(io::read_to_string(running).unwrap(), "one", "what runs keeps what it runs");
        assert_eq!(fs::read_dir(node.path()).unwrap().count(), 1, "nothing unfinished is left");
        fs::set_permissions(&to, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(install_plugin(&from, node.path()).unwrap(), Installed::Written, "it could not be run");
        let missing = install_plugin(&from, &node.path().join("none")).unwrap_err().to_string();
        assert!(missing.contains("none"), "{missing}");
    }
}
