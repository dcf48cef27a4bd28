//! Control groups, which are the whole machine's: runtimes that are killed leave theirs behind.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Where containerd puts the groups of a kubelet's containers, in each hierarchy.
const RUNTIME: &str = "k8s.io";

/// Groups that were there before; when this is dropped, empty ones that came since are removed.
#[derive(Debug)]
pub(super) struct Cgroups(BTreeSet<PathBuf>);

impl Cgroups {
    pub(super) fn note() -> Self {
        Self(groups())
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        // The deepest first. One that is used by anybody cannot be removed.
        for group in groups().iter().rev().filter(|group| !self.0.contains(*group)) {
            let _ = fs::remove_dir(group);
        }
    }
}

fn groups() -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let root = Path::new("/sys/fs/cgroup");
    let hierarchies = folders(root).into_iter().chain([root.to_owned()]);
    for group in hierarchies.map(|hierarchy| hierarchy.join(RUNTIME)).filter(|group| group.is_dir()) {
        let mut open = vec![group];
        while let Some(group) = open.pop() {
            open.extend(folders(&group));
            found.insert(group);
        }
    }
    found
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}
