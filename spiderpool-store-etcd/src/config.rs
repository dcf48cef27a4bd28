//! Which cluster, and how to reach it.

use std::{fmt, time::Duration};

use spiderpool_core::model::BlockBits;

use crate::EtcdUrl;

/// How long an operation may take altogether, over all members, where nothing else is said.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// 16 addresses: a block is one value, rewritten as a whole with each grant.
const BLOCK_BITS: u8 = 4;

/// Which cluster, and how to reach it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EtcdConfig {
    /// The members and the prefix of all keys.
    pub url: EtcdUrl,
    /// Certificates; none: connections are not encrypted.
    pub tls: Option<EtcdTls>,
    /// User and password, for clusters with authentication.
    pub credentials: Option<EtcdCredentials>,
    /// How long an operation may take altogether, over all members. A write that has no answer by then is
    /// [`spiderpool_core::store::StoreError::UnknownOutcome`].
    pub timeout: Duration,
    /// The block size for scopes created here.
    pub block_bits: BlockBits,
}

impl EtcdConfig {
    /// The cluster at `url`, without TLS and without authentication.
    #[must_use]
    pub fn at(url: EtcdUrl) -> Self {
        let block_bits = BlockBits::new(BLOCK_BITS).unwrap_or(BlockBits::MAX);
        Self { url, tls: None, credentials: None, timeout: DEFAULT_TIMEOUT, block_bits }
    }

    /// The same cluster with TLS.
    #[must_use]
    pub fn with_tls(self, tls: EtcdTls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// The same cluster as this user.
    #[must_use]
    pub fn with_credentials(self, credentials: EtcdCredentials) -> Self {
        Self { credentials: Some(credentials), ..self }
    }

    /// The same cluster with this limit for each operation.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }
}

/// Certificates, in PEM.
#[derive(Clone)]
pub struct EtcdTls {
    /// Whom the members' certificates must be signed by. Certificates of public authorities are not trusted.
    pub authority: Vec<u8>,
    /// The certificate and the key that clients show, for clusters that ask for one.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl fmt::Debug for EtcdTls {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdTls").field("identity", &self.identity.is_some()).finish_non_exhaustive()
    }
}

/// A user of etcd.
#[derive(Clone)]
pub struct EtcdCredentials {
    /// The user's name. The user needs to read and write the prefix of the URL.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for EtcdCredentials {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdCredentials").field("user", &self.user).finish_non_exhaustive()
    }
}
