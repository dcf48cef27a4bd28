//! Where the programs are that the lab runs.

use std::path::{Path, PathBuf};

use crate::{args::LabArgs, failure::Failure};

/// Where distributions put CNI plugins.
const CNI_DIRS: [&str; 2] = ["/usr/lib/cni", "/opt/cni/bin"];

/// The programs of a lab.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    /// `spiderpool-agent`.
    pub(crate) agent: PathBuf,
    /// `CNI_PATH`: where `spiderpool` is, then where the main plugins are.
    pub(crate) cni_path: Vec<PathBuf>,
}

impl Programs {
    /// Looks where `args` say, else next to this program, else on the search path.
    pub(crate) fn find(args: &LabArgs) -> Result<Self, Failure> {
        let dirs: Vec<PathBuf> = match &args.bin_dir {
            Some(dir) => vec![dir.clone()],
            None => {
                let own = std::env::current_exe().ok();
                let own = own.as_deref().and_then(Path::parent).map(Path::to_owned);
                let path = std::env::var_os("PATH").unwrap_or_default();
                own.into_iter().chain(std::env::split_paths(&path)).collect()
            }
        };
        let find = |name: &str| {
            let found = dirs.iter().find(|dir| dir.join(name).is_file());
            let found = found.and_then(|dir| dir.canonicalize().ok());
            found.ok_or_else(|| {
                let place = match &args.bin_dir {
                    Some(dir) => dir.display().to_string(),
                    None => "the folder of spiderpoolctl and on the search path".into(),
                };
                Failure::usage(format!("there is no {name} in {place}")).remedy(
                    "cargo xtask lab builds it and names its folder; or: cargo build -p spiderpool-cni --bins, then \
                     --bin-dir target/debug",
                )
            })
        };
        let agent = find("spiderpool-agent")?.join("spiderpool-agent");
        let mut cni_path = vec![find("spiderpool")?];
        match &args.cni_bin_dir {
            Some(dir) => cni_path.push(dir.clone()),
            None => cni_path.extend(CNI_DIRS.map(PathBuf::from)),
        }
        Ok(Self { agent, cni_path })
    }
}
