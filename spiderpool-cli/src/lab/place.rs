//! Where a lab keeps its files, and what another process needs to know to remove it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The file that tells what belongs to a lab.
const STATE: &str = "lab.json";

/// What belongs to a lab besides its directory.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    /// What the names of its network namespaces begin with.
    pub(crate) prefix: String,
    /// The agent's process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<u32>,
}

/// Whether the directory was there before the lab.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Origin {
    Made,
    Given,
}

/// A lab's directory.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    dir: PathBuf,
    origin: Origin,
    state: State,
}

impl Place {
    /// A new directory, or `given`, which must be empty or not there yet.
    ///
    /// `mark` tells its network namespaces from another lab's.
    pub(crate) fn make(given: Option<&Path>, mark: u64) -> Result<Self, Failure> {
        let failed = |dir: &Path, error: io::Error| {
            Failure::refused(format!("{} cannot be made the lab's directory", dir.display())).because(error)
        };
        let (dir, origin) = match given {
            None => {
                let parent = std::env::temp_dir();
                let dir = tempfile::Builder::new().prefix("spiderpool-lab-").tempdir_in(&parent);
                (dir.map_err(|error| failed(&parent, error))?.keep(), Origin::Made)
            }
            Some(dir) => {
                let origin = if dir.exists() { Origin::Given } else { Origin::Made };
                fs::create_dir_all(dir).map_err(|error| failed(dir, error))?;
                let dir = dir.canonicalize().map_err(|error| failed(dir, error))?;
                if fs::read_dir(&dir).map_err(|error| failed(&dir, error))?.next().is_some() {
                    return Err(Failure::usage(format!("{} is not empty", dir.display()))
                        .remedy("name another directory, or remove an earlier lab with --down"));
                }
                (dir, origin)
            }
        };
        let prefix = format!("lab-{:06x}", mark & 0xff_ffff);
        let place = Self { dir, origin, state: State { prefix, agent: None } };
        place.save()?;
        Ok(place)
    }

    /// The directory of a lab that was left up.
    pub(crate) fn find(dir: &Path) -> Result<Self, Failure> {
        let wrong = |error: String| {
            Failure::not_found(format!("there is no lab in {}: {error}", dir.display()))
                .remedy("name the directory that the lab showed when it was left up")
        };
        let text = fs::read_to_string(dir.join(STATE)).map_err(|error| wrong(error.to_string()))?;
        let state = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let dir = dir.canonicalize().map_err(|error| wrong(error.to_string()))?;
        Ok(Self { dir, origin: Origin::Made, state })
    }

    /// What belongs to the lab.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Notes the agent's process.
    pub(crate) fn note_agent(&mut self, pid: Option<u32>) -> Result<(), Failure> {
        self.state.agent = pid;
        self.save()
    }

    fn save(&self) -> Result<(), Failure> {
        let text = serde_json::to_vec(&self.state).unwrap_or_default();
        fs::write(self.dir.join(STATE), text)
            .map_err(|error| Failure::refused(format!("{STATE} cannot be written")).because(error))
    }

    /// The directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The agent's socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.join("agent.sock")
    }

    /// The agent's database.
    pub(crate) fn database(&self) -> PathBuf {
        self.dir.join("db")
    }

    /// The agent's words.
    pub(crate) fn agent_log(&self) -> PathBuf {
        self.dir.join("agent.log")
    }

    /// The plugin's words.
    pub(crate) fn plugin_log(&self) -> PathBuf {
        self.dir.join("plugin.log")
    }

    /// Files that stand for network namespaces where there are none.
    pub(crate) fn sandboxes(&self) -> PathBuf {
        self.dir.join("sandboxes")
    }

    /// Removes everything in it, and itself unless it was there before.
    pub(crate) fn remove(&self) -> io::Result<()> {
        if self.origin == Origin::Made {
            return fs::remove_dir_all(&self.dir);
        }
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => fs::remove_dir_all(entry.path())?,
                false => fs::remove_file(entry.path())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_directory_is_emptied_and_a_made_one_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let given = Place::make(Some(parent.path()), 1).unwrap();
        fs::create_dir(given.sandboxes()).unwrap();
        let made = Place::make(Some(&parent.path().join("sandboxes/x/y")), 2).unwrap();
        made.remove().unwrap();
        assert!(!parent.path().join("sandboxes/x/y").exists());
        given.remove().unwrap();
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_directory_in_use_is_refused_and_a_lab_is_found_again() {
        let parent = tempfile::tempdir().unwrap();
        let mut place = Place::make(Some(parent.path()), 1).unwrap();
        place.note_agent(Some(7)).unwrap();
        assert_eq!(Place::find(parent.path()).unwrap().state(), place.state());
        let refused = Place::make(Some(parent.path()), 1).unwrap_err();
        assert!(refused.one_line().ends_with("is not empty"), "{refused}");
        assert!(Place::find(Path::new("/nowhere")).is_err());
    }
}
