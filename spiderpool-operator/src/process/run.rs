//! The controller as a whole: from settings to the end.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use parking_lot::RwLock;
use spiderpool_cni::agent::{
    ConfigurationError, Diagnostics, LogLevel, diagnostics_router, reading_router, stop_signal,
};
use spiderpool_core::{
    admin::Rules,
    alloc::{Allocator, AllocatorConfig, OpenError},
    env::Env,
    lease::{Holder, Leadership, LeaseTiming, lease_key},
    name::NodeName,
    store::Store,
    sweep::SweepPolicy,
};
use spiderpool_store_kube::{ConnectError, KubeConfig, KubeStore};
use tokio::{net::TcpListener, sync::watch};

use super::{
    Settings,
    events::ClusterNotices,
    health,
    leader::{Election, stand},
    leading::{Duties, lead_by},
    live::Live,
    metrics::{self, Metrics},
    settings::SettingError,
    tls::Tls,
};
use crate::{
    LEASE_NAME,
    webhook::{self, Admission, CertificateError, Judge, TlsListener},
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
    /// The configuration file.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
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
pub async fn run(given: Settings, level: LogLevel) -> Result<(), ControllerError> {
    let (mut live, settings) = Live::read(given, level)?;
    let (home, host, timing) =
        (settings.home()?, settings.host()?, LeaseTiming::new(settings.lease()?.duration()));
    let key =
        lease_key(&home, LEASE_NAME).map_err(|source| SettingError::Name { flag: "--namespace", source })?;
    let stop = stop_signal().map_err(ControllerError::Signals)?;
    let probes = listen("health", "--health-port", settings.health()).await?;
    let scrapes = listen("metrics", "--metrics-port", settings.metrics()).await?;
    let shown = listen("diagnostics", "--diagnostics-port", settings.diagnostics()).await?;
    let looked = listen("spiderpoolctl", "--cli-port", settings.cli()).await?;
    let (election, figures) = (Election::default(), Metrics::new());
    let health = health::router(election.clone());
    let env = Env::system();
    let store = KubeStore::connect(&KubeConfig::infer().await?)?;
    let asked = listen("the webhook", "--webhook-port", settings.webhook()).await?;
    let tls = Tls::new(&settings, Arc::clone(&env.clock))?;
    let admission = Admission { judge: Arc::default(), own_user: settings.own_user().into() };
    let at = |listener: &TcpListener| listener.local_addr().ok().map(tracing::field::display);
    tracing::info!(health = at(&probes), metrics = at(&scrapes), webhook = at(&asked), diagnostics = at(&shown), cli = at(&looked), %host, "serving");
    let webhook = TlsListener::new(asked, tls.certificates()).map_err(ControllerError::Serve)?;
    let (judge, kept) = (Arc::clone(&admission.judge), store.clone());
    let leadership = Arc::new(Leadership::new(
        Arc::new(store.clone()) as Arc<dyn Store>,
        env.clone(),
        key,
        Holder::on(&host, &env),
        timing,
    ));
    let diagnostics = diagnostics(&election, &env, &host);
    // Whoever watches through it is cut off with the process.
    let (_goes_on, stops) = watch::channel(false);
    let reading = reading_router(Arc::new(store.clone()), stops);
    let work = async {
        let notices = Arc::new(ClusterNotices {
            store: store.clone(),
            clock: Arc::clone(&env.clock),
            host: host.to_string(),
        });
        let begin = Begin { store, env: env.clone(), host, notices, metrics: Arc::clone(&figures), judge };
        let (tell, told) = watch::channel(begin.with(&settings).await?);
        let standing = stand(
            Arc::clone(&leadership),
            timing.pause(),
            election,
            || lead_by(told.clone()),
            || figures.follows(),
        );
        let following = async {
            loop {
                let settings = live.changed().await;
                match begin.with(&settings).await {
                    Ok(duties) => {
                        tracing::info!(?settings, "a new configuration is in force");
                        tell.send_replace(duties);
                    }
                    Err(error) => tracing::error!("{error}; the old configuration stays in force"),
                }
            }
        };
        tokio::select! {
            () = standing => {}
            () = following => {}
        }
        Ok::<(), ControllerError>(())
    };
    tokio::select! {
        served = async { axum::serve(probes, health).await } => served.map_err(ControllerError::Serve)?,
        served = async { axum::serve(scrapes, metrics::router(Arc::clone(&figures))).await } => {
            served.map_err(ControllerError::Serve)?;
        }
        served = async { axum::serve(looked, reading).await } => served.map_err(ControllerError::Serve)?,
        served = async { axum::serve(shown, diagnostics_router(diagnostics)).await } => {
            served.map_err(ControllerError::Serve)?;
        }
        served = async { axum::serve(webhook, webhook::router(admission)).await } => {
            served.map_err(ControllerError::Serve)?;
        }
        () = tls.keep(kept) => {}
        ended = work => ended?,
        () = stop => tracing::info!("stopping"),
    }
    if let Err(error) = leadership.resign().await {
        tracing::debug!(%error, lease = LEASE_NAME, "the lease is not given up; it runs out");
    }
    Ok(())
}

/// What a leader's duties are made from, besides the settings.
struct Begin {
    store: KubeStore,
    env: Env,
    host: NodeName,
    notices: Arc<ClusterNotices>,
    metrics: Arc<Metrics>,
    judge: Arc<RwLock<Option<Judge>>>,
}

impl Begin {
    /// Puts `settings` into force for the webhook; what a leader does by them.
    async fn with(&self, settings: &Settings) -> Result<Duties, ControllerError> {
        let auto_pools = settings.auto_pools()?;
        let mut config = AllocatorConfig::new(self.host.clone());
        config.rules = Rules { families: settings.families()?, ..Rules::default() };
        let policy = SweepPolicy::from_env(|name| std::env::var(name).ok())
            .map_err(|error| SettingError::Sweep(error.to_string()))?;
        let allocator = open(&self.store, &self.env, config).await?;
        *self.judge.write() = Some(Judge { allocator: allocator.clone(), deletions: settings.deletions() });
        Ok(Duties {
            store: self.store.clone(),
            allocator,
            notices: Arc::clone(&self.notices) as _,
            auto_pools: settings.enable_auto_pool.then_some(auto_pools),
            groups: settings.groups().collect(),
            stateful: settings.stateful()?,
            metrics: Arc::clone(&self.metrics),
            policy,
            sweep_interval: (settings.sweep_interval > 0)
                .then(|| Duration::from_secs(settings.sweep_interval)),
        })
    }
}

/// What the controller says of itself besides what every process says.
fn diagnostics(election: &Election, env: &Env, host: &NodeName) -> Diagnostics {
    let (election, host) = (election.clone(), host.to_string());
    Diagnostics::new("spiderpool-controller", env!("CARGO_PKG_VERSION"), Arc::clone(&env.clock), move || {
        let leader = election.last().and_then(|(_, leader)| leader);
        [("host", host.clone()), ("leader", leader.unwrap_or_else(|| "not known".into()))].into()
    })
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
