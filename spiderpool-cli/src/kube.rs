//! The store on the Kubernetes API, which agents and the controller use at the same time.

use std::sync::Arc;

use spiderpool_core::store::Store;
use spiderpool_store_kube::{ConnectError, KubeConfig, KubeStore};

use crate::failure::{Exit, Failure};

/// Connects as kubectl would: `KUBECONFIG`, the user's kubeconfig, or the service account of the pod.
pub(crate) async fn open() -> Result<Arc<dyn Store>, Failure> {
    let unreachable = |error: ConnectError| Failure::new(Exit::Unreachable, error.to_string());
    let config = KubeConfig::infer().await.map_err(unreachable)?;
    Ok(Arc::new(KubeStore::connect(&config).map_err(unreachable)?))
}
