//! The programs that are measured, where their builds put them.

use std::path::{Path, PathBuf};

/// Where containernetworking-plugins are installed: by Debian, and by everybody else.
const PLUGIN_FOLDERS: [&str; 2] = ["/usr/lib/cni", "/opt/cni/bin"];

/// The programs that are measured.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `spiderpool`, built as it is installed.
    pub plugin: PathBuf,
    /// `spiderpool-agent`, built as it is installed or as benchmarks are.
    pub agent: PathBuf,
    /// `host-local`.
    pub host_local: PathBuf,
}

impl Programs {
    /// Looks for them.
    ///
    /// # Errors
    /// What is missing and how to get it.
    pub fn find() -> Result<Self, String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        // TARGET/release/deps/NAME
        let target = own.ancestors().nth(3).ok_or("the benchmark is not in a target directory")?;
        let built =
            |path: &str, how: &str| there(&target.join(path)).ok_or_else(|| format!("needs {path}: {how}"));
        let installed = PLUGIN_FOLDERS.iter().find_map(|folder| there(&Path::new(folder).join("host-local")));
        Ok(Self {
            plugin: built(
                "plugin/spiderpool",
                "cargo build -p spiderpool-cni --no-default-features --profile plugin --bin spiderpool",
            )?,
            agent: built(
                "release/spiderpool-agent",
                "cargo build -p spiderpool-cni --profile bench --bin spiderpool-agent",
            )?,
            host_local: installed.ok_or("needs host-local: install Debian's containernetworking-plugins")?,
        })
    }
}

fn there(path: &Path) -> Option<PathBuf> {
    path.is_file().then(|| path.to_owned())
}
