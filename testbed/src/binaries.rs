//! The programs: where they are, and how they are built.

use std::path::{Path, PathBuf};

use crate::{Problem, go::Module};

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
    module: Module,
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
        let module = Module::of("")?;
        let version = |required| module.version(required);
        let (etcd, kubernetes) = (version("go.etcd.io/etcd/server/v3")?, version("k8s.io/kubernetes")?);
        let helm = version("helm.sh/helm/v3")?;
        let cache = caches()?.join(format!("etcd-{etcd}-kubernetes-{kubernetes}-helm-{helm}"));
        let assets = set(ASSETS_VARIABLE);
        Ok(Self { module, kubernetes, cache, assets })
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
        match self.module.build(&wanted.package(), &self.link_flags(), &program, || Ok(())) {
            Ok(()) => Ok(program),
            Err(Problem::Missing { what, remedy }) => {
                let remedy = format!("{remedy}, or {} in {ASSETS_VARIABLE}", wanted.name());
                Err(Problem::Missing { what, remedy })
            }
            Err(failed) => Err(failed),
        }
    }

    /// The folder of the cache.
    #[must_use]
    pub fn cache(&self) -> &Path {
        &self.cache
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

fn set(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Where everything that is built here is kept.
pub(crate) fn caches() -> Result<PathBuf, Problem> {
    let caches = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    let caches = caches.ok_or_else(|| Problem::failed("neither XDG_CACHE_HOME nor HOME is set"))?;
    Ok(caches.join("spiderpool-testbed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubernetes_programs_know_their_version() {
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
