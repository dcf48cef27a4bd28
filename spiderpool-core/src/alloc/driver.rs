//! Runs the protocol's machines: performs each operation and feeds the reply back.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::{Either, join_all, poll_immediate, select, try_join, try_join_all};

use super::{
    cache::Cache,
    committer::{Committer, Waiter},
    conflicts::Counted,
    finder::{Finder, Hint},
    index::Index,
    liveness::Liveness,
    lock::AsyncMutex,
    log::IntentLog,
    settling::{Settling, Turn},
    sightings::Sightings,
};
use crate::{
    env::Env,
    hash::mix,
    model::{BlockId, PlanId},
    protocol::{
        Failure, Input, Intent, Logging, Machine, Op, PoolRef, Reply, Setting, Spent, Step, Surveyed,
    },
    store::{Key, Listing, Room, Selector, Store, StoreError, Token, Versioned},
    time::Moment,
};

/// How soon those who wait for a plan look again.
const LOOK_AGAIN: Duration = Duration::from_millis(4);

/// Everything that running a machine takes.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) store: Arc<dyn Store>,
    pub(super) env: Env,
    pub(super) liveness: Arc<dyn Liveness>,
    pub(super) log: Option<Arc<dyn IntentLog>>,
    /// Whether other processes write to the store too.
    pub(super) shared: bool,
    pub(super) logging: Logging,
    pub(super) setting: Setting,
    /// See [`super::AllocatorConfig::few_blocks`].
    pub(super) few_blocks: u32,
    pub(super) index: Index,
    pub(super) cache: Cache,
    pub(super) sightings: Sightings,
    pub(super) finder: Finder,
    pub(super) settling: Settling,
    /// Held by whoever lists a pool's blocks for the finder.
    pub(super) listing: AsyncMutex<()>,
    pub(super) committer: Committer,
    pub(super) conflicts: Arc<Counted>,
    /// Cheap numbers for jitter and choices; seeded from [`Env::entropy`] once.
    pub(super) numbers: AtomicU64,
}

impl Driver {
    pub(super) fn input(&self, reply: Reply) -> Input {
        Input { now: self.env.clock.now(), moment: self.env.clock.monotonic(), reply }
    }

    pub(super) fn number(&self) -> u64 {
        mix(self.numbers.fetch_add(1, Ordering::Relaxed))
    }

    /// Runs `machine` to its end. Cancellation: dropped in the middle, a write may or may not take effect; the next
    /// request of the same key finds out.
    pub(super) async fn run<M: Machine>(&self, mut machine: M) -> M::Output {
        let mut reply = Reply::Start;
        loop {
            match machine.step(self.input(reply)) {
                Step::Done(output) => return output,
                Step::Do(op) => reply = self.perform(op).await,
            }
        }
    }

