//! Where the repository and its build output are.

use std::path::{Path, PathBuf};

use crate::problem::Problem;
use crate::process::Program;

/// The crates that are published; people read their messages.
pub(crate) const PUBLISHED: [&str; 7] = [
    "spiderpool-core",
    "spiderpool-store-sled",
    "spiderpool-store-etcd",
    "spiderpool-store-kube",
    "spiderpool-cni",
    "spiderpool-operator",
    "spiderpool-cli",
];

/// The folders that every command works in.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    /// The root of the repository.
    pub(crate) root: PathBuf,
    /// Cargo's target directory, wherever the user has put it.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Finds the workspace that this program was built from.
    pub(crate) fn find() -> Result<Self, Problem> {
        // Cargo sets the variable at run time too; the value compiled in serves a binary that is run directly.
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest
            .parent()
            .map(Path::to_path_buf)
            .ok_or_else(|| Problem::failed("xtask must lie in a folder of the repository"))?;
        let metadata = Program::cargo(&root, "metadata")
            .args(["--no-deps", "--offline", "--format-version", "1"])
            .capture()?;
        let target = json_string(&metadata, "target_directory")
            .ok_or_else(|| Problem::failed("cargo metadata names no target_directory"))?;
        Ok(Self { root, target: PathBuf::from(target) })
    }

    /// A program to be run from the root.
    pub(crate) fn program(&self, name: impl AsRef<std::ffi::OsStr>) -> Program {
        Program::new(name, &self.root)
    }

    /// `cargo SUBCOMMAND --locked`, run from the root.
    pub(crate) fn cargo(&self, subcommand: &str) -> Program {
        Program::cargo(&self.root, subcommand)
    }

    /// Every file below `folder` with this ending, in no order; both relative to the root.
    pub(crate) fn files(&self, folder: &Path, ending: &str) -> Result<Vec<PathBuf>, Problem> {
        let unreadable = |error| Problem::failed(format!("cannot list {}: {error}", folder.display()));
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.root.join(folder)).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                found.extend(self.files(&path, ending)?);
            } else if path.extension().is_some_and(|other| other == ending) {
                found.push(path);
            }
        }
        Ok(found)
    }

    /// The text of a file, named relative to the root.
    pub(crate) fn read(&self, file: &str) -> Result<String, Problem> {
        std::fs::read_to_string(self.root.join(file))
            .map_err(|error| Problem::failed(format!("cannot read {file}: {error}")))
    }
}

/// The first string member called `key` in a JSON text. Enough for paths that cargo prints: the only escapes in them
/// are `\\` and `\"`.
fn json_string(json: &str, key: &str) -> Option<String> {
    let start = json.find(&format!("\"{key}\":\""))? + key.len() + 4;
    let mut value = String::new();
    let mut chars = json[start..].chars();
    loop {
        match chars.next()? {
            '"' => return Some(value),
            '\\' => value.push(chars.next()?),
            plain => value.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_found_and_unescaped() {
        let json = r#"{"a":"x","target_directory":"/b \"c\"\\d","z":1}"#;
        assert_eq!(json_string(json, "target_directory").as_deref(), Some(r#"/b "c"\d"#));
        assert_eq!(json_string(json, "absent"), None);
        assert_eq!(json_string(r#"{"cut":"off"#, "cut"), None);
    }
}
