//! The conformance kit.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use async_trait::async_trait;
use spiderpool_core::{
    env::{BoxFuture, Env},
    store::{
        Store, StoreError,
        conformance::{Harness, Names, Report, run},
    },
};
use spiderpool_store_kube::{KubeConfig, KubeStore};

use crate::cluster::{Cluster, shared};

/// What the API server claims leaves these out: documents without a limit, the refusal of watches, exclusiveness, and
/// the two checks that need a crash, which is nothing to a store that keeps nothing.
pub(crate) const EXECUTED: usize = 38;

/// Puts something between the kit and the store.
type Wrap = Box<dyn Fn(KubeStore) -> Arc<dyn Store> + Send + Sync>;

/// A store on the API server of a configuration.
pub(crate) struct OnServer {
    pub(crate) config: KubeConfig,
    pub(crate) certain: bool,
    pub(crate) volume: usize,
    pub(crate) wrap: Wrap,
}

impl std::fmt::Debug for OnServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnServer")
    }
}

#[async_trait]
impl Harness for OnServer {
    fn env(&self) -> Env {
        Env::system()
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(600)
    }

    fn volume(&self) -> usize {
        self.volume
    }

    fn names(&self) -> Names {
        Names::Kubernetes
    }

    fn certain(&self) -> bool {
        self.certain
    }

    async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        let store =
            KubeStore::connect(&self.config).map_err(|error| StoreError::unavailable(error.to_string()))?;
        Ok((self.wrap)(store))
    }

    fn can_crash(&self) -> bool {
        false
    }

    async fn crash(&self, _: Arc<dyn Store>) -> Result<(), StoreError> {
        Err(StoreError::Unsupported { what: "a crash" })
    }

    async fn parallel(&self, work: Vec<BoxFuture<()>>) {
        let tasks: Vec<_> = work.into_iter().map(tokio::spawn).collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
}

/// The store on `cluster`, as it is.
pub(crate) async fn on(cluster: &Cluster) -> OnServer {
    let mut config = cluster.config().await;
    // More than a page of whatever is read page by page.
    config.page = NonZeroU32::new(50).unwrap();
    OnServer { config, certain: true, volume: 600, wrap: Box::new(|store| Arc::new(store)) }
}

pub(crate) fn green(report: &Report, executed: usize) {
    println!("{report}");
    assert!(report.is_green(executed), "{report}");
}

#[test]
fn the_api_server_keeps_the_contract() {
    let Some(cluster) = shared() else { return };
    let report = cluster.runtime.block_on(async { run(&on(&cluster).await).await });
    green(&report, EXECUTED);
}
