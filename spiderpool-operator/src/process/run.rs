//! The controller as a whole: from settings to the end.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use spiderpool_cni::agent::stop_signal;
use spiderpool_core::{
    admin::Rules,
    alloc::{Allocator, AllocatorConfig, OpenError},
    env::Env,
    lease::{Holder, Leadership, LeaseTiming, lease_key},
    store::Store,
    sweep::SweepPolicy,
};
use spiderpool_store_kube::{ConnectError, KubeConfig, KubeStore};
use tokio::net::TcpListener;

use super::{
    Settings,
    events::ClusterNotices,
    health,
    leader::{Election, stand},
    leading::{Duties, lead},
    metrics::{self, Metrics},
    settings::SettingError,
    tls::Tls,
};
use crate::{
    LEASE_NAME,
    webhook::{self, Admission, CertificateError, TlsListener},
};

/// The longest pause between two tries to open the store.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Why the controller ended otherwise than by being told to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControllerError {
    /// A setting cannot be.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// There is no way to the API server.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// What is stored cannot be used.
    #[error("the cluster's addresses cannot be read: {0}")]
    Open(#[source] OpenError),
    /// The webhook has no certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// It cannot listen.
    #[error("cannot listen for {what} on {address}: {source}; choose another port with {flag}")]
    Listen {
        /// For what.
        what: &'static str,
        /// The flag.
        flag: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A listener failed.
    #[error("cannot serve any more: {0}")]
    Serve(#[source] io::Error),
    /// It cannot be told to stop.
    #[error("signals cannot be received: {0}")]
    Signals(#[source] io::Error),
}

async fn listen(
    what: &'static str,
    flag: &'static str,
    address: SocketAddr,
) -> Result<TcpListener, ControllerError> {
    TcpListener::bind(address).await.map_err(|source| ControllerError::Listen { what, flag, address, source })
}

/// Runs the controller until SIGTERM or SIGINT; then it hands leadership over at once.
///
/// # Errors
/// What is in the way, and what to do.
pub async fn run(settings: Settings) -> Result<(), ControllerError> {
    let (home, host, families) = (settings.home()?, settings.host()?, settings.families()?);
    let (auto_pools, timing) = (settings.auto_pools()?, LeaseTiming::new(settings.lease()?.duration()));
    let key =
        lease_key(&home, LEASE_NAME).map_err(|source| SettingError::Name { flag: "--namespace", source })?;
    let stop = stop_signal().map_err(ControllerError::Signals)?;
    let probes = listen("health", "--health-port", settings.health()).await?;
    let scrapes = listen("metrics", "--metrics-port", settings.metrics()).await?;
    let (election, figures) = (Election::default(), Metrics::new());
    let health = health::router(election.clone());
    let policy = SweepPolicy::from_env(|name| std::env::var(name).ok())
        .map_err(|error| SettingError::Sweep(error.to_string()))?;
    let env = Env::system();
    let store = KubeStore::connect(&KubeConfig::infer().await?)?;
    let asked = listen("the webhook", "--webhook-port", settings.webhook()).await?;
    let tls = Tls::new(&settings, Arc::clone(&env.clock))?;
    let admission = Admission {
        allocator: Arc::default(),
        own_user: settings.own_user().into(),
        deletions: settings.deletions(),
    };
    let at = |listener: &TcpListener| listener.local_addr().ok().map(tracing::field::display);
    tracing::info!(health = at(&probes), metrics = at(&scrapes), webhook = at(&asked), %host, "serving");
    let webhook = TlsListener::new(asked, tls.certificates()).map_err(ControllerError::Serve)?;
    let opened = Arc::clone(&admission.allocator);
    let leadership = Arc::new(Leadership::new(
        Arc::new(store.clone()) as Arc<dyn Store>,
        env.clone(),
        key,
        Holder::on(&host, &env),
        timing,
    ));
    let work = async {
        let mut config = AllocatorConfig::new(host.clone());
        config.rules = Rules { families, ..Rules::default() };
        let allocator = open(&store, &env, config).await?;
        // It is set once.
        let _ = opened.set(allocator.clone());
        let duties = Duties {
            store: store.clone(),
            allocator,
            notices: Arc::new(ClusterNotices {
                store: store.clone(),
                clock: Arc::clone(&env.clock),
                host: host.to_string(),
            }),
            auto_pools: settings.enable_auto_pool.then_some(auto_pools),
            groups: settings.groups().collect(),
            metrics: Arc::clone(&figures),
            policy,
            sweep_interval: (settings.sweep_interval > 0)
                .then(|| Duration::from_secs(settings.sweep_interval)),
        };
        let follows = || figures.follows();
        stand(Arc::clone(&leadership), timing.pause(), election, || lead(duties.clone()), follows).await;
        Ok::<(), ControllerError>(())
    };
    tokio::select! {
        served = async { axum::serve(probes, health).await } => served.map_err(ControllerError::Serve)?,
        served = async { axum::serve(scrapes, metrics::router(Arc::clone(&figures))).await } => {
            served.map_err(ControllerError::Serve)?;
        }
        served = async { axum::serve(webhook, webhook::router(admission)).await } => {
            served.map_err(ControllerError::Serve)?;
        }
        () = tls.keep(store.clone()) => {}
        ended = work => ended?,
        () = stop => tracing::info!("stopping"),
    }
    if let Err(error) = leadership.resign().await {
        tracing::debug!(%error, lease = LEASE_NAME, "the lease is not given up; it runs out");
    }
    Ok(())
}

/// Opens the allocator. While the API server is not there, or does not serve Spiderpool's kinds yet, it is waited for.
async fn open(store: &KubeStore, env: &Env, config: AllocatorConfig) -> Result<Allocator, ControllerError> {
    let mut pause = Duration::from_millis(500);
    loop {
        let opened = Allocator::open(Arc::new(store.clone()), env.clone(), config.clone()).await;
        match opened {
            Err(OpenError::Store(error)) if error.may_pass() => {
                tracing::warn!(%error, "waiting for the API server");
            }
            opened => return opened.map_err(ControllerError::Open),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
