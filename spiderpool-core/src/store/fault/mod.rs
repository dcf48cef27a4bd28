//! Faults as another implementation of the contract.
//!
//! Reads stay linearizable: a store that answers stale breaks the contract, so no fault here does. They may fail.

mod plan;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use parking_lot::Mutex;

use super::{
    Capabilities, Change, Document, Key, Listing, Position, Selector, Store, StoreError, Token, Versioned,
    Watch,
    local::{Action, Write},
};
use crate::env::Env;
use plan::{Decisions, Draws, Operation, Verdict};

#[cfg(feature = "simulation")]
pub(crate) use plan::splitmix;
pub use plan::{Fault, FaultCounts, FaultPlan};

/// Injects faults around `inner`: drawn from a seed ([`FaultPlan`]), or at exact points ([`FaultStore::fail_write`],
/// [`FaultStore::fail_read`], [`FaultStore::crash`]).
///
/// ```
/// use spiderpool_core::store::{Fault, FaultPlan, FaultStore, MemoryStore};
///
/// // One write in ten is not answered although it happened; the third is certainly lost.
/// let store = FaultStore::new(MemoryStore::new(), FaultPlan { seed: 7, after: 0.1, ..FaultPlan::default() });
/// store.fail_write(3, Fault::Lost);
/// ```
pub struct FaultStore<S> {
    inner: S,
    env: Option<Env>,
    state: Arc<Mutex<State>>,
}

/// Counts on after the [`FaultStore`] it belongs to was given away, or dropped.
#[derive(Clone, Debug)]
pub struct FaultCounter(Arc<Mutex<State>>);

impl FaultCounter {
    /// What has happened so far.
    #[must_use]
    pub fn counts(&self) -> FaultCounts {
        self.0.lock().decisions.counts
    }
}

#[derive(Debug)]
struct State {
    decisions: Decisions,
    /// Writes on a detour, and the number of the operation before which they land.
    late: Vec<(u64, Write)>,
}

impl<S: fmt::Debug> fmt::Debug for FaultStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decisions = &self.state.lock().decisions;
        let (plan, counts) = (&decisions.plan, &decisions.counts);
        f.debug_struct("FaultStore")
            .field("inner", &self.inner)
            .field("plan", plan)
            .field("counts", counts)
            .finish()
    }
}

impl<S: Store> FaultStore<S> {
    /// Faults around `inner` as `plan` says.
    #[must_use]
    pub fn new(inner: S, plan: FaultPlan) -> Self {
        let state = State { decisions: Decisions::new(plan), late: Vec::new() };
        Self { inner, env: None, state: Arc::new(Mutex::new(state)) }
    }

    /// The same, with the timer of `env` for [`FaultPlan::delay`].
    #[must_use]
    pub fn with_timer(mut self, env: Env) -> Self {
        self.env = Some(env);
        self
    }

    /// The store without faults.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Goes on as `plan` says, its seed included. Scripted faults stay.
    pub fn set_plan(&self, plan: FaultPlan) {
        let mut state = self.state.lock();
        let fresh = Decisions::new(plan);
        let old = std::mem::replace(&mut state.decisions, fresh);
        let (counts, writes, reads, crash) = (old.counts, old.writes, old.reads, old.crash);
        let decisions = &mut state.decisions;
        (decisions.counts, decisions.writes, decisions.reads, decisions.crash) =
            (counts, writes, reads, crash);
    }

    /// The `n`-th write from now meets `fault`; 1 is the next one.
    pub fn fail_write(&self, n: u64, fault: Fault) {
        let decisions = &mut self.state.lock().decisions;
        decisions.writes.insert(decisions.counts.writes + n, fault);
    }

    /// The `n`-th read or listing from now fails; 1 is the next one.
    pub fn fail_read(&self, n: u64) {
        let decisions = &mut self.state.lock().decisions;
        decisions.reads.insert(decisions.counts.reads + n, Fault::Before);
    }

    /// The `n`-th operation from now (1 is the next one) meets `fault`, and everything after it fails without effect,
    /// until [`FaultStore::restart`]. For a crash at every point: run once, take [`FaultCounts::operations`], then run
    /// with each `n` up to it.
    pub fn crash(&self, n: u64, fault: Fault) {
        let decisions = &mut self.state.lock().decisions;
        decisions.crash = Some((decisions.counts.operations + n, fault));
    }

    /// Whether the point of [`FaultStore::crash`] was reached.
    #[must_use]
    pub fn crashed(&self) -> bool {
        self.state.lock().decisions.crashed()
    }

    /// Ends a crash and forgets all scripted faults. Late writes stay on their way.
    pub fn restart(&self) {
        let decisions = &mut self.state.lock().decisions;
        decisions.crash = None;
        decisions.writes.clear();
        decisions.reads.clear();
    }

    /// What has happened so far.
    #[must_use]
    pub fn counts(&self) -> FaultCounts {
        self.state.lock().decisions.counts
    }

    /// The counts, for after this store was given away.
    #[must_use]
    pub fn counter(&self) -> FaultCounter {
        FaultCounter(self.state.clone())
    }

