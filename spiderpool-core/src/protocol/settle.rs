//! Settling a plan (rule 5c): what the objects say comes into force, and edits in flight are resolved by tokens.

use std::{sync::Arc, time::Duration};

use super::{
    machine::{Failure, Input, Machine, Op, Reply, Step},
    objects::{Objects, Subject},
};
use crate::{
    model::{Pending, Plan},
    mutation::Mutation,
    store::{Document, Key, Token},
    time::{Moment, Timestamp},
};

/// Who settles.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// An agent: resolves what tokens alone decide.
    Agent,
    /// The controller, or an administrator's tool: fences edits whose editor seems to be gone.
    Controller,
}

/// How long an edit may be in flight before the controller fences it.
pub const FENCE_GRACE: Duration = Duration::from_secs(60);
/// How long a reservation's creation may be in flight: it cannot be fenced, so this is longer than any API request
/// lasts. The only timing assumption of the protocol.
pub const CREATION_GRACE: Duration = Duration::from_secs(300);

/// What settling came to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Settled {
    /// The plan says what the objects say, and nothing is pending.
    Done(Arc<Plan>, Token),
    /// An edit is in flight; its addresses are not granted until it is persisted, dead or fenced. Everything else is
    /// in force.
    InProgress(Pending),
    /// There is neither a plan nor an object.
    Gone,
    /// Not by the deadline.
    Busy(Arc<str>),
    /// The store failed.
    Failed(Arc<str>),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Stage {
    Start,
    ReadingPlan,
    ReadingObject,
    Creating,
    ReadingObjects,
    Fencing(Token),
    Writing(Arc<Plan>, Option<Pending>),
    Waiting,
}

/// The machine.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Settle {
    subject: Subject,
    role: Role,
    deadline: Moment,
    /// Random: the birth of a plan that has to be made, and the value of a fence.
    nonce: u64,
    stage: Stage,
    plan: Option<(Arc<Plan>, Token)>,
    tries: u32,
}

impl Settle {
    /// Settles `subject`. `nonce` is drawn at random for each run.
    #[must_use]
    pub fn new(subject: Subject, role: Role, nonce: u64, deadline: Moment) -> Self {
        Self { subject, role, deadline, nonce, stage: Stage::Start, plan: None, tries: 0 }
    }

    fn read_plan(&mut self) -> Step<Settled> {
        self.stage = Stage::ReadingPlan;
        self.plan = None;
        Step::Do(Op::Get(Key::Plan(self.subject.plan.clone())))
    }

    fn read_objects(&mut self) -> Step<Settled> {
        self.stage = Stage::ReadingObjects;
        Step::Do(self.subject.read())
    }

    fn again(&mut self, moment: Moment) -> Step<Settled> {
        if moment >= self.deadline {
            return Step::Done(Settled::Busy(format!("{} is being edited", self.subject.plan).into()));
        }
        self.tries += 1;
        self.nonce =
            self.nonce.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if self.tries <= 2 {
            return self.read_plan();
        }
        self.stage = Stage::Waiting;
        Step::Do(Op::Sleep(Duration::from_millis(1 << self.tries.min(6))))
    }

    /// The entry is current if its object still has the token it was judged against. A creation is current until
    /// its own object is there: another object of that name may go again before the creation lands.
    fn is_current(entry: &Pending, objects: &Objects) -> bool {
        match (&entry.base, objects.find(&entry.object)) {
            (Some(base), Some(found)) => found.token == *base && !Mutation::SettleDropsCurrent.active(),
            (Some(_), None) => false,
            (None, None) => !Mutation::SettleDropsCreation.active(),
            (None, Some(found)) => uid_of(&found.document) != entry.creates.as_deref(),
        }
    }

