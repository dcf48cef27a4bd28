//! The pools, parsed, as they stand now or stood a moment ago.

mod follow;
mod known;

pub(super) use known::KnownPools;

use follow::{Follower, Following};
use parking_lot::Mutex;
use spiderpool_core::name::ScopeName;
use spiderpool_core::store::{Kind, Listing, Selector, Store, StoreError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::watch;

/// The pools that are known, and whether a watch keeps them so.
#[derive(Debug)]
struct Shelf {
    store: Arc<dyn Store>,
    scope: ScopeName,
    known: Mutex<Arc<KnownPools>>,
    kept: AtomicBool,
    /// Counts changes that a watch brought.
    changes: watch::Sender<u64>,
}

impl Shelf {
    /// Reads all pools; parses those that changed since they were read last.
    async fn list(&self) -> Result<(Arc<KnownPools>, Listing), StoreError> {
        let listing = self.store.list(&Selector::Kind(Kind::Pool)).await?;
        let mut known = self.known.lock();
        if !known.is(&listing) {
            Arc::make_mut(&mut known).update(&listing, &self.scope);
        }
        Ok((Arc::clone(&known), listing))
    }
}

/// Tells that pools have changed.
#[derive(Debug)]
pub(super) struct Changes(watch::Receiver<u64>);

impl Changes {
    /// Waits for the next change since this was last waited for, or begun.
    pub(super) async fn next(&mut self) {
        // Whoever tells of changes lives as long as the pools.
        let _ = self.0.changed().await;
    }
}

/// Reads the pools. On a store of many a watch keeps them at hand besides; in this process or next to it they are listed for
/// each request, so that a pool that was applied is seen by the next one.
#[derive(Clone, Debug)]
pub(super) struct Pools {
    shelf: Arc<Shelf>,
    follower: Option<Arc<Follower>>,
    /// Where requests list the pools: only tells those who wait that there is something new. Begun with the first of them.
    waker: Arc<OnceLock<Follower>>,
}

impl Pools {
    /// Inside a tokio runtime.
    pub(super) fn new(store: Arc<dyn Store>, scope: ScopeName) -> Self {
        let capabilities = store.capabilities();
        let (known, kept) = (Mutex::default(), AtomicBool::new(false));
        let shelf = Arc::new(Shelf { store, scope, known, kept, changes: watch::Sender::new(0) });
        let is_followed = capabilities.shared && capabilities.watch;
        let keeping = || Arc::new(Follower::start(Arc::clone(&shelf), Following::Keeping));
        let follower = is_followed.then(keeping);
        Self { shelf, follower, waker: Arc::default() }
    }

    /// Whether [`Self::at_hand`] may be older than [`Self::now`].
    pub(super) fn may_lag(&self) -> bool {
        self.follower.is_some()
    }

    /// What will tell of changes from now on.
    pub(super) fn changes(&self) -> Changes {
        if self.follower.is_none() {
            self.waker.get_or_init(|| Follower::start(Arc::clone(&self.shelf), Following::Waking));
        }
        Changes(self.shelf.changes.subscribe())
    }

    /// The pools as they stand now. Cost: one listing, and one comparison of tokens per pool.
    pub(super) async fn now(&self) -> Result<Arc<KnownPools>, StoreError> {
        Ok(self.shelf.list().await?.0)
    }

    /// The pools as they stood a moment ago, without a read while a watch keeps them.
    pub(super) async fn at_hand(&self) -> Result<Arc<KnownPools>, StoreError> {
        match self.shelf.kept.load(Ordering::Acquire) {
            true => Ok(Arc::clone(&self.shelf.known.lock())),
            false => self.now().await,
        }
    }
}
