//! `status` of pools and Subnets, kept as the blocks and the other objects have it.
//!
//! Blocks, pools, Subnets and reservations are watched; an object whose status differs from what they say is written, at most
//! once a second each and so many a second in all. An edit of a pool that is in flight rests on the pool's token, so while its
//! plan has one pending, the pool is left alone.

mod at_hand;
mod known;

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Debug,
    sync::Arc,
    time::Duration,
};

use spiderpool_core::{
    alloc::Allocator,
    api::{Condition, ConditionStatus},
    model::{PlanId, Subnet},
    name::Uid,
    store::{Key, Kind, StoreError, StoreExt},
};
use tokio::{sync::mpsc, time::Instant};

pub use self::at_hand::KnownBlocks;
use self::known::{Computed, Known, Object, Seen};
use crate::objects::ObjectNews;

/// A change is written so long after it came, so that a burst of grants is one write.
const GATHER: Duration = Duration::from_millis(300);
/// No object's status is written more often.
const GAP: Duration = Duration::from_secs(1);
/// The pause after each write: at most fifty a second.
const PACE: Duration = Duration::from_millis(20);
/// While an edit of the pool is in flight, or its addresses are cooling: nothing tells when that ends.
const AGAIN: Duration = Duration::from_secs(2);

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
    /// What a pool's status shows, and the conditions that hold; none: it is gone.
    fn pool(&self, name: &str, shown: Option<Shown>, conditions: &[Condition]);
    /// What a Subnet's status shows, and how many pools have addresses of it; none: it is gone.
    fn subnet(&self, name: &str, shown: Option<Shown>, pools: usize);
    /// A status was written.
    fn wrote(&self);
    /// A write met a newer version.
    fn conflicted(&self);
}

/// Keeps the status of pools and Subnets.
#[derive(Debug)]
pub struct StatusWriter {
    allocator: Allocator,
    figures: Arc<dyn Figures>,
    shown: usize,
    known: Known,
    blocks: KnownBlocks,
    written: HashMap<Key, Instant>,
    due: BTreeMap<Key, Instant>,
}

impl StatusWriter {
    /// A writer on the store of `allocator`; `allocatedIPs` lists at most `shown` addresses. The blocks that it hears of it puts
    /// into `blocks`.
    #[must_use]
    pub fn new(allocator: Allocator, figures: Arc<dyn Figures>, shown: usize, blocks: KnownBlocks) -> Self {
        let known = Known::new(allocator.scope().clone());
        Self { allocator, figures, shown, known, blocks, written: HashMap::new(), due: BTreeMap::new() }
    }

    /// The kinds of objects that it hears of.
    pub const KINDS: &'static [Kind] = &[Kind::Reservation, Kind::Block, Kind::Pool, Kind::Subnet];

