//! The programs: where they are, and how they are built.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::Problem;

/// A folder with programs of the user's own, as Kubernetes' envtest takes it.
const ASSETS_VARIABLE: &str = "KUBEBUILDER_ASSETS";

/// A program of the test bed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Binary {
    Etcd,
    KubeApiserver,
    KubeControllerManager,
    KubeScheduler,
    Kubectl,
    Kubelet,
    Helm,
    ServiceKey,
}

impl Binary {
    /// The name of its file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Kubectl => "kubectl",
            Self::Kubelet => "kubelet",
            Self::Helm => "helm",
            Self::ServiceKey => "servicekey",
        }
    }

    fn package(self) -> String {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3".to_owned(),
            Self::Helm => "helm.sh/helm/v3/cmd/helm".to_owned(),
            Self::ServiceKey => "./servicekey".to_owned(),
            _ => format!("k8s.io/kubernetes/cmd/{}", self.name()),
        }
    }
}

/// The programs in the versions that the Go module beside this crate asks for.
#[derive(Clone, Debug)]
pub struct Binaries {
    module: PathBuf,
    kubernetes: String,
    cache: PathBuf,
    assets: Option<PathBuf>,
}

impl Binaries {
    /// Finds the Go module and the cache; builds nothing.
    ///
    /// # Errors
    /// The module cannot be read, or there is no home folder to keep a cache in.
    pub fn find() -> Result<Self, Problem> {
        let module = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let file = module.join("go.mod");
        let text = fs::read_to_string(&file).map_err(Problem::system(file.display()))?;
        let version = |required| {
            version_of(&text, required)
                .map(str::to_owned)
                .ok_or_else(|| Problem::failed(format!("{} does not require {required}", file.display())))
        };
        let (etcd, kubernetes) = (version("go.etcd.io/etcd/server/v3")?, version("k8s.io/kubernetes")?);
        let helm = version("helm.sh/helm/v3")?;
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let caches = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
        let caches = caches.ok_or_else(|| Problem::failed("neither XDG_CACHE_HOME nor HOME is set"))?;
        let cache = caches
            .join("spiderpool-testbed")
            .join(format!("etcd-{etcd}-kubernetes-{kubernetes}-helm-{helm}"));
        Ok(Self { module, kubernetes, cache, assets: set(ASSETS_VARIABLE) })
    }

    /// The file of `wanted`: the user's own from `KUBEBUILDER_ASSETS`, else from the cache, built first if it is not
    /// there. Building takes minutes and one process builds at a time; the others wait for it.
    ///
    /// # Errors
    /// [`Problem::Missing`] without Go; [`Problem::Failed`] with what the build said.
    pub fn program(&self, wanted: Binary) -> Result<PathBuf, Problem> {
        if let Some(own) = self.assets.as_ref().map(|folder| folder.join(wanted.name()))
            && own.is_file()
        {
            return Ok(own);
        }
        let program = self.cache.join(wanted.name());
        if !program.is_file() {
            fs::create_dir_all(&self.cache).map_err(Problem::system(self.cache.display()))?;
            let lock = self.cache.join("lock");
            let file = File::options().write(true).create(true).truncate(false).open(&lock);
            let file = file.map_err(Problem::system(lock.display()))?;
            file.lock().map_err(Problem::system(lock.display()))?;
            // Another process may have built it meanwhile.
            if !program.is_file() {
                self.build(wanted, &program)?;
            }
        }
        Ok(program)
    }

    /// The folder of the cache.
    #[must_use]
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    fn build(&self, wanted: Binary, program: &Path) -> Result<(), Problem> {
        let name = wanted.name();
        eprintln!("testbed: building {name} into {}, once; minutes on a cold machine", self.cache.display());
        let unfinished = self.cache.join(format!(".{name}.building"));
        let built = Command::new("go")
            .args(["build", "-mod=readonly", "-trimpath", "-ldflags"])
            .arg(self.link_flags())
            .arg("-o")
            .arg(&unfinished)
            .arg(wanted.package())
            .current_dir(&self.module)
            .env("CGO_ENABLED", "0")
            .stdin(Stdio::null())
            .output();
        let output = match built {
            Ok(output) => output,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Problem::Missing {
                    what: format!("Go, which builds {name},"),
                    remedy: format!("an installation from https://go.dev/dl, or {name} in {ASSETS_VARIABLE}"),
                });
            }
            Err(error) => return Err(Problem::system("cannot start go")(error)),
        };
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Problem::failed(format!("building {name}: {}\n{}", output.status, said.trim_end())));
        }
        fs::rename(&unfinished, program).map_err(Problem::system(program.display()))?;
        eprintln!("testbed: built {name}");
        Ok(())
    }

    /// Kubernetes' programs refuse to work together without a version in them.
    fn link_flags(&self) -> String {
        let mut numbers = self.kubernetes.trim_start_matches('v').split('.');
        let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
        let package = "k8s.io/component-base/version";
        format!(
            "-s -w -X {package}.gitVersion={} -X {package}.gitMajor={major} -X {package}.gitMinor={minor}",
            self.kubernetes
        )
    }
}

/// The version of `module` that the text of a go.mod requires.
fn version_of<'a>(text: &'a str, module: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some(module)).then(|| words.next())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_module() {
        let text = "require (\n\ta/b v1\n\ta/b/c v2.0.1 // indirect\n)\nreplace a => a v3\n";
        assert_eq!(version_of(text, "a/b/c"), Some("v2.0.1"));
        assert_eq!(version_of(text, "c"), None);
        let binaries = Binaries::find().unwrap();
        assert!(binaries.kubernetes.starts_with("v1."), "{binaries:?}");
        let minor = binaries.kubernetes.split('.').nth(1).unwrap();
        assert!(
            binaries
                .link_flags()
                .ends_with(&format!("gitMajor=1 -X k8s.io/component-base/version.gitMinor={minor}"))
        );
    }
}
