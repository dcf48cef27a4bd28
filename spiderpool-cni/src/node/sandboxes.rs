//! Where the sandboxes of this node are, so that it can be said of one that its network namespace is gone.
//!
//! Written down at each ADD, one small file for each container, and read again when the agent starts. What is not known
//! is never said to be gone: a namespace that this process cannot see (another mount or process namespace), a container
//! whose file was lost. No network namespace outlives the machine's boot, so after a boot all containers are gone
//! that were attached before.

use crate::netns::NamespaceId;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use spiderpool_core::name::ContainerId;
use std::collections::{HashMap, HashSet};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The kernel's name of the present boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const SUFFIX: &str = ".json";

/// What is known of one sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// In which boot it was attached.
    boot: String,
    /// Its network namespace; none for one of an earlier boot that nobody wrote down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    namespace: Option<Place>,
}

/// A network namespace and how to get there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    path: PathBuf,
    id: NamespaceId,
}

impl Place {
    /// Whether the namespace is certainly not there any more.
    fn is_gone(&self) -> bool {
        match NamespaceId::at(&self.path) {
            Ok(id) => id != self.id,
            // A directory that is not there either says that this process looks at the wrong place, or that nothing was
            // made there since the boot.
            Err(error) if error.kind() == ErrorKind::NotFound => anchor(&self.path).is_some_and(Path::is_dir),
            Err(_) => false,
        }
    }
}

/// What has to be there for a path to be looked at in the right place. A process' directory goes with the process.
fn anchor(path: &Path) -> Option<&Path> {
    if path.starts_with("/proc") { Some(Path::new("/proc")) } else { path.parent() }
}

/// The sandboxes of this node.
#[derive(Debug)]
pub(super) struct Sandboxes {
    /// Where it is written down; none: a restart forgets it.
    dir: Option<PathBuf>,
    boot: String,
    known: Mutex<HashMap<ContainerId, Entry>>,
}

impl Sandboxes {
    /// Takes in what an earlier process of this node wrote down in `state` about the containers in `held`, all that this
    /// node's records name. Nothing may have been granted by this process yet.
    pub(super) fn open(state: Option<&Path>, held: &HashSet<ContainerId>) -> Self {
        let boot = fs::read_to_string(BOOT_ID).unwrap_or_default().trim().to_owned();
        Self::open_in(boot, state, held)
    }

    fn open_in(boot: String, state: Option<&Path>, held: &HashSet<ContainerId>) -> Self {
        // Without the name of the boot, what was written down could be of an earlier one.
        let state = state.filter(|_| !boot.is_empty());
        let opened = state.map(|state| (state.join("sandboxes"), read(state, &boot, held)));
        let (dir, known) = match opened {
            Some((dir, Ok(known))) => (Some(dir), known),
            Some((dir, Err(error))) => {
                tracing::warn!(
                    dir = %dir.display(), %error,
                    "what is known of this node's sandboxes cannot be kept: after a restart none is said to be gone"
                );
                (None, HashMap::new())
            }
            None => (None, HashMap::new()),
        };
        Self { dir, boot, known: Mutex::new(known) }
    }

    /// The sandbox of `container` has its namespace at `path`; whoever asked for an address saw `id` there. Gives what
    /// has to be written down, or nothing where this process does not see the same.
    pub(super) fn is_at(
        &self,
        container: &ContainerId,
        path: &Path,
        id: Option<NamespaceId>,
    ) -> Option<Note> {
        let seen = NamespaceId::at(path).ok();
        let id = match (seen, id) {
            (Some(seen), Some(id)) if seen == id => seen,
            // A process' number means nothing to a process that may number them otherwise.
            (Some(seen), None) if !path.starts_with("/proc") => seen,
            _ => {
                if id.is_some() {
                    tracing::warn!(
                        %container, namespace = %path.display(),
                        "this agent does not see there what the plugin saw; it will not know when the sandbox is gone"
                    );
                }
                self.known.lock().remove(container);
                return Some(Note { container: container.clone(), dir: self.dir.clone()?, entry: None });
            }
        };
        let place = Place { path: path.to_owned(), id };
        let entry = Entry { boot: self.boot.clone(), namespace: Some(place) };
        let before = self.known.lock().insert(container.clone(), entry.clone());
        let changed = before.as_ref() != Some(&entry);
        Some(Note {
            container: container.clone(),
            dir: self.dir.clone().filter(|_| changed)?,
            entry: Some(entry),
        })
    }

