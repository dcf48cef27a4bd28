//! The store on etcd, which agents use at the same time.

use std::sync::Arc;

use spiderpool_core::{env::Env, store::Store};
use spiderpool_store_etcd::{EtcdConfig, EtcdStore, EtcdUrl, EtcdUrlError};

use crate::{
    failure::{Exit, Failure},
    session::store_failure,
};

/// Connects to the cluster at `url`, with certificates and credentials from the environment.
pub(crate) async fn open(url: &str, env: &Env) -> Result<Arc<dyn Store>, Failure> {
    let url: EtcdUrl = url.parse().map_err(|error: EtcdUrlError| Failure::usage(error.to_string()))?;
    let config = EtcdConfig::at(url).with_variables(|name| std::env::var(name).ok());
    let config = config.map_err(|error| {
        Failure::new(Exit::Usage, "what the environment says about etcd cannot be used").because(error)
    })?;
    let store = EtcdStore::connect(&config, env).await.map_err(store_failure)?;
    Ok(Arc::new(store))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_url_that_is_none_is_a_mistake_of_usage() {
        let failure = open("etcd://user:secret@a", &Env::system()).await.unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        assert!(!failure.to_string().contains("secret"), "{failure}");
    }
}
