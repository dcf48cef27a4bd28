//! One of the protocol's machines, run one store operation at a time.

use std::collections::BTreeSet;

use spiderpool_core::{
    model::{BlockBits, BlockId},
    protocol::{Commit, Failure, Input, Intent, Logging, Machine, Op, Outcome, PoolRef, Reply, Spent, Step},
    store::{Key, Versioned},
    time::{Moment, Timestamp},
};

use super::memory::Memory;

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

/// Two reads asked for at once: they come about one after the other, with whatever happens in between.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Both {
    First(Key),
    Second(Option<Versioned>),
}

/// A machine with whatever block write it has under way.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Runner<M: Machine> {
    machine: M,
    bits: BlockBits,
    inner: Option<(Commit, Intent)>,
    todo: Vec<(BlockId, Intent)>,
    outcomes: Vec<Outcome>,
    waiting: Option<Waiting>,
    both: Option<Both>,
    pauses: u32,
    spent: BTreeSet<u128>,
    start: usize,
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
            both: None,
            pauses: 0,
            spent: BTreeSet::new(),
            start: 0,
        }
    }

    /// Looking for room from the `start`-th block of a pool on.
    pub(crate) fn starting(self, start: usize) -> Self {
        Self { start, ..self }
    }

    /// The operation that comes next, if the machine has begun.
    pub(crate) fn next(&self) -> Option<&Op> {
        match self.waiting.as_ref()? {
            Waiting::Outer(op) | Waiting::Inner(op) => Some(op),
        }
    }

    fn input(&self, now: Timestamp, reply: Reply) -> Input {
        let moment = if self.pauses > PAUSES { LATE } else { Moment::default() };
        Input { now, moment, reply }
    }

    /// Begins, or goes on with `reply`, until the next operation on the world or the end.
    pub(crate) fn go(&mut self, reply: Reply, now: Timestamp, memory: &mut Memory) -> Option<M::Output> {
        let mut inside = matches!(self.waiting.take(), Some(Waiting::Inner(_)));
        let mut reply = self.one_of_both(reply)?;
        loop {
            let input = self.input(now, reply);
            if inside {
                let Some((commit, intent)) = &mut self.inner else { panic!("a reply to no write") };
                match commit.step(input) {
                    Step::Do(Op::Sleep(_)) => {
                        self.pauses += 1;
                        reply = Reply::Slept;
                    }
                    Step::Do(Op::Log(write)) => {
                        memory.write_log(write);
                        reply = Reply::Logged;
                    }
                    Step::Do(Op::GetBoth([first, second])) => {
                        self.both = Some(Both::First(second));
                        self.waiting = Some(Waiting::Inner(Op::Get(first)));
                        return None;
                    }
                    Step::Do(op) => {
                        self.waiting = Some(Waiting::Inner(op));
                        return None;
                    }
                    Step::Done(done) => {
                        let id = commit.id().clone();
                        memory.saw(&id, done.block.clone());
                        done.outcomes().iter().for_each(|outcome| memory.note(&id, intent, outcome));
                        self.outcomes.extend(done.into_outcomes());
                        if self.next_write(memory) {
                            reply = Reply::Start;
                        } else {
                            inside = false;
                            reply = Reply::Committed(std::mem::take(&mut self.outcomes));
                        }
                    }
                }
                continue;
            }
            match self.machine.step(input) {
                Step::Done(output) => return Some(output),
                Step::Do(Op::Sleep(_)) => {
                    self.pauses += 1;
                    self.spent.clear();
                    reply = Reply::Slept;
                }
                Step::Do(Op::Hint { pool, spent }) => reply = Reply::Hint(self.hint(&pool, spent)),
                Step::Do(Op::Exhausted { .. } | Op::Roomy { .. } | Op::MaySettle(_)) => reply = Reply::Noted,
                Step::Do(Op::Commit(mut intents)) => {
                    intents.reverse();
                    self.todo = intents;
                    inside = self.next_write(memory);
                    reply = if inside { Reply::Start } else { Reply::Committed(Vec::new()) };
                }
                Step::Do(op) => {
                    self.waiting = Some(Waiting::Outer(op));
                    return None;
                }
            }
        }
    }

    /// The reply to two reads, once both are there; none while the second one is to come.
    fn one_of_both(&mut self, reply: Reply) -> Option<Reply> {
        match (self.both.take(), reply) {
            (Some(Both::First(second)), Reply::Got(found)) => {
                self.both = Some(Both::Second(found));
                self.waiting = Some(Waiting::Inner(Op::Get(second)));
                None
            }
            (Some(Both::Second(first)), Reply::Got(second)) => Some(Reply::GotBoth([first, second])),
            (_, reply) => Some(reply),
        }
    }

    fn next_write(&mut self, memory: &Memory) -> bool {
        let Some((id, intent)) = self.todo.pop() else {
            self.inner = None;
            return false;
        };
        let belief = memory.belief(&id);
        let commit = Commit::new(id, self.bits, Logging::On, vec![intent.clone()], belief);
        self.inner = Some((commit, intent));
        true
    }

    /// The first block that was not found spent in this request.
    fn hint(&mut self, pool: &PoolRef, spent: Option<(BlockId, Spent)>) -> Option<BlockId> {
        if let Some((block, _)) = spent {
            self.spent.insert(block.index);
        }
        let blocks = pool.usable.ranges().flat_map(|range| {
            (range.first().value() >> self.bits.get())..=(range.last().value() >> self.bits.get())
        });
        let mut blocks: Vec<u128> = blocks.collect();
        blocks.dedup();
        let start = self.start % blocks.len().max(1);
        blocks.rotate_left(start);
        let index = blocks.into_iter().find(|index| !self.spent.contains(index))?;
        Some(BlockId { scope: pool.scope.clone(), family: pool.family, index })
    }
}

/// The reply of a write that may have reached the store or not.
pub(crate) fn lost() -> Reply {
    Reply::Failed(Failure::Unknown)
}
