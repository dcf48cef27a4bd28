//! Listening, serving, stopping.

use super::metrics::CONTENT_TYPE;
use super::routes::{self, Shared};
use super::{
    AgentSocket, Diagnostics, Drain, Ipam, ListenAddr, Metrics, Replay, Settings, SocketError, diagnostics,
    health,
};
use crate::client::AgentClient;
use crate::spool::Spool;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use spiderpool_core::store::Store;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How long running requests may take to end after the agent was told to stop.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// Why the agent does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The Unix socket could not be had.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// A TCP port could not be had.
    #[error("cannot listen at {address} for {what}: {source}; choose another {flag}, or \"off\"")]
    Listen {
        /// What for.
        what: &'static str,
        /// The flag that says where.
        flag: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The spool could not be read.
    #[error("cannot read the spool {}: {source}; without it a release could be overlooked", .dir.display())]
    Spool {
        /// Where.
        dir: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A server failed.
    #[error("serving failed: {0}")]
    Serve(#[from] io::Error),
}

/// An agent that listens and does not serve yet. What connects meanwhile waits.
#[derive(Debug)]
pub struct Agent {
    socket: AgentSocket,
    spool: Spool,
    health: Option<TcpListener>,
    metrics: Option<TcpListener>,
    diagnostics: Option<TcpListener>,
}

/// What an agent serves.
pub struct Services {
    /// Granting and releasing.
    pub ipam: Arc<dyn Ipam>,
    /// The store, offered to `spiderpoolctl`.
    pub store: Arc<dyn Store>,
    /// The figures.
    pub metrics: Arc<Metrics>,
    /// What the process says of itself.
    pub diagnostics: Diagnostics,
}

/// Where an agent listens, with real port numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The Unix socket.
    pub socket: PathBuf,
    /// Health.
    pub health: Option<SocketAddr>,
    /// Metrics.
    pub metrics: Option<SocketAddr>,
    /// Diagnostics.
    pub diagnostics: Option<SocketAddr>,
}

async fn listen(
    what: &'static str,
    flag: &'static str,
    at: ListenAddr,
) -> Result<Option<TcpListener>, ServeError> {
    match at {
        ListenAddr::Off => Ok(None),
        ListenAddr::At(address) => TcpListener::bind(address)
            .await
            .map(Some)
            .map_err(|source| ServeError::Listen { what, flag, address, source }),
    }
}

/// A future that completes when `stop` says so.
async fn told(mut stop: watch::Receiver<bool>) {
    // A sender that is gone means the same.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn serve_tcp(
    listener: Option<TcpListener>,
    router: Router,
    stop: watch::Receiver<bool>,
) -> io::Result<()> {
    match listener {
        None => Ok(()),
        Some(listener) => axum::serve(listener, router).with_graceful_shutdown(told(stop)).await,
    }
}

fn metrics_router(metrics: Arc<Metrics>, replay: Arc<Replay>) -> Router {
    // Any path, as upstream.
    Router::new().fallback(move || {
        let (metrics, replay) = (Arc::clone(&metrics), Arc::clone(&replay));
        async move {
            match metrics.render(replay.pending()) {
                Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
                Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            }
        }
    })
}

impl Agent {
    /// Listens everywhere. Do this before the store is opened and the spool is read: from now on a plugin finds
    /// an agent.
    ///
    /// # Errors
    /// What is in the way, and which flag to change.
    pub async fn bind(settings: &Settings) -> Result<Self, ServeError> {
        let socket = AgentSocket::bind(&settings.socket)?;
        Ok(Self {
            socket,
            spool: Spool::new(settings.spool_dir()),
            health: listen("health", "--health-addr", settings.health_addr).await?,
            metrics: listen("metrics", "--metrics-addr", settings.metrics_addr).await?,
            diagnostics: listen("diagnostics", "--diagnostics-addr", settings.diagnostics_addr).await?,
        })
    }

    /// Where it listens.
    pub fn bound(&self) -> Bound {
        let address = |listener: &Option<TcpListener>| listener.as_ref().and_then(|l| l.local_addr().ok());
        Bound {
            socket: self.socket.path().to_owned(),
            health: address(&self.health),
            metrics: address(&self.metrics),
            diagnostics: address(&self.diagnostics),
        }
    }

    /// Reads the spool, then serves until `stop` completes, then ends what runs (at most 30 s).
    ///
    /// # Errors
    /// The spool cannot be read, or a listener failed.
    pub async fn serve(
        mut self,
        services: Services,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), ServeError> {
        let Services { ipam, store, metrics, diagnostics } = services;
        let bound = self.bound();
        let dir = self.spool.dir().to_owned();
        let replay = Replay::read(self.spool.clone()).map_err(|source| ServeError::Spool { dir, source })?;
        let replay = Arc::new(replay);
        let (drain, drained) = Drain::new();
        let (tell, told_to_stop) = watch::channel(false);

        let (ipam_too, replay_too, stop_too) = (Arc::clone(&ipam), Arc::clone(&replay), told_to_stop.clone());
        let shared = Shared { ipam: ipam_too, replay: replay_too, drain, store, stop: stop_too };
        let unix = axum::serve(self.socket.listener()?, routes::router(shared))
            .with_graceful_shutdown(told(told_to_stop.clone()));
        let probes = health::router(Arc::clone(&ipam), AgentClient::new(&bound.socket));
        let health = serve_tcp(self.health.take(), probes, told_to_stop.clone());
        let figures = metrics_router(metrics, Arc::clone(&replay));
        let metrics = serve_tcp(self.metrics.take(), figures, told_to_stop.clone());
        let diagnostics = diagnostics::router(diagnostics);
        let diagnostics = serve_tcp(self.diagnostics.take(), diagnostics, told_to_stop);

        tracing::info!(
            socket = %bound.socket.display(),
            health = bound.health.map(tracing::field::display),
            metrics = bound.metrics.map(tracing::field::display),
            diagnostics = bound.diagnostics.map(tracing::field::display),
            spool = %self.spool.dir().display(),
            "serving"
        );
        let replaying = {
            let (replay, ipam) = (Arc::clone(&replay), Arc::clone(&ipam));
            tokio::spawn(async move { replay.run(ipam).await })
        };
        let mut servers = Box::pin(async {
            tokio::try_join!(async { unix.await }, health, metrics, diagnostics)?;
            io::Result::Ok(())
        });
        tokio::select! {
            failed = &mut servers => {
                failed?;
                return Ok(());
            }
            () = stop => {}
        }
        tracing::info!("stopping: no new requests, ending those that run");
        let _ = tell.send(true);
        // An entry that is being replayed stays until its release is confirmed; the next agent finds it.
        replaying.abort();
        let ending = async {
            servers.await?;
            drained.wait().await;
            io::Result::Ok(())
        };
        match tokio::time::timeout(STOP_LIMIT, ending).await {
            Ok(ended) => ended?,
            Err(_) => tracing::warn!("some requests did not end within 30 s and are cut off"),
        }
        tracing::info!("stopped");
        Ok(())
    }
}

/// Completes at SIGTERM or SIGINT.
///
/// # Errors
/// The handlers could not be installed.
pub fn stop_signal() -> io::Result<impl Future<Output = ()> + Send> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
