//! Where the API server is, and how it is asked.

use std::{num::NonZeroU32, path::Path, time::Duration};

use kube::config::{KubeConfigOptions, Kubeconfig};
use spiderpool_core::model::BlockBits;

/// Small blocks win where many agents write at the same time; measured.
const BLOCK_BITS: BlockBits = match BlockBits::new(4) {
    Some(bits) => bits,
    None => BlockBits::MAX,
};

/// Longer than a busy API server takes, shorter than a runtime waits for an address.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A few megabytes. Four times what other clients ask for: a page takes the API server 30 ms besides what its objects take.
const PAGE: NonZeroU32 = NonZeroU32::new(2_000).unwrap();

/// Why there is no connection to an API server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// There is no kubeconfig and this is no pod, or the kubeconfig cannot be read.
    #[error(
        "the API server is not known: {message}. Set KUBECONFIG to a kubeconfig file, or run in a pod with a service \
         account"
    )]
    Unknown {
        /// What was tried.
        message: String,
    },
    /// Its address or credentials cannot be used.
    #[error("the connection to the API server at {server} cannot be set up: {message}")]
    Unusable {
        /// The address.
        server: String,
        /// What is wrong.
        message: String,
    },
}

/// Where the API server is, and how it is asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KubeConfig {
    /// Address and credentials. That a request is tried again by the client is switched off when connecting: a write
    /// that the server may have carried out must not be sent twice.
    pub connection: kube::Config,
    /// How long an answer may take; then the outcome of a write is unknown. 10 s by default.
    pub timeout: Duration,
    /// The block size for scopes created here. 16 addresses by default.
    pub block_bits: BlockBits,
    /// How many objects are asked for at once where all blocks, endpoints or pods are read. 2,000 by default.
    pub page: NonZeroU32,
}

impl KubeConfig {
    /// With this address and these credentials.
    #[must_use]
    pub fn new(connection: kube::Config) -> Self {
        Self { connection, timeout: TIMEOUT, block_bits: BLOCK_BITS, page: PAGE }
    }

    /// From `KUBECONFIG` or the user's kubeconfig, or else from the service account of the pod that this runs in.
    ///
    /// # Errors
    /// [`ConnectError::Unknown`].
    pub async fn infer() -> Result<Self, ConnectError> {
        let found = kube::Config::infer().await;
        found.map(Self::new).map_err(|error| ConnectError::Unknown { message: error.to_string() })
    }

    /// From the kubeconfig file at `path`, with its current context or the one named.
    ///
    /// # Errors
    /// [`ConnectError::Unknown`].
    pub async fn from_file(path: &Path, context: Option<&str>) -> Result<Self, ConnectError> {
        let unknown = |error: &dyn std::fmt::Display| ConnectError::Unknown {
            message: format!("{}: {error}", path.display()),
        };
        let file = Kubeconfig::read_from(path).map_err(|error| unknown(&error))?;
        let options =
            KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
        let connection = kube::Config::from_custom_kubeconfig(file, &options).await;
        connection.map(Self::new).map_err(|error| unknown(&error))
    }

    /// A client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ConnectError::Unusable`].
    pub(crate) fn client(&self) -> Result<kube::Client, ConnectError> {
        let mut connection = self.connection.clone();
        connection.default_retry = false;
        let server = connection.cluster_url.to_string();
        kube::Client::try_from(connection)
            .map_err(|error| ConnectError::Unusable { server, message: error.to_string() })
    }
}
