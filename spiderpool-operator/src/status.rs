//! `status` of pools, kept as the blocks have it.
//!
//! Blocks and pools are watched; a pool whose status differs from what its blocks say is written, at most once a second each
//! and so many a second in all. An edit of a pool that is in flight rests on the pool's token, so while its plan has one
//! pending, the pool is left alone.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt::Debug,
    sync::Arc,
    time::Duration,
};

use spiderpool_core::{
    alloc::Allocator,
    api::SpiderIPPool,
    inspect::BlockBook,
    model::{PlanId, Subnet},
    name::{ObjectName, Uid},
    store::{Document, Key, Kind, Store, StoreError, StoreExt, Token, Versioned},
};
use tokio::{sync::mpsc, task::JoinSet, time::Instant};

use crate::objects::{ObjectNews, follow};

/// A change is written so long after it came, so that a burst of grants is one write.
const GATHER: Duration = Duration::from_millis(300);
/// No pool's status is written more often.
const GAP: Duration = Duration::from_secs(1);
/// The pause after each write: at most fifty a second.
const PACE: Duration = Duration::from_millis(20);
/// While an edit of the pool is in flight.
const BUSY: Duration = Duration::from_secs(2);
/// So many pieces of news wait.
const WAITING: usize = 256;

/// What a status shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shown {
    /// Addresses.
    pub total: i64,
    /// Of a pool: held. Of a Subnet: in pools.
    pub taken: i64,
}

/// Where figures go.
pub trait Figures: Debug + Send + Sync {
    /// So many pools there are.
    fn pools(&self, count: usize);
    /// So many Subnets there are.
    fn subnets(&self, count: usize);
    /// What a pool's status shows; none: it is gone.
    fn pool(&self, name: &str, shown: Option<Shown>);
    /// What a Subnet's status shows, and how many pools have addresses of it; none: it is gone.
    fn subnet(&self, name: &str, shown: Option<Shown>, pools: usize);
    /// A status was written.
    fn wrote(&self);
    /// A write met a newer version.
    fn conflicted(&self);
}

/// A pool as it was last seen.
#[derive(Debug)]
struct Seen {
    object: Arc<SpiderIPPool>,
    token: Token,
    written: Option<Instant>,
}

/// Keeps the status of pools.
#[derive(Debug)]
pub struct StatusWriter {
    allocator: Allocator,
    figures: Arc<dyn Figures>,
    shown: usize,
    book: BlockBook,
    pools: HashMap<ObjectName, Seen>,
    names: HashMap<Uid, ObjectName>,
    subnets: HashSet<ObjectName>,
    due: BTreeMap<ObjectName, Instant>,
}

impl StatusWriter {
    /// A writer on the store of `allocator`; `allocatedIPs` lists at most `shown` addresses.
    #[must_use]
    pub fn new(allocator: Allocator, figures: Arc<dyn Figures>, shown: usize) -> Self {
        let book = BlockBook::new(allocator.scope().clone());
        let (pools, names, subnets) = (HashMap::new(), HashMap::new(), HashSet::new());
        Self { allocator, figures, shown, book, pools, names, subnets, due: BTreeMap::new() }
    }

