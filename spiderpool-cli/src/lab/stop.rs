//! Being told to stop: by Ctrl-C, by a service manager, or not at all.

use std::io;

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Tells whoever looks whether the lab shall stop. Work that was begun is ended in order, never dropped.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Stops at the first SIGINT, SIGTERM or SIGHUP.
    pub(crate) fn on_signal() -> io::Result<Self> {
        let (tell, told) = watch::channel(false);
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        tokio::spawn(async move {
            tokio::select! {
                _ = hangup.recv() => {}
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tell.send_replace(true);
            // The channel stays open: a closed one would read as "never".
            tell.closed().await;
        });
        Ok(Self(told))
    }

    /// Never stops: for clean-up, which has to come to its end.
    pub(crate) fn never() -> Self {
        Self(watch::channel(false).1)
    }

    /// Stops when told by the sender.
    #[cfg(test)]
    pub(crate) fn by_hand() -> (watch::Sender<bool>, Self) {
        let (tell, told) = watch::channel(false);
        (tell, Self(told))
    }

    /// Whether to stop.
    pub(crate) fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Completes when it is time to stop.
    pub(crate) async fn wait(&self) {
        let mut told = self.0.clone();
        if told.wait_for(|stop| *stop).await.is_err() {
            // Nobody can tell any more.
            std::future::pending::<()>().await;
        }
    }
}
