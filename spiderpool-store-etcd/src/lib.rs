//! Spiderpool's documents on etcd v3, for many machines without Kubernetes.
//!
//! Each compare-and-swap is one transaction on the key's `mod_revision`, which is the token. Reads and listings are
//! linearizable, and a listing shows one revision. A watch goes on at another member when its own is gone, and says
//! `Expired` when the history that it needs was compacted.
//!
//! Members are asked one at a time. What surely had no effect is asked of the next member, for as long as
//! [`EtcdConfig::timeout`]; a write without an answer is never sent again, and is reported as
//! [`UnknownOutcome`](spiderpool_core::store::StoreError::UnknownOutcome).
//!
//! ```no_run
//! use spiderpool_core::{env::Env, store::{Kind, Selector, Store}};
//! use spiderpool_store_etcd::{EtcdConfig, EtcdStore};
//!
//! # async fn example(env: Env) -> Result<(), Box<dyn std::error::Error>> {
//! let config = EtcdConfig::at("etcd://10.0.0.1,10.0.0.2,10.0.0.3/lab".parse()?);
//! let store = EtcdStore::connect(&config, &env).await?;
//! let pools = store.list(&Selector::Kind(Kind::Pool)).await?;
//! # let _ = pools;
//! # Ok(())
//! # }
//! ```

mod backend;
mod cluster;
mod config;
mod failure;
mod keys;
mod read;
mod url;
mod variables;
mod watch;
mod write;

pub use backend::EtcdStore;
pub use config::{DEFAULT_TIMEOUT, EtcdConfig, EtcdCredentials, EtcdTls};
pub use url::{DEFAULT_PORT, DEFAULT_PREFIX, EtcdUrl, EtcdUrlError, Member};
pub use variables::VariablesError;