    /// Keeps it until nobody tells of `objects`, those of [`StatusWriter::KINDS`], any more.
    ///
    /// Cost: all blocks in memory; per write of a pool a read of its plan.
    pub async fn run(mut self, mut objects: mpsc::Receiver<ObjectNews>) {
        let mut open_at = Instant::now();
        loop {
            let first = self.due.iter().min_by_key(|(_, due)| **due);
            let next = first.map(|(key, due)| (key.clone(), (*due).max(open_at)));
            let wait = async {
                match &next {
                    Some((_, when)) => tokio::time::sleep_until(*when).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                news = objects.recv() => match news {
                    Some(news) => self.hear(news),
                    None => return,
                },
                () = wait => if let Some((key, _)) = next {
                    self.due.remove(&key);
                    if self.write(&key).await {
                        open_at = Instant::now() + PACE;
                    }
                },
            }
        }
    }

    fn hear(&mut self, news: ObjectNews) {
        let changed = match news {
            ObjectNews::Listed(kind, items) => {
                if kind == Kind::Block {
                    self.blocks.list(&items);
                }
                self.known.list(kind, items)
            }
            ObjectNews::Put(item) => {
                self.blocks.put(&item);
                self.known.put(item)
            }
            ObjectNews::Deleted(key) => {
                self.blocks.remove(&key);
                let mut changed = self.known.remove(&key);
                changed.insert(key);
                changed
            }
        };
        self.figures.pools(self.known.pools());
        self.figures.subnets(self.known.subnets());
        changed.into_iter().for_each(|key| self.look(key));
    }

    /// To be looked at soon.
    fn look(&mut self, key: Key) {
        let soon = Instant::now() + GATHER;
        let when = self.written.get(&key).map_or(soon, |written| soon.max(*written + GAP));
        self.due.entry(key).or_insert(when);
    }

    /// Writes the status of an object where it is not what it should be. Whether the store was asked for anything.
    async fn write(&mut self, key: &Key) -> bool {
        let now = self.allocator.env().clock.now();
        let Some(computed) = self.known.compute(key, now, self.shown) else {
            self.gone(key);
            return false;
        };
        self.show(&computed.wanted);
        if is_cooling(&computed.wanted) {
            self.due.insert(key.clone(), Instant::now() + AGAIN);
        }
        if computed.is_so() {
            return false;
        }
        let Computed { seen, wanted } = computed;
        match self.is_busy(&seen.object).await {
            Ok(false) => {}
            Ok(true) => {
                self.due.insert(key.clone(), Instant::now() + AGAIN);
                return true;
            }
            Err(error) => {
                self.failed(key, &error);
                return true;
            }
        }
        match self.allocator.store().update(key, &seen.token, wanted.clone().into()).await {
            Ok(token) => {
                self.figures.wrote();
                self.written.insert(key.clone(), Instant::now());
                self.known.wrote(key, &seen.token, Seen { object: wanted, token });
            }
            // The watch brings the newer version, and that is looked at.
            Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => self.figures.conflicted(),
            Err(error) => self.failed(key, &error),
        }
        true
    }

    fn failed(&mut self, key: &Key, error: &StoreError) {
        tracing::warn!(object = %key, %error, "its status cannot be written now");
        self.due.insert(key.clone(), Instant::now() + AGAIN);
    }

    fn show(&self, object: &Object) {
        let shown = |total: Option<i64>, taken: Option<i64>| {
            Some(Shown { total: total.unwrap_or_default(), taken: taken.unwrap_or_default() })
        };
        match object {
            Object::Pool(pool) => {
                let status = &pool.status;
                let shown = shown(status.total_ip_count, status.allocated_ip_count);
                self.figures.pool(&pool.metadata.name, shown, &status.conditions);
            }
            Object::Subnet(subnet) => {
                let status = &subnet.status;
                let shown = shown(status.total_ip_count, status.allocated_ip_count);
                let pools = Subnet::try_from(subnet.as_ref()).map_or(0, |subnet| subnet.controlled.len());
                self.figures.subnet(&subnet.metadata.name, shown, pools);
            }
        }
    }

    fn gone(&mut self, key: &Key) {
        self.written.remove(key);
        match key {
            Key::Pool(name) => self.figures.pool(name.as_str(), None, &[]),
            Key::Subnet(name) => self.figures.subnet(name.as_str(), None, 0),
            _ => {}
        }
    }

    /// Whether an edit is in flight that rests on the object's token and would be lost. Of a Subnet none is: its record is itself,
    /// and whoever claims tries again.
    async fn is_busy(&self, object: &Object) -> Result<bool, StoreError> {
        let Object::Pool(pool) = object else { return Ok(false) };
        let Some(uid) = pool.metadata.uid.as_deref().and_then(|uid| Uid::new(uid).ok()) else {
            return Ok(false);
        };
        let plan = self.allocator.store().plan(&PlanId::Pool(uid)).await?;
        Ok(plan.is_some_and(|(plan, _)| !plan.pending.is_empty()))
    }
}

/// Whether the object is full only until addresses have cooled down.
fn is_cooling(object: &Object) -> bool {
    let Object::Pool(pool) = object else { return false };
    let cooling = |one: &Condition| one.status == ConditionStatus::True && one.reason == "Cooling";
    pool.status.conditions.iter().any(cooling)
}