    async fn perform(&self, op: Op) -> Reply {
        #[cfg(feature = "simulation")]
        crate::simulation::coverage::operation(&op);
        match op {
            Op::Commit(intents) => {
                // All are handed in before the first is driven, so that those of one block share a write.
                let submit = |(block, intent): &'_ (BlockId, Intent)| {
                    self.committer.submit(self, block.clone(), intent.clone())
                };
                let mut waiters: Vec<Waiter<'_>> = intents.iter().map(submit).collect();
                Reply::Committed(match (waiters.len(), waiters.pop()) {
                    (1, Some(only)) => vec![only.outcome().await],
                    (_, last) => join_all(waiters.into_iter().chain(last).map(Waiter::outcome)).await,
                })
            }
            Op::Hint { pool, spent } => self.hint(&pool, spent).await,
            Op::MaySettle(plan) => self.may_settle(plan).await,
            Op::Roomy { pool, blocks } => {
                self.finder.roomy(&pool, blocks.iter().map(|block| block.index));
                Reply::Noted
            }
            Op::Exhausted { pool, cooling } => {
                self.finder.exhausted(&pool, cooling, self.env.clock.monotonic());
                Reply::Noted
            }
            op => self.perform_basic(op).await,
        }
    }

    /// Performs what needs no other machine.
    pub(super) async fn perform_basic(&self, op: Op) -> Reply {
        #[cfg(feature = "simulation")]
        crate::simulation::coverage::operation(&op);
        // The store itself: through its pointer, every future would be boxed twice.
        let store = self.store.as_ref();
        let done = match op {
            Op::Get(key) => store.get(&key).await.map(Reply::Got),
            Op::GetBoth([first, second]) => {
                try_join(store.get(&first), store.get(&second)).await.map(|(a, b)| Reply::GotBoth([a, b]))
            }
            Op::List(selector) => self.list(&selector).await.map(Reply::Listed),
            // In boxes: what is rare must not make every other request's future large.
            Op::Survey(selector) => Box::pin(self.survey(&selector)).await,
            Op::GetAll(blocks) => Box::pin(self.get_all(blocks)).await.map(Reply::GotAll),
            Op::Create(key, document) => store.create(&key, document).await.map(Reply::Written),
            Op::Update(key, token, document) => {
                store.update(&key, &token, document).await.map(Reply::Written)
            }
            Op::Delete(key, token) => store.delete(&key, &token).await.map(|()| Reply::Deleted),
            Op::Pod(name) => self.liveness.pod_uid(&name).await.map(Reply::Pod),
            Op::Sandbox { node, container } => {
                Ok(Reply::Sandbox(self.liveness.sandbox(&node, &container).await))
            }
            Op::Log(write) => match &self.log {
                Some(log) => log.write(write).await.map(|()| Reply::Logged),
                None => Ok(Reply::Logged),
            },
            Op::Sleep(duration) => {
                // Half fixed, half random: writers that met once do not meet again at once.
                let half = duration / 2;
                let micros = u64::try_from(half.as_micros()).unwrap_or(u64::MAX).max(1);
                self.env.timer.sleep(half + Duration::from_micros(self.number() % micros)).await;
                Ok(Reply::Slept)
            }
            Op::Commit(_) | Op::Hint { .. } | Op::MaySettle(_) | Op::Roomy { .. } | Op::Exhausted { .. } => {
                Err(StoreError::Unsupported { what: "an operation of requests in a block's write" })
            }
        };
        done.unwrap_or_else(|error| Reply::Failed(Failure::from(&error)))
    }

    async fn list(&self, selector: &Selector) -> Result<Listing, StoreError> {
        let listing = self.store.list(selector).await?;
        self.sightings.read(&listing.items);
        Ok(listing)
    }

    /// By tokens, where blocks are many and most of them were seen before.
    async fn survey(&self, selector: &Selector) -> Result<Reply, StoreError> {
        if !self.sightings.know_most_of(selector, self.few_blocks) {
            return self.list(selector).await.map(Reply::Listed);
        }
        let tokens = self.store.tokens(selector).await?;
        let blocks = tokens.into_iter().filter_map(|(key, token)| match key {
            Key::Block(id) => Some((self.sightings.last(&id), id, token)),
            _ => None,
        });
        Ok(Reply::Surveyed(blocks.map(|(seen, id, token)| Surveyed::of(id, token, seen.as_ref())).collect()))
    }

    async fn get_all(&self, blocks: Vec<BlockId>) -> Result<Vec<Option<Versioned>>, StoreError> {
        let keys: Vec<Key> = blocks.into_iter().map(Key::Block).collect();
        let found = try_join_all(keys.iter().map(|key| self.store.get(key))).await?;
        self.sightings.read(found.iter().flatten());
        Ok(found)
    }

    async fn hint(&self, pool: &PoolRef, spent: Option<(BlockId, Spent)>) -> Reply {
        // Once per search: what it tried meanwhile is not offered to it again.
        let first = spent.is_none();
        let spent = spent.map(|(block, spent)| (block.index, spent));
        let (now, moment) = (self.env.clock.now(), self.env.clock.monotonic());
        let mut hint = self.finder.hint(pool, spent, now, moment, self.number());
        if matches!(hint, Hint::Load | Hint::Look(_)) {
            // One of those who want to know asks the store.
            let _turn = self.listing.lock().await;
            hint = self.finder.hint(pool, None, now, moment, self.number());
            let listed = match hint {
                Hint::Load => self.sights(pool, Room::Any).await.map(|seen| self.finder.load(pool, &seen)),
                Hint::Look(room) => self.sights(pool, room).await.map(|seen| self.finder.looked(pool, &seen)),
                _ => Ok(()),
            };
            if let Err(error) = listed {
                return Reply::Failed(Failure::from(&error));
            }
            if matches!(hint, Hint::Load | Hint::Look(_)) {
                hint = self.finder.hint(pool, None, now, moment, self.number());
            }
        }
        if hint == Hint::Nothing && self.shared && first {
            // Near exhaustion other nodes give addresses back: a filtered listing, before the proof reads everything.
            match self.sights(pool, Room::Some).await {
                Ok(seen) => self.finder.looked(pool, &seen),
                Err(error) => return Reply::Failed(Failure::from(&error)),
            }
            hint = self.finder.hint(pool, None, now, moment, self.number());
        }
        let id = |index| BlockId { scope: pool.scope.clone(), family: pool.family, index };
        match hint {
            Hint::Block(index) => Reply::Hint(Some(id(index))),
            Hint::New(index) => {
                self.cache.believe_absent(&id(index));
                Reply::Hint(Some(id(index)))
            }
            Hint::Exhausted(cooling) => Reply::Exhausted(cooling),
            Hint::Nothing | Hint::Load | Hint::Look(_) => Reply::Hint(None),
        }
    }

    /// Whoever comes while another request settles the same plan waits a little and looks again.
    async fn may_settle(&self, plan: PlanId) -> Reply {
        match self.settling.turn(plan, self.env.clock.monotonic()) {
            Turn::Mine => Reply::Noted,
            Turn::Others => self.perform_basic(Op::Sleep(LOOK_AGAIN)).await,
        }
    }

    /// The blocks of a pool, and which addresses are free there as far as that is known: whole where they are few, else by
    /// their keys and labels.
    async fn sights(&self, pool: &PoolRef, room: Room) -> Result<Vec<(u128, u64)>, StoreError> {
        let bits = self.setting.bits.get();
        let (Some(first), Some(last)) = (pool.usable.first(), pool.usable.last()) else {
            return Ok(Vec::new());
        };
        let (first, last) = (first.value() >> bits, last.value() >> bits);
        let of = |room| {
            let (scope, family) = (pool.scope.clone(), pool.family);
            Selector::Blocks { scope, family, first, last, room }
        };
        if !self.shared || last - first < u128::from(self.few_blocks) {
            let listing = self.list(&of(room)).await?;
            let blocks = listing.items.iter().filter_map(|item| item.document.as_block());
            return Ok(blocks.map(|block| (block.id().index, !block.held())).collect());
        }
        let indices = |found: Vec<(Key, Token)>| {
            let index = |(key, _)| if let Key::Block(id) = key { Some(id.index) } else { None };
            found.into_iter().filter_map(index).collect::<Vec<u128>>()
        };
        let (all, roomy) = (of(Room::Any), of(Room::Some));
        let all = async {
            match room {
                Room::Any => self.store.tokens(&all).await.map(indices),
                Room::Some => Ok(Vec::new()),
            }
        };
        let (all, roomy) = try_join(all, async { self.store.tokens(&roomy).await.map(indices) }).await?;
        let full = all.into_iter().map(|index| (index, 0));
        Ok(full.chain(roomy.into_iter().map(|index| (index, u64::MAX))).collect())
    }
}

/// Waits for `future`, but not beyond `deadline`. A future that is ready at once is never late.
pub(crate) async fn until<T>(env: &Env, deadline: Moment, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    if let Some(output) = poll_immediate(future.as_mut()).await {
        return Some(output);
    }
    if deadline == Moment::NEVER {
        return Some(future.await);
    }
    let left = deadline.left(env.clock.monotonic());
    match select(future, env.timer.sleep(left)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}
