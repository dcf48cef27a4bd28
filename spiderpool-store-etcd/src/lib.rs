//! Spiderpool's documents on etcd v3, for many machines without Kubernetes.
//!
//! So far this crate knows how a cluster is named, [`EtcdUrl`]; the store itself is not written yet. It will be one
//! transaction per compare-and-swap on `mod_revision`, a watch that resumes, and a lease for leadership.

mod url;

pub use url::{DEFAULT_PORT, DEFAULT_PREFIX, EtcdUrl, EtcdUrlError, Member};