    fn judge(&mut self, objects: &Objects, now: Timestamp) -> Step<Settled> {
        let Some((plan, token)) = self.plan.clone() else { return self.read_plan() };
        if let (Some(entry), Role::Agent, true) =
            (plan.pending.first(), self.role, Mutation::AgentNeverSettles.active())
        {
            return Step::Done(Settled::InProgress(entry.clone()));
        }
        let mut in_flight = Vec::new();
        for entry in plan.pending.iter().filter(|entry| Self::is_current(entry, objects)) {
            let age = now.since(entry.since);
            match (&entry.base, objects.find(&entry.object)) {
                (Some(_), Some(found)) if self.role == Role::Controller && age >= FENCE_GRACE => {
                    if let Some(document) = fence(&found.document, self.nonce) {
                        self.stage = Stage::Fencing(found.token.clone());
                        return Step::Do(Op::Update(found.key.clone(), found.token.clone(), document));
                    }
                    in_flight.push(entry.clone());
                }
                // A creation cannot be fenced: it is dropped once no request can still be under way.
                (None, _) if self.role == Role::Controller && age >= CREATION_GRACE => {}
                _ => in_flight.push(entry.clone()),
            }
        }
        // An edit in flight costs its own addresses, and nothing else waits for it.
        let mut usable = objects.usable(&self.subject);
        let costly = if Mutation::SettleWidensWhilePending.active() { &[][..] } else { &in_flight[..] };
        for entry in costly {
            usable = usable.difference(&entry.removed);
        }
        let mut next = Plan::clone(&plan);
        let waits_for = in_flight.first().cloned();
        next.pending = in_flight;
        next.set_usable(usable);
        if next == *plan {
            return Step::Done(settled(plan, token, waits_for));
        }
        let next = Arc::new(next);
        self.stage = Stage::Writing(next.clone(), waits_for);
        Step::Do(Op::Update(Key::Plan(self.subject.plan.clone()), token, next.into()))
    }
}

fn settled(plan: Arc<Plan>, token: Token, waits_for: Option<Pending>) -> Settled {
    match waits_for {
        Some(entry) => Settled::InProgress(entry),
        None => Settled::Done(plan, token),
    }
}

fn uid_of(document: &Document) -> Option<&str> {
    match document {
        Document::Pool(pool) => pool.metadata.uid.as_deref(),
        Document::Reservation(reservation) => reservation.metadata.uid.as_deref(),
        _ => None,
    }
}

/// The object with its fence set: a declared status field with a value that was never there.
fn fence(document: &Document, nonce: u64) -> Option<Document> {
    let value = Some(format!("{nonce:016x}"));
    match document {
        Document::Pool(pool) => {
            let mut pool = pool.as_ref().clone();
            pool.status.fence = value;
            Some(pool.into())
        }
        Document::Reservation(reservation) => {
            let mut reservation = reservation.as_ref().clone();
            reservation.status.fence = value;
            Some(reservation.into())
        }
        _ => None,
    }
}

impl Machine for Settle {
    type Output = Settled;

    fn step(&mut self, input: Input) -> Step<Settled> {
        let stage = std::mem::replace(&mut self.stage, Stage::Start);
        match (stage, input.reply) {
            (_, Reply::Failed(Failure::Fatal(message))) => Step::Done(Settled::Failed(message)),
            (Stage::Start | Stage::Waiting, _) => self.read_plan(),
            (Stage::ReadingPlan, Reply::Got(Some(found))) => {
                let Some(plan) = found.document.as_plan() else {
                    return Step::Done(Settled::Failed("another document stands in the plan's place".into()));
                };
                self.plan = Some((plan.clone(), found.token));
                self.read_objects()
            }
            (Stage::ReadingPlan, Reply::Got(None)) => {
                self.stage = Stage::ReadingObject;
                Step::Do(self.subject.read())
            }
            (Stage::ReadingObject, reply @ (Reply::Got(_) | Reply::Listed(_))) => {
                // Never made from a cache: the object is read now, and exists.
                if !Objects::from_reply(reply).is_some_and(|objects| objects.exist(&self.subject)) {
                    return Step::Done(Settled::Gone);
                }
                let Subject { plan, pool, family } = &self.subject;
                let empty = Arc::new(Plan::empty(plan.clone(), pool.clone(), *family, self.nonce));
                self.plan = Some((empty.clone(), Token::new("")));
                self.stage = Stage::Creating;
                Step::Do(Op::Create(Key::Plan(plan.clone()), empty.into()))
            }
            (Stage::Creating, Reply::Written(token)) => {
                // The object has to be read again: the plan's token must be older than that read.
                if let Some((_, kept)) = &mut self.plan {
                    *kept = token;
                }
                self.read_objects()
            }
            (Stage::ReadingObjects, reply @ (Reply::Got(_) | Reply::Listed(_))) => {
                match Objects::from_reply(reply) {
                    Some(objects) => self.judge(&objects, input.now),
                    None => self.again(input.moment),
                }
            }
            // A fence counts only if the token moved; either way everything is read again.
            (Stage::Fencing(old), Reply::Written(new)) if old == new => Step::Done(Settled::Failed(
                "the store drops status writes: an edit in flight cannot be fenced".into(),
            )),
            (Stage::Writing(plan, waits_for), Reply::Written(token)) => {
                Step::Done(settled(plan, token, waits_for))
            }
            _ => self.again(input.moment),
        }
    }
}
