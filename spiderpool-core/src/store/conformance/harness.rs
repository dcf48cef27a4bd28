//! What a backend brings to be proved.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::Mutex;

use super::Retrying;
use crate::{
    env::{BoxFuture, Env},
    store::{FaultCounter, FaultCounts, FaultPlan, FaultStore, Store, StoreError},
};

/// Which names a backend takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Names {
    /// Every name of [`crate::name`].
    Any,
    /// Only those of Kubernetes objects (RFC 1123 subdomains).
    Kubernetes,
}

/// A store under proof, and its surroundings.
#[async_trait]
pub trait Harness: fmt::Debug + Send + Sync {
    /// Time, for the bound of each check.
    fn env(&self) -> Env;

    /// How long one check may take.
    fn patience(&self) -> Duration;

    /// About how many writes a check of volume may make.
    fn volume(&self) -> usize;

    /// Which names may be used.
    fn names(&self) -> Names;

    /// Whether every answer is the store's own, and none the guess of a client in between.
    fn certain(&self) -> bool;

    /// Opens the store. A durable one shows what was written before.
    ///
    /// # Errors
    /// As opening it does.
    async fn open(&self) -> Result<Arc<dyn Store>, StoreError>;

    /// Whether [`Harness::crash`] works.
    fn can_crash(&self) -> bool;

    /// Ends what holds `store` without giving it a chance to finish anything, as kill -9 does: no destructor may
    /// write. The next [`Harness::open`] opens what that left behind.
    ///
    /// # Errors
    /// The harness' own.
    async fn crash(&self, store: Arc<dyn Store>) -> Result<(), StoreError>;

    /// Runs all of `work` at the same time, on several threads, to the end: [`super::on_threads`] for a store that
    /// needs no runtime, else tasks of its runtime.
    async fn parallel(&self, work: Vec<BoxFuture<()>>);
}

/// The store of another harness below injected faults, with a client on top that tries again ([`Retrying`]).
///
/// Late writes are none of these: a creation that lands after its document was deleted again is no breach of the
/// contract, but no retrying client can hide it either.
#[derive(Debug)]
pub struct UnderFaults<H> {
    inner: H,
    plan: FaultPlan,
    opened: Mutex<Vec<FaultCounter>>,
}

impl<H: Harness> UnderFaults<H> {
    /// `inner` under the faults of `plan`; [`FaultPlan::late`] is taken as 0. Each opening draws anew.
    #[must_use]
    pub fn new(inner: H, plan: FaultPlan) -> Self {
        Self { inner, plan: FaultPlan { late: 0.0, ..plan }, opened: Mutex::new(Vec::new()) }
    }

    /// How many operations failed by injection so far.
    #[must_use]
    pub fn injected(&self) -> u64 {
        let sum = |counts: FaultCounts| counts.before + counts.after + counts.lost;
        self.opened.lock().iter().map(|counter| sum(counter.counts())).sum()
    }
}

#[async_trait]
impl<H: Harness> Harness for UnderFaults<H> {
    fn env(&self) -> Env {
        self.inner.env()
    }

    fn patience(&self) -> Duration {
        self.inner.patience()
    }

    fn volume(&self) -> usize {
        self.inner.volume()
    }

    fn names(&self) -> Names {
        self.inner.names()
    }

    fn certain(&self) -> bool {
        false
    }

    async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        let store = self.inner.open().await?;
        let mut opened = self.opened.lock();
        let plan = FaultPlan { seed: self.plan.seed.wrapping_add(opened.len() as u64), ..self.plan };
        let store = FaultStore::new(store, plan).with_timer(self.inner.env());
        opened.push(store.counter());
        Ok(Arc::new(Retrying::new(Arc::new(store))))
    }

    fn can_crash(&self) -> bool {
        self.inner.can_crash()
    }

    async fn crash(&self, store: Arc<dyn Store>) -> Result<(), StoreError> {
        self.inner.crash(store).await
    }

    async fn parallel(&self, work: Vec<BoxFuture<()>>) {
        self.inner.parallel(work).await;
    }
}