    /// Nobody asks about this sandbox any more. Gives what has to be removed.
    pub(super) fn forget(&self, container: &ContainerId) -> Option<Note> {
        self.known.lock().remove(container)?;
        Some(Note { container: container.clone(), dir: self.dir.clone()?, entry: None })
    }

    /// Whether the sandbox is certainly gone.
    pub(super) fn is_gone(&self, container: &ContainerId) -> bool {
        let entry = self.known.lock().get(container).cloned();
        entry.is_some_and(|entry| {
            (!self.boot.is_empty() && entry.boot != self.boot)
                || entry.namespace.is_some_and(|place| place.is_gone())
        })
    }
}

/// Something to be written down about a container, or to be removed.
#[derive(Debug)]
pub(super) struct Note {
    container: ContainerId,
    dir: PathBuf,
    entry: Option<Entry>,
}

impl Note {
    /// Does it. What fails is told: it concerns this container after a restart only.
    pub(super) fn write(self) {
        let Self { container, dir, entry } = self;
        let path = dir.join(format!("{container}{SUFFIX}"));
        let written = match &entry {
            Some(entry) => write(&path, entry).inspect_err(|_| {
                // An older one must not stand for it.
                let _ = fs::remove_file(&path);
            }),
            None => fs::remove_file(&path).or_else(|error| match error.kind() {
                ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            }),
        };
        if let Err(error) = written {
            tracing::warn!(%container, path = %path.display(), %error, "where a sandbox is cannot be written down");
        }
    }
}

fn write(path: &Path, entry: &Entry) -> io::Result<()> {
    // No sync: it has to outlive this process, and the machine's end says more than any file.
    write_twice(path, &serde_json::to_string(entry)?)
}

/// Writes one line, twice: of a file that was damaged nothing is to be believed, as what it says takes addresses away.
fn write_twice(path: &Path, line: &str) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(format!("{line}\n{line}\n").as_bytes())?;
    fs::rename(&temporary, path)
}

/// The line of a file that is whole.
fn read_twice(path: &Path) -> io::Result<Option<String>> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        bytes => bytes?,
    };
    let text = String::from_utf8(bytes).unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    Ok((!line.is_empty() && text == format!("{line}\n{line}\n")).then(|| line.to_owned()))
}

/// What is written down in `state`, brought up to the present boot.
fn read(state: &Path, boot: &str, held: &HashSet<ContainerId>) -> io::Result<HashMap<ContainerId, Entry>> {
    let dir = state.join("sandboxes");
    DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
    let mut known = HashMap::new();
    for file in fs::read_dir(&dir)? {
        let path = file?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(SUFFIX));
        let container = name.and_then(|name| ContainerId::new(name).ok()).filter(|name| held.contains(name));
        let entry = read_twice(&path).ok().flatten();
        let entry = entry.and_then(|line| serde_json::from_str::<Entry>(&line).ok());
        match (container, entry) {
            (Some(container), Some(entry)) => drop(known.insert(container, entry)),
            // Of nobody, half-written, or damaged: it says nothing.
            _ => fs::remove_file(&path)?,
        }
    }
    let marker = state.join("boot");
    let before = read_twice(&marker)?;
    if before.as_deref() == Some(boot) {
        return Ok(known);
    }
    if let Some(before) = before {
        // Nothing was granted in this boot yet: the marker is written before anything is.
        for container in held.iter().filter(|container| !known.contains_key(*container)).collect::<Vec<_>>() {
            let entry = Entry { boot: before.clone(), namespace: None };
            write(&dir.join(format!("{container}{SUFFIX}")), &entry)?;
            known.insert(container.clone(), entry);
        }
    }
    write_twice(&marker, boot)?;
    Ok(known)
}

#[cfg(test)]
mod tests;
