//! Network namespaces, by iproute2, so that `ip netns` shows them to whoever looks.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use crate::lab::process::{Job, RunError, Runner};

/// Where iproute2 keeps the names of namespaces.
const DIR: &str = "/run/netns";
/// The longest file name of Linux, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// A network namespace with a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Namespace {
    name: String,
    path: PathBuf,
}

impl Namespace {
    /// Its name for `ip -n`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its path, for `CNI_NETNS`.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The namespaces of one lab: all of their names begin with its prefix, so that none can be forgotten.
#[derive(Clone, Debug)]
pub(crate) struct Namespaces {
    prefix: String,
}

impl Namespaces {
    /// The namespaces whose names begin with `prefix` and a dot.
    pub(crate) fn new(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into() }
    }

    /// The namespace `name` of this lab, made or not.
    pub(crate) fn named(&self, name: &str) -> Namespace {
        let mut name = format!("{}.{name}", self.prefix);
        let mut end = name.len().min(MAX_NAME_BYTES);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        name.truncate(end);
        Namespace { path: Path::new(DIR).join(&name), name }
    }

    /// Makes the namespace `name`, with its loopback up.
    pub(crate) async fn make(&self, runner: &Runner, name: &str) -> Result<Namespace, RunError> {
        let namespace = self.named(name);
        runner.succeed(&Job::new("ip").args(["netns", "add", namespace.name()])).await?;
        let up = Job::new("ip").args(["-n", namespace.name(), "link", "set", "lo", "up"]);
        runner.succeed(&up).await?;
        Ok(namespace)
    }

    /// Removes `namespace` with all its links. One that is not there is no error.
    pub(crate) async fn remove(&self, runner: &Runner, namespace: &Namespace) -> Result<(), RunError> {
        if !namespace.path.exists() {
            return Ok(());
        }
        runner.succeed(&Job::new("ip").args(["netns", "delete", namespace.name()])).await.map(drop)
    }

    /// Those that exist now.
    pub(crate) fn existing(&self) -> Vec<Namespace> {
        let entries = std::fs::read_dir(DIR).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let begin = format!("{}.", self.prefix);
        let own = names.filter(|name| name.starts_with(&begin));
        let mut own: Vec<_> = own.map(|name| Namespace { path: Path::new(DIR).join(&name), name }).collect();
        own.sort_by(|a, b| a.name.cmp(&b.name));
        own
    }
}
