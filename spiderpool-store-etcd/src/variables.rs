//! Certificates and credentials by environment variables: in a URL, every list of processes would show them.

use std::{fs, io, path::PathBuf};

use crate::{EtcdConfig, EtcdCredentials, EtcdTls};

/// The file with the authority that signed the members' certificates; TLS is on if it is set.
const CA: &str = "SPIDERPOOL_ETCD_CA";
/// The file with the certificate that clients show.
const CERT: &str = "SPIDERPOOL_ETCD_CERT";
/// The file with its key.
const KEY: &str = "SPIDERPOOL_ETCD_KEY";
/// The user.
const USER: &str = "SPIDERPOOL_ETCD_USER";
/// The file with the password; what ends its last line is no part of it.
const PASSWORD_FILE: &str = "SPIDERPOOL_ETCD_PASSWORD_FILE";

/// What is wrong with the variables.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VariablesError {
    /// One says nothing without another.
    #[error("{set} is set and {missing} is not: set both or neither")]
    Missing {
        /// The one that is set.
        set: &'static str,
        /// The one that goes with it.
        missing: &'static str,
    },
    /// A file cannot be read.
    #[error("{variable} names {}, which cannot be read", .path.display())]
    Unreadable {
        /// The variable.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl EtcdConfig {
    /// This configuration with what the environment says: `SPIDERPOOL_ETCD_CA`, `SPIDERPOOL_ETCD_CERT` and
    /// `SPIDERPOOL_ETCD_KEY` name files in PEM, `SPIDERPOOL_ETCD_USER` the user and `SPIDERPOOL_ETCD_PASSWORD_FILE` a file
    /// with the password. `variable` looks one up; an empty one is none. Reads the files, which blocks for a moment.
    ///
    /// # Errors
    /// One of two that go together is missing, or a file cannot be read.
    pub fn with_variables(
        mut self,
        variable: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Self, VariablesError> {
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let file = |name: &'static str| {
            let path = variable(name).map(PathBuf::from);
            path.map(|path| {
                fs::read(&path).map_err(|source| VariablesError::Unreadable { variable: name, path, source })
            })
            .transpose()
        };
        let pair = |(first, a): (&'static str, bool), (second, b): (&'static str, bool)| match (a, b) {
            (true, false) => Err(VariablesError::Missing { set: first, missing: second }),
            (false, true) => Err(VariablesError::Missing { set: second, missing: first }),
            _ => Ok(()),
        };
        let (authority, certificate, key) = (file(CA)?, file(CERT)?, file(KEY)?);
        pair((CERT, certificate.is_some()), (KEY, key.is_some()))?;
        if authority.is_none() && certificate.is_some() {
            return Err(VariablesError::Missing { set: CERT, missing: CA });
        }
        if let Some(authority) = authority {
            self.tls = Some(EtcdTls { authority, identity: certificate.zip(key) });
        }
        let (user, password) = (variable(USER), file(PASSWORD_FILE)?);
        pair((USER, user.is_some()), (PASSWORD_FILE, password.is_some()))?;
        if let Some((user, password)) = user.zip(password) {
            let password = String::from_utf8_lossy(&password).trim_end_matches(['\r', '\n']).to_owned();
            self.credentials = Some(EtcdCredentials { user, password });
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn config(set: &[(&str, &str)]) -> Result<EtcdConfig, VariablesError> {
        let variable = |name: &str| {
            set.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
        };
        EtcdConfig::at("etcd://a".parse().unwrap()).with_variables(variable)
    }

    #[test]
    fn files_are_read_and_what_is_not_set_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (ca, cert, key) = (file("ca", "CA"), file("cert", "CERT"), file("key", "KEY"));
        let password = file("password", " secret\n");
        let bare = config(&[(CA, "")]).unwrap();
        assert!(bare.tls.is_none() && bare.credentials.is_none());
        let full =
            config(&[(CA, &ca), (CERT, &cert), (KEY, &key), (USER, "agent"), (PASSWORD_FILE, &password)])
                .unwrap();
        let tls = full.tls.clone().unwrap();
        assert_eq!(
            (tls.authority, tls.identity),
            (b"CA".to_vec(), Some((b"CERT".to_vec(), b"KEY".to_vec())))
        );
        assert_eq!(full.credentials.clone().unwrap().password, " secret");
        let shown = format!("{full:?}");
        assert!(!shown.contains("secret") && !shown.contains("75, 69, 89"), "{shown}");
        assert!(config(&[(CA, &ca)]).unwrap().tls.unwrap().identity.is_none());
        // A certificate is nothing without what it is shown to.
        let alone = config(&[(CERT, &cert), (KEY, &key)]).unwrap_err().to_string();
        assert!(alone.contains(CA), "{alone}");
    }

    #[rstest]
    #[case(&[(USER, "agent")], PASSWORD_FILE)]
    #[case(&[(CA, "/nowhere/ca")], "/nowhere/ca")]
    #[case(&[(CERT, "/dev/null")], KEY)]
    #[case(&[(KEY, "/dev/null")], CERT)]
    #[case(&[(PASSWORD_FILE, "/dev/null")], USER)]
    fn what_is_missing_is_named(#[case] set: &[(&str, &str)], #[case] named: &str) {
        let error = config(set).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
}
