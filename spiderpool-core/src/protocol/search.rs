//! Finding an address in the candidate pools of one part, in their order.
//!
//! A pool is left behind only when it is *proven* to have no free address (rule 12); contention never spills into
//! a backup pool (rule 11).

use std::{fmt, sync::Arc, time::Duration};

use super::{
    intent::{Action, Grant, How, Intent, Outcome, PoolRef, Unusable},
    machine::{Failure, Input, Machine, Op, Reply, Spent, Step},
    objects::Subject,
    prove::{Prove, Snapshots, Verdict},
    settle::{Role, Settle, Settled},
};
use crate::{
    addr::Address,
    model::{BlockBits, BlockId, GrantKey, Record},
    mutation::Mutation,
    name::{NodeName, ObjectName},
    store::Token,
    time::{Moment, Timestamp},
};

/// What is fixed for all requests of one allocator.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Setting {
    /// The scope's block size.
    pub bits: BlockBits,
    /// Whether a listing shows one instant.
    pub snapshots: Snapshots,
}

/// Why a candidate pool gave no address.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Refusal {
    /// Proven at one instant: every address is held or reserved.
    Exhausted,
    /// Proven at one instant: what is free rests until then.
    Cooling(Timestamp),
    /// The address that was asked for is not to be had.
    Unusable(Address, Unusable),
    /// The pool was deleted.
    Gone,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exhausted => f.write_str("all its addresses are held or reserved"),
            Self::Cooling(until) => {
                write!(f, "its free addresses are cooling; the first is ready at {until}")
            }
            Self::Unusable(address, Unusable::Held(record)) => {
                write!(f, "{address} is held by {} since {}", record.owner, record.since)
            }
            Self::Unusable(address, Unusable::NotInPool) => {
                write!(f, "{address} is not one of its addresses")
            }
            Self::Unusable(address, Unusable::Reserved) => write!(f, "{address} is reserved"),
            Self::Gone => f.write_str("it was deleted"),
        }
    }
}

/// Why a request has to be tried again, and nothing about the pools was proven.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Wait {
    /// Other writers were quicker until the deadline.
    Contention(ObjectName),
    /// An edit of this pool, or of the reservations, is in flight.
    Editing(String),
    /// Another incarnation's container still has the address, on this node.
    Attached(NodeName),
    /// The store did not answer.
    Store(Arc<str>),
    /// The store did not say whether a write took effect; the next request of this key closes it first.
    Unresolved(BlockId, Token),
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contention(pool) => write!(f, "pool {pool} is contended"),
            Self::Editing(what) => write!(f, "an edit of {what} is in flight"),
            Self::Attached(node) => write!(f, "the address is still attached on node {node}"),
            Self::Store(message) => f.write_str(message),
            Self::Unresolved(block, _) => write!(f, "a write to {block} had no definite reply"),
        }
    }
}

/// What a search ends with.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Found {
    /// Granted (goal [`Goal::Grant`]): the candidate's place, the address.
    Granted(usize, Address, How, Arc<Record>),
    /// It would be granted (goal [`Goal::Choose`]).
    Chosen(usize, Address),
    /// Every candidate refused, in their order.
    Refused(Vec<Refusal>),
    /// Not by the deadline.
    Wait(Wait),
    /// Retrying does not help.
    Failed(Arc<str>),
}

/// Whether to grant, or only to choose (the claim of a stateful owner comes before its grant).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Goal {
    /// Grant.
    Grant,
    /// Choose.
    Choose,
}

/// What is looked for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Wanted {
    /// Whose.
    pub key: GrantKey,
    /// The record to write; its pool is filled in from the candidate.
    pub record: Arc<Record>,
    /// The candidates, in order.
    pub candidates: Vec<Arc<PoolRef>>,
    /// Only this address.
    pub address: Option<Address>,
    /// When to give up.
    pub deadline: Moment,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Stage {
    Start,
    Hinting,
    Committing(BlockId),
    Proving(Box<Prove>),
    /// Whether to settle what this block has no plan of.
    Asking(BlockId, Subject),
    Settling(Box<Settle>),
    Noting,
    Telling(BlockId),
    Waiting,
}

