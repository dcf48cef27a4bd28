//! Connections under TLS.

use std::{io, net::SocketAddr, time::Duration};

use axum::serve::Listener;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::Certificates;

/// A handshake takes no longer, or is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pause after a connection could not be taken: files or memory are short.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes connections whose handshake is done. Handshakes wait for nobody else's.
#[derive(Debug)]
pub struct TlsListener {
    address: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl TlsListener {
    /// Begins to take connections; inside a tokio runtime.
    ///
    /// # Errors
    /// The listener has no address.
    pub fn new(listener: TcpListener, certificates: Certificates) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (send, ready) = mpsc::channel(16);
        tokio::spawn(async move {
            while !send.is_closed() {
                let (stream, from) = match listener.accept().await {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        tracing::warn!(%error, "a connection to the webhook cannot be taken");
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                };
                let (acceptor, send) = (TlsAcceptor::from(certificates.current()), send.clone());
                tokio::spawn(async move {
                    match tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await {
                        Ok(Ok(stream)) => drop(send.send((stream, from)).await),
                        Ok(Err(error)) => tracing::debug!(%error, %from, "no handshake with the webhook"),
                        Err(_) => tracing::debug!(%from, "a handshake with the webhook took too long"),
                    }
                });
            }
        });
        Ok(Self { address, ready })
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(ready) => ready,
            // The task that takes connections lives as long as this.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}
