//! A store by its URL: `sled://PATH`, `etcd://HOST,…`, `kube`, `memory://`.

use spiderpool_core::env::Env;
use spiderpool_core::store::{MemoryStore, Store};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

#[cfg(feature = "etcd")]
use spiderpool_store_etcd::{EtcdConfig, EtcdStore, EtcdUrl, EtcdUrlError, VariablesError};
#[cfg(feature = "kube")]
use spiderpool_store_kube::{ConnectError, KubeConfig, KubeStore};
#[cfg(feature = "sled")]
use spiderpool_store_sled::{OpenError, SledConfig, SledStore};

/// Why a text is not the URL of a store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreUrlError {
    /// No store of this program has such URLs.
    #[error("{url:?} names no store that this program knows; it knows {}", SCHEMES.join(", "))]
    Unknown {
        /// The text.
        url: String,
    },
    /// The store has such URLs, but not this one.
    #[cfg(feature = "sled")]
    #[error(transparent)]
    Sled(#[from] spiderpool_store_sled::UrlError),
    /// The store has such URLs, but not this one.
    #[cfg(feature = "etcd")]
    #[error(transparent)]
    Etcd(#[from] EtcdUrlError),
}

const SCHEMES: &[&str] = &[
    #[cfg(feature = "sled")]
    "sled:///PATH",
    #[cfg(feature = "etcd")]
    "etcd://HOST[:PORT],…",
    #[cfg(feature = "kube")]
    "kube",
    "memory://",
];

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreOpenError {
    /// The database does not open.
    #[cfg(feature = "sled")]
    #[error(transparent)]
    Sled(#[from] OpenError),
    /// What the environment says about certificates and credentials cannot be used.
    #[cfg(feature = "etcd")]
    #[error(transparent)]
    EtcdVariables(#[from] VariablesError),
    /// The cluster does not answer, or refuses.
    #[cfg(feature = "etcd")]
    #[error(transparent)]
    Etcd(#[from] spiderpool_core::store::StoreError),
    /// There is no way to the API server.
    #[cfg(feature = "kube")]
    #[error(transparent)]
    Kube(#[from] ConnectError),
    /// The task that opened it stopped.
    #[error("opening the store stopped in the middle: {0}")]
    Stopped(#[from] tokio::task::JoinError),
}

/// The URL of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreUrl {
    /// A database in a directory, for one process at a time.
    #[cfg(feature = "sled")]
    Sled(SledConfig),
    /// An etcd cluster, for many processes at once. Certificates and credentials come from the environment
    /// ([`EtcdConfig::with_variables`]).
    #[cfg(feature = "etcd")]
    Etcd(EtcdUrl),
    /// The Kubernetes API, as `KUBECONFIG`, the user's kubeconfig or the pod's service account say.
    #[cfg(feature = "kube")]
    Kube,
    /// Nothing is kept: for tests and for looking around.
    Memory,
}

impl FromStr for StoreUrl {
    type Err = StoreUrlError;

    fn from_str(url: &str) -> Result<Self, StoreUrlError> {
        if url == "memory://" {
            return Ok(Self::Memory);
        }
        #[cfg(feature = "sled")]
        if url.starts_with("sled:") {
            return Ok(Self::Sled(url.parse()?));
        }
        #[cfg(feature = "etcd")]
        if url.starts_with("etcd:") {
            return Ok(Self::Etcd(url.parse()?));
        }
        #[cfg(feature = "kube")]
        if url == "kube" {
            return Ok(Self::Kube);
        }
        Err(StoreUrlError::Unknown { url: url.to_owned() })
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(feature = "sled")]
            Self::Sled(config) => write!(f, "sled://{}", config.path.display()),
            #[cfg(feature = "etcd")]
            Self::Etcd(url) => url.fmt(f),
            #[cfg(feature = "kube")]
            Self::Kube => f.write_str("kube"),
            Self::Memory => f.write_str("memory://"),
        }
    }
}

impl StoreUrl {
    /// Whether other machines use it at the same time, so that it may come and go without this one.
    pub fn is_shared(&self) -> bool {
        match self {
            #[cfg(feature = "sled")]
            Self::Sled(_) => false,
            #[cfg(feature = "etcd")]
            Self::Etcd(_) => true,
            #[cfg(feature = "kube")]
            Self::Kube => true,
            Self::Memory => false,
        }
    }

    /// Where an agent on this store keeps what concerns its node alone; none where that is not given with the store.
    pub fn state_dir(&self) -> Option<PathBuf> {
        match self {
            #[cfg(feature = "sled")]
            Self::Sled(config) => Some(config.path.join("node")),
            #[cfg(feature = "etcd")]
            Self::Etcd(_) => None,
            #[cfg(feature = "kube")]
            Self::Kube => None,
            Self::Memory => None,
        }
    }

    /// Opens [`Self::Kube`], for those who want more of it than a store.
    ///
    /// # Errors
    /// There is no way to the API server.
    #[cfg(feature = "kube")]
    pub async fn open_kube() -> Result<KubeStore, StoreOpenError> {
        Ok(KubeStore::connect(&KubeConfig::infer().await?)?)
    }

    /// Opens the store, off the runtime's threads; inside a tokio runtime only.
    ///
    /// # Errors
    /// What is in the way and what to do; another process that holds a sled database is named.
    pub async fn open(&self, env: &Env) -> Result<Arc<dyn Store>, StoreOpenError> {
        match self {
            #[cfg(feature = "sled")]
            Self::Sled(config) => {
                let (config, env) = (config.clone(), env.clone());
                let store = tokio::task::spawn_blocking(move || SledStore::open(&config, &env)).await??;
                for loss in store.losses() {
                    tracing::warn!(loss, "acknowledged writes are missing, and that was accepted");
                }
                Ok(Arc::new(store))
            }
            #[cfg(feature = "etcd")]
            Self::Etcd(url) => {
                let config = EtcdConfig::at(url.clone()).with_variables(|name| std::env::var(name).ok())?;
                Ok(Arc::new(EtcdStore::connect(&config, env).await?))
            }
            #[cfg(feature = "kube")]
            Self::Kube => Ok(Arc::new(Self::open_kube().await?)),
            Self::Memory => {
                let _ = env;
                tracing::warn!("everything is kept in memory and lost when this process ends");
                Ok(Arc::new(MemoryStore::new()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::StoreUrl;
    use rstest::rstest;

    #[rstest]
    #[case("memory://")]
    #[cfg_attr(feature = "sled", case("sled:///var/lib/spiderpool"))]
    #[cfg_attr(feature = "etcd", case("etcd://a:1,[::1]:2379/lab/"))]
    #[cfg_attr(feature = "kube", case("kube"))]
    fn urls(#[case] url: &str) {
        assert_eq!(url.parse::<StoreUrl>().unwrap().to_string(), url);
    }

    #[rstest]
    #[cfg_attr(not(feature = "etcd"), case("etcd://localhost", "it knows"))]
    #[cfg_attr(feature = "etcd", case("etcd://", "HOST"))]
    #[case("kube://", "it knows")]
    #[case("memory", "it knows")]
    #[case("", "it knows")]
    #[cfg_attr(feature = "sled", case("sled:/tmp", "sled://"))]
    fn wrong_urls_say_what_is_right(#[case] url: &str, #[case] says: &str) {
        let error = url.parse::<StoreUrl>().unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}