    /// How many writes are on their way.
    #[must_use]
    pub fn late(&self) -> usize {
        self.state.lock().late.len()
    }

    /// Lets all late writes reach the store now, oldest first. Those that have become stale change nothing, as the
    /// tokens see to it. Gives the number of those that took effect.
    pub async fn land(&self) -> usize {
        let late = std::mem::take(&mut self.state.lock().late);
        self.apply(late).await
    }

    async fn apply(&self, late: Vec<(u64, Write)>) -> usize {
        let mut effective = 0;
        for (_, write) in late {
            effective += usize::from(self.send(write).await.is_ok());
        }
        effective
    }

    async fn send(&self, write: Write) -> Result<Option<Token>, StoreError> {
        let Write { key, action } = write;
        match action {
            Action::Create(document) => self.inner.create(&key, document).await.map(Some),
            Action::Update(token, document) => self.inner.update(&key, &token, document).await.map(Some),
            Action::Delete(token) => self.inner.delete(&key, &token).await.map(|()| None),
        }
    }

    /// Begins an operation: late writes that are due land, and its fate is decided.
    async fn begin(&self, operation: Operation) -> Verdict {
        let (verdict, due) = {
            let mut state = self.state.lock();
            let verdict = state.decisions.decide(operation);
            let now = state.decisions.counts.operations;
            let (due, still) = std::mem::take(&mut state.late).into_iter().partition(|(at, _)| *at <= now);
            state.late = still;
            (verdict, due)
        };
        self.apply(due).await;
        self.wait(verdict.delays[0]).await;
        verdict
    }

    async fn wait(&self, delay: Option<std::time::Duration>) {
        if let (Some(delay), Some(env)) = (delay, &self.env) {
            env.timer.sleep(delay).await;
        }
    }

    async fn read<T: Send>(
        &self,
        operation: Operation,
        read: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let verdict = self.begin(operation).await;
        if verdict.fault.is_some() {
            return Err(StoreError::unavailable("injected fault"));
        }
        let answer = read.await;
        self.wait(verdict.delays[1]).await;
        answer
    }

    async fn write(&self, key: &Key, action: Action) -> Result<Option<Token>, StoreError> {
        let verdict = self.begin(Operation::Write).await;
        let write = Write { key: key.clone(), action };
        let answer = match verdict.fault {
            None => self.send(write).await,
            Some(Fault::Before) => Err(StoreError::unavailable("injected fault")),
            Some(Fault::After) => {
                // Whether it was refused is also something the caller is not told.
                let _ = self.send(write).await;
                Err(StoreError::unknown("injected fault"))
            }
            Some(Fault::Lost) => Err(StoreError::unknown("injected fault")),
            Some(Fault::Late(by)) => {
                let mut state = self.state.lock();
                let at = state.decisions.counts.operations.saturating_add(by.into());
                state.late.push((at, write));
                Err(StoreError::unknown("injected fault"))
            }
        };
        self.wait(verdict.delays[1]).await;
        answer
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Store> Store for FaultStore<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        self.read(Operation::Read, self.inner.get(key)).await
    }

    async fn list(&self, selector: &Selector) -> Result<Listing, StoreError> {
        self.read(Operation::Read, self.inner.list(selector)).await
    }

    async fn tokens(&self, selector: &Selector) -> Result<Vec<(Key, Token)>, StoreError> {
        self.read(Operation::Read, self.inner.tokens(selector)).await
    }

    async fn create(&self, key: &Key, document: Document) -> Result<Token, StoreError> {
        let token = self.write(key, Action::Create(document)).await?;
        token.ok_or_else(|| StoreError::unknown("a creation was answered without a token"))
    }

    async fn update(&self, key: &Key, token: &Token, document: Document) -> Result<Token, StoreError> {
        let token = self.write(key, Action::Update(token.clone(), document)).await?;
        token.ok_or_else(|| StoreError::unknown("an update was answered without a token"))
    }

    async fn delete(&self, key: &Key, token: &Token) -> Result<(), StoreError> {
        self.write(key, Action::Delete(token.clone())).await.map(drop)
    }

    async fn watch(&self, selector: &Selector, from: &Position) -> Result<Box<dyn Watch>, StoreError> {
        let inner = self.read(Operation::Watch, self.inner.watch(selector, from)).await?;
        let (chance, draws) = {
            let decisions = &self.state.lock().decisions;
            (decisions.plan.watches, Draws(decisions.plan.seed ^ decisions.counts.operations))
        };
        Ok(Box::new(FaultWatch { inner, chance, draws, broken: false }))
    }
}

/// A watch that breaks off.
struct FaultWatch {
    inner: Box<dyn Watch>,
    chance: f64,
    draws: Draws,
    broken: bool,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Watch for FaultWatch {
    async fn next(&mut self) -> Result<(Change, Position), StoreError> {
        if self.broken {
            return Err(StoreError::unavailable("injected fault"));
        }
        let next = self.inner.next().await;
        // Drawn once per change: how often somebody polls must not matter.
        self.broken = self.draws.fraction() < self.chance;
        if self.broken { Err(StoreError::unavailable("injected fault")) } else { next }
    }
}