    /// Keeps it for ever.
    ///
    /// Cost: a watch on blocks, pools and Subnets each; all blocks in memory; per write a read of the pool's plan.
    pub async fn run(mut self) {
        let (tell, mut objects) = mpsc::channel(WAITING);
        let mut following = JoinSet::new();
        for kind in [Kind::Block, Kind::Pool, Kind::Subnet] {
            following.spawn(follow(Arc::clone(self.allocator.store()), kind, tell.clone()));
        }
        let mut open_at = Instant::now();
        loop {
            let first = self.due.iter().min_by_key(|(_, due)| **due);
            let next = first.map(|(name, due)| (name.clone(), (*due).max(open_at)));
            let wait = async {
                match &next {
                    Some((_, when)) => tokio::time::sleep_until(*when).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(news) = objects.recv() => self.hear(news),
                () = wait => if let Some((name, _)) = next {
                    self.due.remove(&name);
                    if self.write(&name).await {
                        open_at = Instant::now() + PACE;
                    }
                },
            }
        }
    }

    fn hear(&mut self, news: ObjectNews) {
        match news {
            ObjectNews::Listed(Kind::Block, items) => {
                let blocks = items.iter().filter_map(|item| item.document.as_block().cloned());
                let changed = self.book.list(blocks);
                self.changed(changed);
            }
            ObjectNews::Listed(kind, items) => {
                let here: HashSet<_> = items.iter().map(|item| item.key.clone()).collect();
                let gone: Vec<Key> = match kind {
                    Kind::Pool => self.pools.keys().cloned().map(Key::Pool).collect(),
                    _ => self.subnets.iter().cloned().map(Key::Subnet).collect(),
                };
                gone.iter().filter(|key| !here.contains(*key)).for_each(|key| self.gone(key));
                items.into_iter().for_each(|item| self.put(item));
            }
            ObjectNews::Put(item) => self.put(item),
            ObjectNews::Deleted(key) => self.gone(&key),
        }
    }

    fn put(&mut self, item: Versioned) {
        match item.document {
            Document::Block(block) => {
                let changed = self.book.put(block);
                self.changed(changed);
            }
            Document::Pool(object) => {
                let Ok(name) = ObjectName::new(&object.metadata.name) else { return };
                if let Some(uid) = object.metadata.uid.as_deref().and_then(|uid| Uid::new(uid).ok()) {
                    self.names.insert(uid, name.clone());
                }
                let written = self.pools.get(&name).and_then(|seen| seen.written);
                self.pools.insert(name.clone(), Seen { object, token: item.token, written });
                self.figures.pools(self.pools.len());
                self.look(name);
            }
            Document::Subnet(object) => {
                let Ok(subnet) = Subnet::try_from(object.as_ref()) else { return };
                self.subnets.insert(subnet.name.clone());
                self.figures.subnets(self.subnets.len());
                let status = &object.status;
                let shown = Shown {
                    total: status.total_ip_count.unwrap_or_default(),
                    taken: status.allocated_ip_count.unwrap_or_default(),
                };
                self.figures.subnet(subnet.name.as_str(), Some(shown), subnet.controlled.len());
            }
            _ => {}
        }
    }

    fn gone(&mut self, key: &Key) {
        match key {
            Key::Block(id) => {
                let changed = self.book.remove(id);
                self.changed(changed);
            }
            Key::Pool(name) => {
                self.pools.remove(name);
                self.names.retain(|_, other| other != name);
                self.due.remove(name);
                self.figures.pools(self.pools.len());
                self.figures.pool(name.as_str(), None);
            }
            Key::Subnet(name) => {
                self.subnets.remove(name);
                self.figures.subnets(self.subnets.len());
                self.figures.subnet(name.as_str(), None, 0);
            }
            _ => {}
        }
    }

    fn changed(&mut self, pools: impl IntoIterator<Item = Uid>) {
        let names: Vec<_> = pools.into_iter().filter_map(|uid| self.names.get(&uid).cloned()).collect();
        names.into_iter().for_each(|name| self.look(name));
    }

    /// To be looked at soon.
    fn look(&mut self, name: ObjectName) {
        let Some(seen) = self.pools.get(&name) else { return };
        let soon = Instant::now() + GATHER;
        let when = seen.written.map_or(soon, |written| soon.max(written + GAP));
        self.due.entry(name).or_insert(when);
    }

    /// Writes the status of a pool where it is not what its blocks say. Whether the store was asked for anything.
    async fn write(&mut self, name: &ObjectName) -> bool {
        let Some(seen) = self.pools.get(name) else { return false };
        let now = self.allocator.env().clock.now();
        let Some(status) = self.book.status(&seen.object, now, self.shown) else { return false };
        let (total, taken) = (status.total_ip_count, status.allocated_ip_count);
        let shown = Shown { total: total.unwrap_or_default(), taken: taken.unwrap_or_default() };
        self.figures.pool(name.as_str(), Some(shown));
        if status == seen.object.status {
            return false;
        }
        match self.is_busy(&seen.object).await {
            Ok(false) => {}
            Ok(true) => {
                self.due.insert(name.clone(), Instant::now() + BUSY);
                return true;
            }
            Err(error) => {
                tracing::warn!(pool = %name, %error, "its status cannot be written now");
                self.due.insert(name.clone(), Instant::now() + BUSY);
                return true;
            }
        }
        let mut object = SpiderIPPool::clone(&seen.object);
        object.status = status;
        let key = Key::Pool(name.clone());
        match self.allocator.store().update(&key, &seen.token, object.clone().into()).await {
            Ok(token) => {
                self.figures.wrote();
                let seen = Seen { object: Arc::new(object), token, written: Some(Instant::now()) };
                self.pools.insert(name.clone(), seen);
            }
            // The watch brings the newer version, and that is looked at.
            Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => self.figures.conflicted(),
            Err(error) => {
                tracing::warn!(pool = %name, %error, "its status cannot be written now");
                self.due.insert(name.clone(), Instant::now() + BUSY);
            }
        }
        true
    }

    /// Whether an edit of the pool is in flight.
    async fn is_busy(&self, pool: &SpiderIPPool) -> Result<bool, StoreError> {
        let Some(uid) = pool.metadata.uid.as_deref().and_then(|uid| Uid::new(uid).ok()) else {
            return Ok(false);
        };
        let plan = self.allocator.store().plan(&PlanId::Pool(uid)).await?;
        Ok(plan.is_some_and(|(plan, _)| !plan.pending.is_empty()))
    }
}