/// The machine.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Search {
    wanted: Arc<Wanted>,
    setting: Setting,
    goal: Goal,
    salt: u64,
    at: usize,
    refusals: Vec<Refusal>,
    record: Option<Arc<Record>>,
    stage: Stage,
    pauses: u32,
    /// Proofs that were begun since the last pause.
    proofs: u32,
    why: Option<Wait>,
    /// The block that is tried again once its plan is settled.
    again: Option<BlockId>,
    /// Plans that were settled for the sake of the wanted address: once each, or it would go on for ever.
    settled: u8,
}

/// Whoever finds room so often in a row, and others are quicker each time, waits a little: a proof is the dearest thing
/// that a request can ask for.
const QUICK_PROOFS: u32 = 2;

impl Search {
    /// Looks for `wanted`. `salt` is random.
    #[must_use]
    pub fn new(wanted: Arc<Wanted>, setting: Setting, goal: Goal, salt: u64) -> Self {
        Self {
            wanted,
            setting,
            goal,
            salt,
            at: 0,
            refusals: Vec::new(),
            record: None,
            stage: Stage::Start,
            pauses: 0,
            proofs: 0,
            why: None,
            again: None,
            settled: 0,
        }
    }

    fn candidate(&self) -> Option<&Arc<PoolRef>> {
        self.wanted.candidates.get(self.at)
    }

    fn try_candidate(&mut self, spent: Option<(BlockId, Spent)>) -> Step<Found> {
        let Some(pool) = self.candidate().cloned() else {
            return Step::Done(Found::Refused(std::mem::take(&mut self.refusals)));
        };
        match self.wanted.address {
            Some(address) => self.commit(BlockId::of(&pool.scope, self.setting.bits, address)),
            None => {
                self.stage = Stage::Hinting;
                Step::Do(Op::Hint { pool, spent })
            }
        }
    }

    fn refuse(&mut self, refusal: Refusal) -> Step<Found> {
        self.refusals.push(refusal);
        self.settled = 0;
        self.at += 1;
        self.record = None;
        self.try_candidate(None)
    }

    fn commit(&mut self, block: BlockId) -> Step<Found> {
        let Some(pool) = self.candidate().cloned() else { return self.try_candidate(None) };
        let record = self.record.get_or_insert_with(|| match &self.wanted.record {
            record if record.pool == pool.uid => record.clone(),
            record => Arc::new(Record { pool: pool.uid.clone(), ..Record::clone(record) }),
        });
        let grant = Grant {
            key: self.wanted.key.clone(),
            record: record.clone(),
            pool,
            wanted: self.wanted.address,
            claim: None,
        };
        let action = match self.goal {
            Goal::Grant => Action::Grant(grant),
            Goal::Choose => Action::Probe(grant),
        };
        let intent = Intent { action, deadline: self.wanted.deadline };
        self.stage = Stage::Committing(block.clone());
        Step::Do(Op::Commit(vec![(block, intent)]))
    }

    fn prove(&mut self, input: Input) -> Step<Found> {
        if Mutation::OnePassExhaustion.active() {
            return self.note(None);
        }
        if self.proofs >= QUICK_PROOFS {
            return self.pause(self.contended(), input.moment);
        }
        self.proofs += 1;
        let Some(pool) = self.candidate().cloned() else { return self.try_candidate(None) };
        let prove = Prove::new(pool, self.setting.bits, self.setting.snapshots, self.salt);
        self.stage = Stage::Proving(Box::new(prove));
        self.run(input)
    }

    fn settle(&mut self, subject: Subject, input: Input) -> Step<Found> {
        self.salt = self.salt.wrapping_add(1);
        let settle = Settle::new(subject, Role::Agent, self.salt, self.wanted.deadline);
        self.stage = Stage::Settling(Box::new(settle));
        self.run(Input { reply: Reply::Start, ..input })
    }

