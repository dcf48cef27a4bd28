//! The daemon as a whole: from settings to the end.

use super::leader::{LEASE, Leader};
use super::live::{Live, offer};
use super::sweeper::{follow_ends, sweep};
use super::{
    Agent, ConfigurationError, Diagnostics, LogLevel, Metered, Metrics, ServeError, Services, Settings,
    SweepInterval, stop_signal,
};
use crate::intents::{FileLog, LogError};
#[cfg(feature = "kube")]
use crate::node::ClusterPods;
use crate::node::{Node, NodeConfig, PodSource, Reach, StorePods};
use crate::store_url::StoreOpenError;
#[cfg(feature = "kube")]
use crate::store_url::StoreUrl;
use spiderpool_core::alloc::{IntentLog, OpenError};
use spiderpool_core::env::Env;
use spiderpool_core::lease::{Holder, Leadership, lease_key};
use spiderpool_core::name::{NameError, Namespace, NodeName, ScopeName};
use spiderpool_core::store::Store;
use spiderpool_core::sweep::SweepPolicy;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Why the daemon ended otherwise than by being told to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DaemonError {
    /// A setting cannot be.
    #[error("{flag}: {why}")]
    Setting {
        /// Which.
        flag: &'static str,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The configuration file.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// It cannot listen or serve.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// There is no intent log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store does not open.
    #[error("the store does not open: {0}")]
    Store(#[from] StoreOpenError),
    /// The store opens, and what is in it cannot be used.
    #[error("{}", with_source(.0))]
    Open(#[source] OpenError),
    /// It cannot be told to stop.
    #[error("signals cannot be received: {0}")]
    Signals(#[source] io::Error),
    /// It was told to stop twice.
    #[error("stopped at once, as asked a second time; running requests were cut off")]
    Interrupted,
}

fn with_source(error: &OpenError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// Everything that the settings say about granting.
fn node_config(settings: &Settings) -> Result<NodeConfig, DaemonError> {
    let wrong = |flag| move |error: NameError| DaemonError::Setting { flag, why: error.to_string() };
    let node = settings.node_name().ok_or_else(|| DaemonError::Setting {
        flag: "--node-name",
        why: "it is not set, and the host has no name; set it".into(),
    })?;
    let cluster_network = settings.multus_cluster_network.as_deref().filter(|name| !name.is_empty());
    Ok(NodeConfig {
        node: NodeName::new(node).map_err(wrong("--node-name"))?,
        scope: ScopeName::default_scope(),
        offer: offer(settings)?,
        home: Namespace::new(&settings.namespace).map_err(wrong("--namespace"))?,
        cluster_network: cluster_network
            .map(str::parse)
            .transpose()
            .map_err(wrong("--multus-cluster-network"))?,
        auto_pool_patience: Duration::from_secs(settings.auto_pool_patience),
        state: settings.state_dir(),
        endpoints: settings.endpoints,
        log: None,
        policy: SweepPolicy::from_env(|name| std::env::var(name).ok())
            .map_err(|error| DaemonError::Setting { flag: "the environment", why: error.to_string() })?,
    })
}

/// Runs the daemon until SIGTERM or SIGINT.
///
/// It listens before it opens the store: a plugin that calls meanwhile waits for its answer instead of failing.
///
/// # Errors
/// What is in the way, and what to do.
pub async fn daemon(settings: Settings, level: LogLevel) -> Result<(), DaemonError> {
    let (live, settings) = Live::read(settings, level)?;
    let config = node_config(&settings)?;
    let first = stop_signal().map_err(DaemonError::Signals)?;
    let (tell, told) = oneshot::channel();
    let told_twice = async move {
        first.await;
        let second = stop_signal().map_err(DaemonError::Signals)?;
        let _ = tell.send(());
        second.await;
        Err(DaemonError::Interrupted)
    };
    let told = async move {
        let _ = told.await;
    };
    tokio::select! {
        served = serve(settings, live, config, told) => served,
        interrupted = told_twice => interrupted,
    }
}

/// The longest pause between two tries to open a store of others.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Opens the store and takes in what the node holds. While a store of many is not there, it is waited for: after a power
/// cut agents start before their cluster does.
async fn open(
    settings: &Settings,
    config: &NodeConfig,
    env: &Env,
) -> Result<(Arc<dyn Store>, Arc<Node>), DaemonError> {
    let mut pause = Duration::from_secs(1);
    loop {
        match open_once(settings, config, env).await {
            Err(error) if settings.store.is_shared() && may_pass(&error) => {
                tracing::warn!(%error, store = %settings.store, "waiting for the store");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            opened => return opened,
        }
    }
}

async fn open_once(
    settings: &Settings,
    config: &NodeConfig,
    env: &Env,
) -> Result<(Arc<dyn Store>, Arc<Node>), DaemonError> {
    let (store, pods) = open_store(settings, config, env).await?;
    let node = Node::open(Arc::clone(&store), pods, env.clone(), config.clone()).await;
    Ok((store, Arc::new(node.map_err(DaemonError::Open)?)))
}

/// The store, and where pods are learned of.
async fn open_store(
    settings: &Settings,
    config: &NodeConfig,
    env: &Env,
) -> Result<(Arc<dyn Store>, Arc<dyn PodSource>), DaemonError> {
    #[cfg(feature = "kube")]
    if settings.store == StoreUrl::Kube {
        let store = StoreUrl::open_kube().await?;
        let pods = ClusterPods::follow(&store, config.node.clone());
        return Ok((Arc::new(store), Arc::new(pods)));
    }
    let _ = config;
    let store = settings.store.open(env).await?;
    let pods = Arc::new(StorePods(Arc::clone(&store)));
    Ok((store, pods))
}

/// Whether the same may go well later, with nobody doing anything about it.
fn may_pass(error: &DaemonError) -> bool {
    let error = match error {
        DaemonError::Open(OpenError::Store(error)) => error,
        #[cfg(feature = "etcd")]
        DaemonError::Store(StoreOpenError::Etcd(error)) => error,
        _ => return false,
    };
    error.may_pass()
}

/// On a store of many, the log that says after a restart which blocks are this node's.
fn intent_log(settings: &Settings, config: &NodeConfig) -> Result<Option<Arc<dyn IntentLog>>, DaemonError> {
    let Some(dir) = settings.state_dir().filter(|_| settings.store.is_shared()) else { return Ok(None) };
    let log = FileLog::open(&dir, &format!("{} {} {}", settings.store, config.scope, config.node))?;
    Ok(Some(Arc::new(log)))
}

async fn serve(
    settings: Settings,
    live: Live,
    mut config: NodeConfig,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), DaemonError> {
    let env = Env::system();
    let agent = Agent::bind(&settings).await?;
    config.log = intent_log(&settings, &config)?;
    let mut stop = pin!(stop);
    let (store, node) = tokio::select! {
        () = &mut stop => return Ok(()),
        opened = open(&settings, &config, &env) => opened?,
    };
    tracing::info!(store = %settings.store, held = node.allocator().held(), "the store is open");
    let metrics = Arc::new(Metrics::new());
    let ipam = Arc::new(Metered::new(Arc::clone(&node) as _, Arc::clone(&metrics)));
    let leader = leader(&settings, &config, &store, &env)?;
    let timing = settings.lease_duration.timing();
    let diagnostics = diagnostics(&settings, &node, &env);
    let mut tasks = JoinSet::new();
    tasks.spawn(live.follow(Arc::clone(&node)));
    if let SweepInterval::Every(interval) = settings.sweep_interval {
        let (standing, node, metrics) = (leader.clone(), Arc::clone(&node), Arc::clone(&metrics));
        if settings.sweep_reach == Reach::Everything {
            tasks.spawn(async move { standing.stand(timing).await });
        }
        tasks.spawn(follow_ends(Arc::clone(&node), Arc::clone(&metrics)));
        let (leader, how) = (leader.clone(), (interval, settings.sweep_reach));
        tasks.spawn(async move { sweep(node, leader, metrics, env, how).await });
    }
    let stop = async {
        stop.await;
        // Whatever they have begun is whole or not done: every step is one write.
        tasks.abort_all();
    };
    agent.serve(Services { ipam, store, metrics, diagnostics }, stop).await?;
    leader.resign().await;
    node.settle_endpoints().await;
    Ok(())
}

/// What the agent says of itself besides what every process says.
fn diagnostics(settings: &Settings, node: &Arc<Node>, env: &Env) -> Diagnostics {
    let (node, store) = (Arc::clone(node), settings.store.to_string());
    let name = settings.node_name().unwrap_or_default();
    Diagnostics::new("spiderpool-agent", env!("CARGO_PKG_VERSION"), Arc::clone(&env.clock), move || {
        let conflicts = node.allocator().conflicts();
        [
            ("store", store.clone()),
            ("node", name.clone()),
            ("heldAddresses", node.allocator().held().to_string()),
            ("conflictsOfGrants", conflicts.grants.to_string()),
            ("conflictsOfReleases", conflicts.releases.to_string()),
        ]
        .into()
    })
}

/// Whether there are other agents on the store, and then the lease that one of them has.
fn leader(
    settings: &Settings,
    config: &NodeConfig,
    store: &Arc<dyn Store>,
    env: &Env,
) -> Result<Leader, DaemonError> {
    if !settings.store.is_shared() {
        return Ok(Leader::Alone);
    }
    let key = lease_key(&config.home, LEASE)
        .map_err(|error| DaemonError::Setting { flag: "--namespace", why: error.to_string() })?;
    let (holder, timing) = (Holder::on(&config.node, env), settings.lease_duration.timing());
    let leadership = Leadership::new(Arc::clone(store), env.clone(), key, holder, timing);
    Ok(Leader::OneOf(Arc::new(leadership)))
}
