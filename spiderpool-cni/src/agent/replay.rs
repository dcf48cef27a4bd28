//! Doing the releases that found no agent.
//!
//! The agent listens first, then reads the spool, then serves while it replays. A request for a container that
//! has an entry waits until that entry is done. See [`crate::spool`] for why the order matters.

use super::{Budget, Ipam};
use crate::api::{ErrorBody, ErrorCode};
use crate::cni::ContainerId;
use crate::spool::{EntryName, Release, Spool};
use futures_util::StreamExt;
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// How many entries are replayed at the same time.
const AT_ONCE: usize = 16;
/// How soon entries that could not be released are tried again, and the directory is read again.
const PAUSE: Duration = Duration::from_secs(15);

/// The entries of a spool and what became of them.
#[derive(Debug)]
pub struct Replay {
    spool: Spool,
    pending: watch::Sender<BTreeSet<EntryName>>,
    nudge: Notify,
}

impl Replay {
    /// Reads the directory. Call it after the agent listens, before it serves.
    ///
    /// # Errors
    /// The directory is there and cannot be read: nothing may be granted then, as a release could be overlooked.
    pub fn read(spool: Spool) -> io::Result<Self> {
        let pending: BTreeSet<_> = spool.list()?.into_iter().collect();
        if !pending.is_empty() {
            tracing::info!(entries = pending.len(), spool = %spool.dir().display(), "releases to be replayed");
        }
        Ok(Self { spool, pending: watch::Sender::new(pending), nudge: Notify::new() })
    }

    /// How many entries are not done.
    pub fn pending(&self) -> usize {
        self.pending.borrow().len()
    }

    /// Replays all entries, again and again, and looks for new ones. Never returns.
    pub async fn run(&self, ipam: Arc<dyn Ipam>) {
        loop {
            let entries: Vec<_> = self.pending.borrow().iter().cloned().collect();
            futures_util::stream::iter(entries)
                .for_each_concurrent(AT_ONCE, |name| {
                    let ipam = Arc::clone(&ipam);
                    async move { self.replay(&*ipam, name).await }
                })
                .await;
            // Whoever waits for an entry that just turned up does not wait for the pause.
            let _ = tokio::time::timeout(PAUSE, self.nudge.notified()).await;
            match self.spool.list() {
                Ok(names) => self.pending.send_modify(|pending| pending.extend(names)),
                Err(error) => {
                    tracing::warn!(spool = %self.spool.dir().display(), %error, "the spool cannot be read");
                }
            }
        }
    }

    async fn replay(&self, ipam: &dyn Ipam, name: EntryName) {
        let outcome = match self.spool.read(&name) {
            Ok(None) => return self.done(&name),
            Ok(Some(Release::Whole(attachment))) => ipam.del(&attachment, Budget::from_now(None)).await,
            Ok(Some(Release::Damaged { reason })) => {
                tracing::warn!(entry = %name, reason, "a damaged entry; releasing by its name");
                ipam.del_by_name(&name, Budget::from_now(None)).await
            }
            Err(error) => {
                return tracing::warn!(entry = %name, %error, "an entry of the spool cannot be read");
            }
        };
        match outcome {
            Ok(()) => {
                tracing::info!(entry = %name, "a release was replayed");
                self.released(&name);
            }
            Err(error) => tracing::warn!(entry = %name, %error, "a release cannot be replayed yet"),
        }
    }

    /// The release of this interface is confirmed: its entry goes.
    pub fn released(&self, name: &EntryName) {
        match self.spool.remove(name) {
            Ok(()) => self.done(name),
            // It stays pending: replaying it again does no harm, forgetting the file would at the next start.
            Err(error) => tracing::warn!(entry = %name, %error, "an entry of the spool cannot be removed"),
        }
    }

    fn done(&self, name: &EntryName) {
        self.pending.send_if_modified(|pending| pending.remove(name));
    }

    /// Waits until no entry of this container is left. `name` is looked for in the directory too: its entry may be
    /// newer than the last reading.
    ///
    /// # Errors
    /// `Busy` when the budget is used up before.
    pub async fn settled(&self, name: &EntryName, budget: Budget) -> Result<(), ErrorBody> {
        if matches!(self.spool.read(name), Ok(Some(_)) | Err(_)) {
            self.pending.send_if_modified(|pending| pending.insert(name.clone()));
            self.nudge.notify_one();
        }
        let container: &ContainerId = &name.container_id;
        let mut pending = self.pending.subscribe();
        let gone = pending.wait_for(|pending| pending.iter().all(|entry| entry.container_id != *container));
        match tokio::time::timeout(budget.remaining(), gone).await {
            Ok(_) => Ok(()),
            Err(_) => Err(ErrorBody::new(
                ErrorCode::Busy,
                format!("container {container} has a release that is not done yet"),
                format!(
                    "See the agent's log for what keeps it; its entry is in {}.",
                    self.spool.dir().display()
                ),
            )),
        }
    }
}