    fn without_plan(&mut self, block: BlockId, subject: Subject) -> Step<Found> {
        let plan = subject.plan.clone();
        self.stage = Stage::Asking(block, subject);
        Step::Do(Op::MaySettle(plan))
    }

    fn pause(&mut self, why: Wait, moment: Moment) -> Step<Found> {
        if Mutation::ContentionSpills.active() {
            return self.refuse(Refusal::Exhausted);
        }
        if moment >= self.wanted.deadline {
            return Step::Done(Found::Wait(why));
        }
        self.why = Some(why);
        self.pauses += 1;
        self.proofs = 0;
        self.stage = Stage::Waiting;
        Step::Do(Op::Sleep(Duration::from_millis(1 << self.pauses.min(6))))
    }

    fn contended(&self) -> Wait {
        let pool =
            self.candidate().map_or_else(|| self.wanted.record.pool.as_str(), |pool| pool.name.as_str());
        match ObjectName::new(pool) {
            Ok(name) => Wait::Contention(name),
            Err(_) => Wait::Store("contention".into()),
        }
    }

    fn committed(&mut self, block: BlockId, outcome: Outcome, input: Input) -> Step<Found> {
        match (outcome, self.wanted.address) {
            (Outcome::Granted(address, how, record), _) => {
                Step::Done(Found::Granted(self.at, address, how, record))
            }
            (Outcome::WouldGrant(address), _) => Step::Done(Found::Chosen(self.at, address)),
            (Outcome::Full, None) => self.try_candidate(Some((block, Spent::Full))),
            (Outcome::Cooling(until), None) => self.try_candidate(Some((block, Spent::Cooling(until)))),
            (Outcome::Cooling(until), Some(_)) => self.refuse(Refusal::Cooling(until)),
            (Outcome::Unusable(Unusable::Held(record)), Some(address)) => {
                self.refuse(Refusal::Unusable(address, Unusable::Held(record)))
            }
            // The plan may lag behind the objects: they decide before the request is refused.
            (Outcome::Unusable(why), Some(address)) => match self.candidate().cloned() {
                Some(pool) if self.settled < 2 && pool.usable.contains(address) => {
                    self.settled += 1;
                    match why {
                        Unusable::Reserved => {
                            self.settle(Subject::reservations(&pool.scope, pool.family), input)
                        }
                        _ => self.settle(Subject::pool(&pool), input),
                    }
                }
                _ => self.refuse(Refusal::Unusable(address, why)),
            },
            (Outcome::NoPlan(plan), _) => match self.candidate().cloned() {
                Some(pool) if plan == pool.plan() => self.without_plan(block, Subject::pool(&pool)),
                Some(pool) => self.without_plan(block, Subject::reservations(&pool.scope, pool.family)),
                None => self.try_candidate(None),
            },
            (Outcome::Unresolved(token), _) => Step::Done(Found::Wait(Wait::Unresolved(block, token))),
            (Outcome::Failed(message), _) => Step::Done(Found::Failed(message)),
            (Outcome::Expired, _) => Step::Done(Found::Wait(self.contended())),
            _ => self.pause(self.contended(), input.moment),
        }
    }

