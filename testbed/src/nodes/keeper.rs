//! Nodes that stay: a process of their own, their keeper, has them until it is told to end.
//!
//! The keeper is in the hub from its start, so it makes everything as a test does, and everything goes with it.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    os::{
        fd::AsRawFd as _,
        unix::net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

use super::{Nodes, NodesOptions, node};
use crate::{Problem, Process, folder::Folder, process::Life, wait};

/// The keeper's name among [`crate::Lasting`] servers.
const KEEPER: &str = "nodes";
/// Where it is told to end.
const SOCKET: &str = "nodes.sock";
/// What it says about them once all are ready.
const TOLD: &str = "nodes.txt";

impl Nodes {
    /// Starts a keeper with all its data in `folder`, and gives what it tells once all nodes are ready. It is `program` with
    /// `args`, which has to call [`Nodes::keep`] with the same folder.
    ///
    /// # Errors
    /// It ended, with its last words.
    pub fn start_keeper(folder: &Path, program: &Path, args: &[OsString]) -> Result<String, Problem> {
        node::tools()?;
        // What is temporary to it is found and removed with the folder, even after it was killed.
        let data = folder.join("data");
        Folder::lasting(&data)?;
        let mut temporary = OsString::from("TMPDIR=");
        temporary.push(&data);
        let mut all: Vec<OsString> = ["--net", "--", "env"].map(Into::into).into();
        all.extend([temporary, program.into()]);
        all.extend(args.iter().cloned());
        let log = folder.join(format!("{KEEPER}.log"));
        let mut keeper = Process::start(KEEPER, Path::new("unshare"), &all, &log, Life::Lasting)?;
        wait::until(node::PATIENCE, node::STEP, "the nodes to be ready", || {
            keeper.must_run()?;
            Ok(Self::told(folder))
        })
    }

    /// What the keeper of `folder` told; none before all of its nodes were ready.
    #[must_use]
    pub fn told(folder: &Path) -> Option<String> {
        fs::read_to_string(folder.join(TOLD)).ok()
    }

    /// In the keeper: starts nodes, tells about them what `tell` says, and ends them when it is told to.
    ///
    /// # Errors
    /// [`Problem`]; nothing is left then.
    pub fn keep(
        folder: &Path,
        options: &NodesOptions,
        tell: impl FnOnce(&Self) -> String,
    ) -> Result<(), Problem> {
        let failed = Problem::system(folder.display());
        let listener = Place::of(folder).and_then(|place| UnixListener::bind(place.socket()));
        let listener = listener.map_err(failed)?;
        let nodes = Self::start(options)?;
        let (unfinished, told) = (folder.join("nodes.new"), folder.join(TOLD));
        let written = fs::write(&unfinished, tell(&nodes)).and_then(|()| fs::rename(&unfinished, &told));
        written.map_err(Problem::system(told.display()))?;
        // Whoever comes wants the end.
        listener.accept().map(drop).map_err(Problem::system(SOCKET))
    }

    /// Tells the keeper of `folder` to end, if there is one; whether there was. It takes a moment.
    #[must_use]
    pub fn release(folder: &Path) -> bool {
        Place::of(folder).and_then(|place| UnixStream::connect(place.socket())).is_ok()
    }
}

/// A folder by a path that is short whatever the folder's is: addresses of sockets end after 107 bytes.
struct Place(File);

impl Place {
    fn of(folder: &Path) -> io::Result<Self> {
        File::open(folder).map(Self)
    }

    fn socket(&self) -> PathBuf {
        format!("/proc/self/fd/{}/{SOCKET}", self.0.as_raw_fd()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keeper_is_reached_in_a_folder_of_any_length() {
        let folder = Folder::temporary().unwrap();
        let deep = folder.join(&"long/".repeat(40));
        assert!(!Nodes::release(&deep));
        fs::create_dir_all(&deep).unwrap();
        assert!(!Nodes::release(&deep), "nobody is there");
        let listener = UnixListener::bind(Place::of(&deep).unwrap().socket()).unwrap();
        assert!(Nodes::release(&deep));
        listener.accept().unwrap();
    }
}
