//! One of the protocol's machines, run one store operation at a time.

use std::collections::BTreeSet;

use spiderpool_core::{
    model::{BlockBits, BlockId},
    protocol::{Commit, Failure, Input, Intent, Logging, Machine, Op, Outcome, PoolRef, Reply, Spent, Step},
    time::{Moment, Timestamp},
};

/// Pauses that one request may make before its deadline comes.
const PAUSES: u32 = 1;
/// After every deadline.
const LATE: Moment = Moment::from_millis(1_000_000);

/// What stands between two steps: the operation to be performed, and on whose behalf.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Waiting {
    Outer(Op),
    Inner(Op),
}

/// A machine with whatever block writes it has under way.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Runner<M: Machine> {
    machine: M,
    bits: BlockBits,
    inner: Option<Commit>,
    todo: Vec<(BlockId, Intent)>,
    outcomes: Vec<Outcome>,
    waiting: Option<Waiting>,
    pauses: u32,
    spent: BTreeSet<u128>,
    /// The wall clock that the machine sees.
    pub(crate) now: Timestamp,
    /// The state of the blocks as a stale cache has it: what the first write starts from.
    pub(crate) cached:
        Vec<(BlockId, spiderpool_core::store::Token, std::sync::Arc<spiderpool_core::model::Block>)>,
}

impl<M: Machine> Runner<M> {
    pub(crate) fn new(machine: M, bits: BlockBits) -> Self {
        Self {
            machine,
            bits,
            inner: None,
            todo: Vec::new(),
            outcomes: Vec::new(),
            waiting: None,
            pauses: 0,
            spent: BTreeSet::new(),
            now: Timestamp::from_millis(0),
            cached: Vec::new(),
        }
    }

    /// The operation that comes next, if the machine has begun.
    pub(crate) fn next(&self) -> Option<&Op> {
        match self.waiting.as_ref()? {
            Waiting::Outer(op) | Waiting::Inner(op) => Some(op),
        }
    }

    fn input(&self, reply: Reply) -> Input {
        let moment = if self.pauses > PAUSES { LATE } else { Moment::default() };
        Input { now: self.now, moment, reply }
    }

    /// Begins, or goes on with `reply`, until the next operation on the world or the end.
    pub(crate) fn go(&mut self, reply: Reply) -> Option<M::Output> {
        let mut reply = reply;
        let mut inside = matches!(self.waiting.take(), Some(Waiting::Inner(_)));
        loop {
            if inside {
                let input = self.input(reply);
                let Some(commit) = &mut self.inner else { panic!("a reply to no write") };
                match commit.step(input) {
                    Step::Do(Op::Sleep(_)) => {
                        self.pauses += 1;
                        reply = Reply::Slept;
                    }
                    Step::Do(Op::Log(_)) => reply = Reply::Logged,
                    Step::Do(op) => {
                        self.waiting = Some(Waiting::Inner(op));
                        return None;
                    }
                    Step::Done(done) => {
                        self.outcomes.extend(done.outcomes);
                        if self.next_write() {
                            reply = Reply::Start;
                        } else {
                            inside = false;
                            reply = Reply::Committed(std::mem::take(&mut self.outcomes));
                        }
                    }
                }
                continue;
            }
            let input = self.input(reply);
            match self.machine.step(input) {
                Step::Done(output) => return Some(output),
                Step::Do(Op::Sleep(_)) => {
                    self.pauses += 1;
                    self.spent.clear();
                    reply = Reply::Slept;
                }
                Step::Do(Op::Hint { pool, spent }) => reply = Reply::Hint(self.hint(&pool, spent)),
                Step::Do(Op::Exhausted { .. } | Op::Roomy { .. }) => reply = Reply::Noted,
                Step::Do(Op::Commit(mut intents)) => {
                    intents.reverse();
                    self.todo = intents;
                    inside = self.next_write();
                    reply = if inside { Reply::Start } else { Reply::Committed(Vec::new()) };
                }
                Step::Do(op) => {
                    self.waiting = Some(Waiting::Outer(op));
                    return None;
                }
            }
        }
    }

    fn next_write(&mut self) -> bool {
        let Some((id, intent)) = self.todo.pop() else {
            self.inner = None;
            return false;
        };
        let at = self.cached.iter().position(|(cached, ..)| *cached == id);
        let cached = at.map(|at| self.cached.remove(at)).map(|(_, token, block)| (token, block));
        self.inner = Some(Commit::new(id, self.bits, Logging::Off, vec![intent], cached));
        true
    }

    /// The lowest block that was not found spent in this request.
    fn hint(&mut self, pool: &PoolRef, spent: Option<(BlockId, Spent)>) -> Option<BlockId> {
        if let Some((block, _)) = spent {
            self.spent.insert(block.index);
        }
        let blocks = pool.usable.ranges().flat_map(|range| {
            (range.first().value() >> self.bits.get())..=(range.last().value() >> self.bits.get())
        });
        let index = blocks.into_iter().find(|index| !self.spent.contains(index))?;
        Some(BlockId { scope: pool.scope.clone(), family: pool.family, index })
    }

    /// The reply of an operation that did not reach anybody.
    pub(crate) fn lost() -> Reply {
        Reply::Failed(Failure::Unknown)
    }
}

impl<M: Machine> Runner<M> {
    /// The block that is being written, if one is.
    pub(crate) fn block(&self) -> Option<BlockId> {
        self.inner.as_ref().map(|commit| commit.id().clone())
    }
}