    /// Steps the machine inside.
    fn run(&mut self, input: Input) -> Step<Found> {
        let (now, moment) = (input.now, input.moment);
        let fresh = |reply| Input { now, moment, reply };
        match std::mem::replace(&mut self.stage, Stage::Start) {
            Stage::Proving(mut prove) => match prove.step(input) {
                Step::Do(op) => {
                    self.stage = Stage::Proving(prove);
                    Step::Do(op)
                }
                Step::Done(Verdict::Room(blocks)) => {
                    let (Some(first), Some(pool)) = (blocks.first().cloned(), self.candidate().cloned())
                    else {
                        return self.pause(self.contended(), moment);
                    };
                    if moment >= self.wanted.deadline {
                        return Step::Done(Found::Wait(self.contended()));
                    }
                    self.salt = self.salt.rotate_left(7).wrapping_add(1);
                    // One proof serves everybody who looks for room here.
                    self.stage = Stage::Telling(first);
                    Step::Do(Op::Roomy { pool, blocks })
                }
                Step::Done(Verdict::Exhausted) => self.note(None),
                Step::Done(Verdict::Cooling(until)) => self.note(Some(until)),
                Step::Done(Verdict::Unsettled(subject)) => self.settle(subject, fresh(Reply::Start)),
                Step::Done(Verdict::Changed) => self.pause(self.contended(), moment),
                Step::Done(Verdict::Failed(Failure::Fatal(message))) => Step::Done(Found::Failed(message)),
                Step::Done(Verdict::Failed(failure)) => {
                    self.pause(Wait::Store(failure.to_string().into()), moment)
                }
            },
            Stage::Settling(mut settle) => match settle.step(input) {
                Step::Do(op) => {
                    self.stage = Stage::Settling(settle);
                    Step::Do(op)
                }
                Step::Done(Settled::Done(..)) => match self.again.take() {
                    Some(block) => self.commit(block),
                    None => self.try_candidate(None),
                },
                Step::Done(Settled::InProgress(entry)) => {
                    self.pause(Wait::Editing(entry.object.to_string()), moment)
                }
                Step::Done(Settled::Gone) => self.refuse(Refusal::Gone),
                Step::Done(Settled::Busy(message)) => self.pause(Wait::Editing(message.to_string()), moment),
                Step::Done(Settled::Failed(message)) => Step::Done(Found::Failed(message)),
            },
            other => {
                self.stage = other;
                self.pause(self.contended(), moment)
            }
        }
    }

    fn note(&mut self, cooling: Option<Timestamp>) -> Step<Found> {
        let Some(pool) = self.candidate().cloned() else { return self.try_candidate(None) };
        self.refusals.push(cooling.map_or(Refusal::Exhausted, Refusal::Cooling));
        self.stage = Stage::Noting;
        Step::Do(Op::Exhausted { pool, cooling })
    }
}

impl Machine for Search {
    type Output = Found;

    fn step(&mut self, mut input: Input) -> Step<Found> {
        match std::mem::replace(&mut self.stage, Stage::Start) {
            stage @ (Stage::Proving(_) | Stage::Settling(_)) => {
                self.stage = stage;
                self.run(input)
            }
            Stage::Start => self.try_candidate(None),
            Stage::Waiting => match self.why.take() {
                Some(why) if input.moment >= self.wanted.deadline => Step::Done(Found::Wait(why)),
                _ => self.try_candidate(None),
            },
            Stage::Hinting => match input.reply {
                Reply::Hint(Some(block)) => self.commit(block),
                Reply::Hint(None) => {
                    input.reply = Reply::Start;
                    self.prove(input)
                }
                Reply::Exhausted(cooling) => {
                    self.refuse(cooling.map_or(Refusal::Exhausted, Refusal::Cooling))
                }
                _ => self.pause(self.contended(), input.moment),
            },
            Stage::Committing(block) => match std::mem::replace(&mut input.reply, Reply::Start) {
                Reply::Committed(outcomes) => match outcomes.into_iter().next() {
                    Some(outcome) => self.committed(block, outcome, input),
                    None => self.pause(self.contended(), input.moment),
                },
                _ => self.pause(self.contended(), input.moment),
            },
            Stage::Telling(block) => self.commit(block),
            Stage::Asking(block, subject) => match input.reply {
                Reply::Noted => {
                    self.again = Some(block);
                    self.settle(subject, input)
                }
                _ if input.moment >= self.wanted.deadline => Step::Done(Found::Wait(self.contended())),
                _ => self.commit(block),
            },
            Stage::Noting => {
                self.at += 1;
                self.record = None;
                self.try_candidate(None)
            }
        }
    }
}
