//! Objects of one kind in the store, as they are and as they change.

use std::{sync::Arc, time::Duration};

use spiderpool_core::store::{Change, Key, Kind, Selector, Store, StoreError, Versioned};
use tokio::sync::mpsc;

/// The pause before a broken watch is begun anew; it doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A piece of news.
#[derive(Debug)]
pub(crate) enum ObjectNews {
    /// These objects of the kind are there, and no others.
    Listed(Kind, Vec<Versioned>),
    /// This one is there, as given.
    Put(Versioned),
    /// This one is gone.
    Deleted(Key),
}

/// Tells of the objects of `kind` until nobody listens any more.
pub(crate) async fn follow(store: Arc<dyn Store>, kind: Kind, tell: mpsc::Sender<ObjectNews>) {
    let mut pause = PAUSE;
    while !tell.is_closed() {
        match follow_once(&store, kind, &tell, &mut pause).await {
            Ok(()) => return,
            Err(StoreError::Expired) => tracing::debug!(?kind, "a watch has expired and begins anew"),
            Err(error) => tracing::warn!(?kind, %error, "a watch is broken and begins anew"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Until the watch breaks off, or nobody listens any more.
async fn follow_once(
    store: &Arc<dyn Store>,
    kind: Kind,
    tell: &mpsc::Sender<ObjectNews>,
    pause: &mut Duration,
) -> Result<(), StoreError> {
    let selector = Selector::Kind(kind);
    let listing = store.list(&selector).await?;
    let mut watch = store.watch(&selector, &listing.position).await?;
    *pause = PAUSE;
    if tell.send(ObjectNews::Listed(kind, listing.items)).await.is_err() {
        return Ok(());
    }
    loop {
        let news = match watch.next().await?.0 {
            Change::Put(item) => ObjectNews::Put(item),
            Change::Deleted(key) => ObjectNews::Deleted(key),
        };
        if tell.send(news).await.is_err() {
            return Ok(());
        }
    }
}
