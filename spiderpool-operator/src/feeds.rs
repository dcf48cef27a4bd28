//! Objects of other systems, for all who listen: each collection is listed and watched once.

use std::sync::Arc;

use spiderpool_store_kube::{Fed, Follow, KubeStore, Loss};
use tokio::{sync::mpsc, task::JoinSet};

use crate::objects::tell;

/// So many pieces of news wait for each who listens.
const WAITING: usize = 256;

/// What is followed, and who listens to each.
#[derive(Debug, Default)]
pub(crate) struct Feeds(Vec<(Follow, Vec<mpsc::Sender<Arc<Fed>>>)>);

impl Feeds {
    /// News of `what`, once this runs. Who does not take them holds up the others.
    pub(crate) fn of(&mut self, what: Follow) -> mpsc::Receiver<Arc<Fed>> {
        let (tell, news) = mpsc::channel(WAITING);
        match self.0.iter_mut().find(|(followed, _)| *followed == what) {
            Some((_, listening)) => listening.push(tell),
            None => self.0.push((what, vec![tell])),
        }
        news
    }

    /// Whether nobody listens to anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells of all that is followed until nobody listens any more.
    pub(crate) async fn run(self, store: KubeStore) {
        let mut tasks = JoinSet::new();
        for (what, mut listening) in self.0 {
            let mut feed = store.feed(&what);
            tasks.spawn(async move {
                while !listening.is_empty() {
                    let news = Arc::new(feed.next().await);
                    tell(&mut listening, news).await;
                }
            });
        }
        tasks.join_all().await;
    }
}

/// A watch that broke off is an ordinary thing; what it may not do is for somebody to mend.
pub(crate) fn tell_loss(plural: &str, loss: &Loss) {
    match loss {
        Loss::Expired => tracing::debug!(plural, "a watch has expired and begins anew"),
        Loss::Forbidden(why) => tracing::warn!(plural, why, "not allowed to follow these objects"),
        Loss::Broken(error) => tracing::warn!(plural, %error, "a watch is broken and begins anew"),
        _ => tracing::warn!(plural, ?loss, "a watch broke off and begins anew"),
    }
}
