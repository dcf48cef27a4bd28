//! The watch that keeps the pools at hand.

use super::Shelf;
use spiderpool_core::store::{Kind, Selector, StoreError};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::task::JoinHandle;

/// The pause before a broken watch is begun anew; it doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What a watch is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Following {
    /// The shelf is believed while it runs.
    Keeping,
    /// It wakes those who wait for a change.
    Waking,
}

/// Keeps a shelf; ends when it is dropped.
#[derive(Debug)]
pub(super) struct Follower(JoinHandle<()>);

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Follower {
    pub(super) fn start(shelf: Arc<Shelf>, what: Following) -> Self {
        Self(tokio::spawn(async move {
            let mut pause = PAUSE;
            loop {
                let error = follow(&shelf, what, &mut pause).await;
                shelf.kept.store(false, Ordering::Release);
                match error {
                    StoreError::Expired => tracing::debug!("the watch on pools has expired and begins anew"),
                    error => {
                        tracing::warn!(%error, "the watch on pools is broken: requests list them meanwhile")
                    }
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }))
    }
}

/// Lists the pools and takes in what changes, until the watch breaks off.
async fn follow(shelf: &Shelf, what: Following, pause: &mut Duration) -> StoreError {
    let watched = async {
        let (_, listing) = shelf.list().await?;
        let selector = Selector::Kind(Kind::Pool);
        let mut watch = shelf.store.watch(&selector, &listing.position).await?;
        *pause = PAUSE;
        shelf.kept.store(what == Following::Keeping, Ordering::Release);
        // What changed before it began was listed.
        shelf.changes.send_modify(|changes| *changes += 1);
        loop {
            let (change, _) = watch.next().await?;
            Arc::make_mut(&mut shelf.known.lock()).change(&change, &shelf.scope);
            shelf.changes.send_modify(|changes| *changes += 1);
        }
    };
    let Err(error): Result<std::convert::Infallible, _> = watched.await;
    error
}
