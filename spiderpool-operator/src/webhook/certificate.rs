//! The certificate that the webhook shows: given as files, or made here and made anew before it runs out.

use std::{fs, io, path::PathBuf, sync::Arc};

use parking_lot::RwLock;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};
use spiderpool_core::{env::Clock, time::Timestamp};
use tokio_rustls::rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// A certificate made here is good for so many days; it is made anew long before.
const DAYS: i64 = 90;
/// Clocks may be so many days apart.
const SKEW: i64 = 1;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{}: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What it holds is no certificate or key.
    #[error("the webhook's certificate or key cannot be used: {0}")]
    Unusable(String),
}

fn unusable(error: impl std::fmt::Display) -> CertificateError {
    CertificateError::Unusable(error.to_string())
}

/// Where a certificate is given: PEM, as cert-manager and Helm write it.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// The chain, the server's own first.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Certificates that are made here. The key never leaves the process.
#[derive(Clone, Debug)]
pub struct SelfSigned {
    /// The names and addresses under which the webhook is asked.
    pub names: Vec<String>,
}

/// A server's configuration that can be exchanged while it serves.
#[derive(Clone, Debug)]
pub struct Certificates(Arc<RwLock<Arc<ServerConfig>>>);

impl Certificates {
    /// Those of this chain and key, in PEM.
    ///
    /// # Errors
    /// They cannot be used.
    pub fn new(certificate: &str, key: &str) -> Result<Self, CertificateError> {
        Ok(Self(Arc::new(RwLock::new(config(certificate, key)?))))
    }

    /// Shows others from the next connection on.
    ///
    /// # Errors
    /// They cannot be used; the present ones stay.
    pub fn exchange(&self, certificate: &str, key: &str) -> Result<(), CertificateError> {
        *self.0.write() = config(certificate, key)?;
        Ok(())
    }

    pub(super) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.read())
    }
}

fn config(certificate: &str, key: &str) -> Result<Arc<ServerConfig>, CertificateError> {
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect::<Result<Vec<_>, _>>();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(unusable)?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = builder
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain.map_err(unusable)?, key)
        .map_err(unusable)?;
    Ok(Arc::new(config))
}

impl CertificateFiles {
    /// What the files hold now: chain and key.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn read(&self) -> Result<(String, String), CertificateError> {
        let read = |path: &PathBuf| {
            fs::read_to_string(path).map_err(|source| CertificateError::File { path: path.clone(), source })
        };
        Ok((read(&self.certificate)?, read(&self.key)?))
    }
}

impl SelfSigned {
    /// A new certificate that signs itself, and its key.
    ///
    /// # Errors
    /// A name is none.
    pub fn make(&self, clock: &dyn Clock) -> Result<(String, String), CertificateError> {
        let key = KeyPair::generate().map_err(unusable)?;
        let mut params = CertificateParams::new(self.names.clone()).map_err(unusable)?;
        params.distinguished_name.push(DnType::CommonName, "spiderpool-controller");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let date = |(year, month, day)| rcgen::date_time_ymd(year, month, day);
        params.not_before = date(day(clock, -SKEW));
        params.not_after = date(day(clock, DAYS));
        let certificate = params.self_signed(&key).map_err(unusable)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }
}

/// The date so many days from now: year, month, day.
fn day(clock: &dyn Clock, from_now: i64) -> (i32, u8, u8) {
    const DAY: i64 = 24 * 60 * 60 * 1_000;
    let then = Timestamp::from_millis(clock.now().as_millis() + from_now * DAY).to_string();
    let mut parts = then.split(['-', 'T']);
    let mut part = || parts.next().and_then(|part| part.parse::<u16>().ok()).unwrap_or(1);
    let (year, month, day) = (part(), part(), part());
    let small = |number: u16| u8::try_from(number).unwrap_or(1);
    (year.into(), small(month), small(day))
}

#[cfg(test)]
mod tests {
    use spiderpool_core::env::Env;

    use super::*;

    #[test]
    fn what_is_made_here_can_be_shown_and_exchanged() {
        let env = Env::system();
        let maker =
            SelfSigned { names: vec!["spiderpool-controller.kube-system.svc".into(), "127.0.0.1".into()] };
        let (certificate, key) = maker.make(env.clock.as_ref()).unwrap();
        let shown = Certificates::new(&certificate, &key).unwrap();
        let (next, next_key) = maker.make(env.clock.as_ref()).unwrap();
        assert_ne!(certificate, next);
        let before = shown.current();
        assert!(shown.exchange(&next, &key).is_err(), "another key's certificate");
        assert!(Arc::ptr_eq(&before, &shown.current()), "the present one stays");
        shown.exchange(&next, &next_key).unwrap();
        assert!(!Arc::ptr_eq(&before, &shown.current()));
    }
}
