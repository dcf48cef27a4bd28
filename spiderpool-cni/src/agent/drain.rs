//! Waiting for what runs.

use std::future::Future;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Starts work that ends even when nobody waits for it, and waits for all of it at the end.
#[derive(Clone, Debug)]
pub struct Drain {
    running: mpsc::Sender<()>,
}

/// The end that waits.
#[derive(Debug)]
pub struct Drained(mpsc::Receiver<()>);

impl Drain {
    /// A drain and the end that waits for it.
    pub fn new() -> (Self, Drained) {
        let (running, done) = mpsc::channel(1);
        (Self { running }, Drained(done))
    }

    /// Runs `work` on its own, also when the returned handle is dropped.
    pub fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        let running = self.running.clone();
        tokio::spawn(async move {
            let done = work.await;
            drop(running);
            done
        })
    }
}

impl Drained {
    /// Completes when every [`Drain`] is dropped and all work is done.
    pub async fn wait(mut self) {
        // Nothing is ever sent: the channel only closes.
        let _ = self.0.recv().await;
    }
}
