//! cert-manager, without its webhook: what makes certificates, and what writes CAs into webhook configurations.

use std::{ffi::OsString, fs, path::Path};

use crate::{ControlPlane, Problem, Process, binaries::caches, folder::Folder, go::Module, process::Life};

const MODULE: &str = "github.com/cert-manager/cert-manager";

/// cert-manager's processes on a control plane. Issuers: `selfSigned` and `ca`.
#[derive(Debug)]
pub struct CertManager {
    processes: [Process; 2],
    // Goes after the processes that use it.
    _folder: Folder,
}

impl CertManager {
    /// Builds it where that was not done yet, installs its definitions and starts it, as an administrator.
    ///
    /// # Errors
    /// [`Problem::Missing`] without Go; [`Problem`]
    pub fn start(plane: &ControlPlane) -> Result<Self, Problem> {
        let module = Module::of("certmanager")?;
        let cache = caches()?.join(format!("cert-manager-{}-{}", module.version(MODULE)?, module.digest()?));
        let (program, definitions) = (cache.join("cert-manager"), cache.join("crds"));
        module.build(".", "-s -w", &program, || {
            copy(&module.sources(MODULE)?.join("deploy/crds"), &definitions)
        })?;
        plane.install(&definitions)?;
        let folder = Folder::temporary()?;
        let mut kubeconfig = OsString::from("--kubeconfig=");
        kubeconfig.push(plane.kubeconfig());
        let start = |role: &'static str| {
            let args = [kubeconfig.clone(), role.into()];
            Process::start(role, &program, &args, &folder.join(role), Life::Guarded)
        };
        let processes = [start("controller")?, start("cainjector")?];
        Ok(Self { processes, _folder: folder })
    }

    /// What its processes said last.
    #[must_use]
    pub fn last_words(&self) -> String {
        let words = |process: &Process| format!("{}: {}", process.name(), process.last_words());
        self.processes.iter().map(words).collect::<Vec<_>>().join("\n")
    }
}

/// Copies the manifests in `from` to the folder `to`. They are read-only where Go keeps them.
fn copy(from: &Path, to: &Path) -> Result<(), Problem> {
    fs::create_dir_all(to).map_err(Problem::system(to.display()))?;
    for file in fs::read_dir(from).map_err(Problem::system(from.display()))? {
        let file = file.map_err(Problem::system(from.display()))?;
        if file.path().extension().is_some_and(|extension| extension == "yaml") {
            let copied = fs::read(file.path()).and_then(|text| fs::write(to.join(file.file_name()), text));
            copied.map_err(Problem::system(file.path().display()))?;
        }
    }
    Ok(())
}
