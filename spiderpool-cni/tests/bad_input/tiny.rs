//! A file system that is soon full.

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

/// A file system of its own size in a directory, gone when this is dropped.
pub(crate) struct Tiny(PathBuf);

impl Tiny {
    /// None: not permitted.
    pub(crate) fn mount(at: PathBuf, size: &str) -> Option<Self> {
        fs::create_dir(&at).unwrap();
        let options = format!("size={size},mode=700");
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some("tmpfs"), &at, Some("tmpfs"), flags, Some(&options[..])).ok()?;
        Some(Self(at))
    }

    /// Takes all the room that is left; gives the file that does.
    pub(crate) fn fill(&self) -> PathBuf {
        let path = self.0.join("ballast");
        let mut file = OpenOptions::new().append(true).create(true).open(&path).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![1; size]).is_ok() {}
        }
        path
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        umount2(&self.0, MntFlags::MNT_DETACH).unwrap();
    }
}

/// Says that a test could not run, as CONTRIBUTING.md asks for.
pub(crate) fn skipped(test: &str) {
    let line = format!("{test}: needs the right to mount a tmpfs; run the tests as root");
    match std::env::var_os("SPIDERPOOL_TEST_SKIPS") {
        None => println!("{line}"),
        Some(file) => {
            let mut file = OpenOptions::new().append(true).create(true).open(file).unwrap();
            file.write_all(format!("{line}\n").as_bytes()).unwrap();
        }
    }
}
