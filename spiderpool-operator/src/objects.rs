//! Objects of the store, as they are and as they change.

use std::{sync::Arc, time::Duration};

use spiderpool_core::store::{Change, Key, Kind, Selector, Store, StoreError, Versioned};
use tokio::{sync::mpsc, task::JoinSet};

/// The pause before a broken watch is begun anew; it doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// So many pieces of news wait for each who listens.
const WAITING: usize = 256;

/// A piece of news.
#[derive(Clone, Debug)]
pub enum ObjectNews {
    /// These objects of the kind are there, and no others.
    Listed(Kind, Vec<Versioned>),
    /// This one is there, as given.
    Put(Versioned),
    /// This one is gone.
    Deleted(Key),
}

/// News of objects for all who listen: each kind is listed and watched once.
#[derive(Debug, Default)]
pub struct Objects(Vec<(&'static [Kind], mpsc::Sender<ObjectNews>)>);

impl Objects {
    /// News of these kinds, once this runs. Who does not take them holds up the others.
    pub fn of(&mut self, kinds: &'static [Kind]) -> mpsc::Receiver<ObjectNews> {
        let (tell, news) = mpsc::channel(WAITING);
        self.0.push((kinds, tell));
        news
    }

    /// Tells of them until nobody listens any more.
    ///
    /// Cost: a list and a watch for each kind that anybody listens to; nothing is kept here.
    pub async fn run(self, store: Arc<dyn Store>) {
        let mut following = JoinSet::new();
        for kind in Kind::ALL {
            let listening = self.0.iter().filter(|(kinds, _)| kinds.contains(&kind));
            let listening: Vec<_> = listening.map(|(_, tell)| tell.clone()).collect();
            if !listening.is_empty() {
                following.spawn(follow(Arc::clone(&store), kind, listening));
            }
        }
        drop(self.0);
        following.join_all().await;
    }
}

/// Tells of the objects of `kind` until nobody listens any more.
async fn follow(store: Arc<dyn Store>, kind: Kind, mut listening: Vec<mpsc::Sender<ObjectNews>>) {
    let mut pause = PAUSE;
    while listening.iter().any(|one| !one.is_closed()) {
        match follow_once(&store, kind, &mut listening, &mut pause).await {
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
    listening: &mut Vec<mpsc::Sender<ObjectNews>>,
    pause: &mut Duration,
) -> Result<(), StoreError> {
    let selector = Selector::Kind(kind);
    let listing = store.list(&selector).await?;
    let mut watch = store.watch(&selector, &listing.position).await?;
    *pause = PAUSE;
    let mut news = ObjectNews::Listed(kind, listing.items);
    loop {
        tell(listening, news).await;
        if listening.is_empty() {
            return Ok(());
        }
        news = match watch.next().await?.0 {
            Change::Put(item) => ObjectNews::Put(item),
            Change::Deleted(key) => ObjectNews::Deleted(key),
        };
    }
}

/// Tells all who listen still.
pub(crate) async fn tell<T: Clone>(listening: &mut Vec<mpsc::Sender<T>>, news: T) {
    listening.retain(|one| !one.is_closed());
    if let Some((last, others)) = listening.split_last() {
        for one in others {
            let _ = one.send(news.clone()).await;
        }
        let _ = last.send(news).await;
    }
}
