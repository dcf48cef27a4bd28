//! One leader among many processes, by a lease in the store.
//!
//! The lease is a `coordination.k8s.io/v1` Lease, on Kubernetes the real one, elsewhere a document of the same form:
//! `kubectl get lease` shows who leads, and other programs' views of leases work.
//!
//! Nobody compares wall clocks. A leader leads for four fifths of the lease's duration, counted on its own monotonic clock from
//! *before* it sent the write that said so; a candidate takes the lease over by compare-and-swap once it has seen it
//! unchanged for the whole duration, counted on its own monotonic clock from *after* it read it. So two processes lead at
//! the same time only if their clocks run at rates that differ by more than a fifth, however they are set, and however
//! long a process is paused: one that wakes up sees on its clock that its time is over. (A machine that sleeps stops its
//! monotonic clock; what a leader does is fenced by tokens all the same.)

mod record;
mod round;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc, time::Duration};

use parking_lot::Mutex;
pub use record::lease_key;

use crate::{
    env::Env,
    name::NodeName,
    protocol::{Failure, Input, Machine, Op, Reply, Step},
    store::{Key, Store, StoreError},
    time::Moment,
};
use round::{Ended, Round, Seen};

/// Who may hold a lease: one process, not the next one of the same node.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Holder(Arc<str>);

impl Holder {
    /// This process, on `node`: the node's name and a random number, as Kubernetes' own programs do it.
    #[must_use]
    pub fn on(node: &NodeName, env: &Env) -> Self {
        Self(format!("{node}_{}", env.random_id()).into())
    }

    /// As it stands in the lease.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How long a lease lasts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LeaseTiming {
    duration: Duration,
    leads: Duration,
}

impl LeaseTiming {
    /// A lease that lasts `duration` after its last renewal: as long as a dead leader is waited for. At least one second;
    /// whole seconds, rounded up, because that is what stands in the lease.
    #[must_use]
    pub fn new(duration: Duration) -> Self {
        let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
        let duration = Duration::from_secs(seconds.max(1));
        Self { duration, leads: duration * 4 / 5 }
    }

    /// How often to call [`Leadership::round`]: four times before a leader's time is over.
    #[must_use]
    pub fn pause(self) -> Duration {
        self.duration / 5
    }
}

impl Default for LeaseTiming {
    /// 15 s, as Kubernetes' own programs.
    fn default() -> Self {
        Self::new(Duration::from_secs(15))
    }
}

/// What a round came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    /// This process leads, at least until [`Leadership::leads`] says otherwise.
    Leading,
    /// Another process leads, or may.
    Following {
        /// Which one, as far as known.
        leader: Option<String>,
    },
}

#[derive(Debug, Default)]
struct State {
    until: Option<Moment>,
    seen: Option<Seen>,
}

/// A candidate for one lease.
#[derive(Debug)]
pub struct Leadership {
    store: Arc<dyn Store>,
    env: Env,
    key: Key,
    holder: Holder,
    timing: LeaseTiming,
    state: Mutex<State>,
}

impl Leadership {
    /// A candidate for the lease under `key` ([`lease_key`]). It holds nothing before the first [`Leadership::round`].
    #[must_use]
    pub fn new(store: Arc<dyn Store>, env: Env, key: Key, holder: Holder, timing: LeaseTiming) -> Self {
        Self { store, env, key, holder, timing, state: Mutex::default() }
    }

    /// Who this is.
    #[must_use]
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Whether this process leads now. Ask before each step of what only a leader does; costs a look at the clock.
    #[must_use]
    pub fn leads(&self) -> bool {
        let until = self.state.lock().until;
        until.is_some_and(|until| self.env.clock.monotonic() < until)
    }

    /// Takes the lease, keeps it, or sees who has it. Call it every [`LeaseTiming::pause`], one call at a time.
    ///
    /// Cost: a read and, by a leader or whoever becomes one, a write. Cancellation: a write may take effect all the same; then
    /// the next round renews it, or the lease runs out.
    ///
    /// # Errors
    /// The store failed. A leader goes on to lead until its time is over.
    pub async fn round(&self) -> Result<Standing, StoreError> {
        let seen = self.state.lock().seen.clone();
        let round = Round::new(self.key.clone(), self.holder.clone(), self.timing, seen);
        let (ended, error) = self.run(round).await;
        let mut state = self.state.lock();
        let leader = match ended {
            Ended::Leads(until) => {
                *state = State { until: Some(until), seen: None };
                return Ok(Standing::Leading);
            }
            Ended::Follows(seen, leader) => {
                // Somebody took it, or edited the lease by hand.
                *state = State { until: None, seen: Some(seen) };
                leader
            }
            Ended::Unknown => None,
        };
        match error {
            Some(error) => Err(error),
            None => Ok(Standing::Following { leader }),
        }
    }

    /// Gives the lease up if this process has it, so that nobody has to wait for its end.
    ///
    /// # Errors
    /// The store failed; then the lease runs out by itself.
    pub async fn resign(&self) -> Result<(), StoreError> {
        // First of all, so that nobody leads when the next one does.
        self.state.lock().until = None;
        let Some(found) = self.store.get(&self.key).await? else { return Ok(()) };
        match record::resigned(&found.document, &self.holder) {
            Some(free) => self.store.update(&self.key, &found.token, free.into()).await.map(drop),
            None => Ok(()),
        }
    }

    /// Runs a round; with the error of the store that was in its way.
    async fn run(&self, mut round: Round) -> (Ended, Option<StoreError>) {
        let (mut reply, mut failed) = (Reply::Start, None);
        loop {
            let input = Input { now: self.env.clock.now(), moment: self.env.clock.monotonic(), reply };
            let done = match round.step(input) {
                Step::Done(ended) => return (ended, failed),
                Step::Do(Op::Get(key)) => self.store.get(&key).await.map(Reply::Got),
                Step::Do(Op::Create(key, document)) => {
                    self.store.create(&key, document).await.map(Reply::Written)
                }
                Step::Do(Op::Update(key, token, document)) => {
                    self.store.update(&key, &token, document).await.map(Reply::Written)
                }
                Step::Do(_) => Err(StoreError::Unsupported { what: "anything else in a round of a lease" }),
            };
            reply = done.unwrap_or_else(|error| {
                let failure = Failure::from(&error);
                // Others were quicker: that is an answer.
                let answers = matches!(failure, Failure::Conflict | Failure::Exists | Failure::Missing);
                failed = (!answers).then_some(error);
                Reply::Failed(failure)
            });
        }
    }
}
