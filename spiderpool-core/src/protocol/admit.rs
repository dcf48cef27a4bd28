//! Admitting an edit of a pool or a reservation (rule 5a): what is taken away is taken out of every block first,
//! and only then is it known whether anybody holds it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    intent::{Action, Intent, Outcome},
    machine::{Failure, Input, Machine, Op, Reply, Step},
    objects::Subject,
};
use crate::{
    addr::{Address, IpSet},
    model::{Block, BlockBits, Pending, Plan, PlanId, Record},
    mutation::Mutation,
    name::ScopeName,
    store::{Key, Room, Selector, Token, Versioned},
    time::Moment,
};

/// What to do about addresses that are held and would leave.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Guard {
    /// Refuse the edit: pools.
    Refuse,
    /// Admit it and name the holders: reservations, and pools that are deleted without waiting.
    Warn,
}

/// Whether an edit is judged only.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Run {
    /// Nothing is written.
    Dry,
    /// The real thing.
    Real,
}

/// An edit to be admitted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Edit {
    /// Drawn at random.
    pub id: String,
    /// The plan that it concerns.
    pub subject: Subject,
    /// The scope whose blocks are looked at.
    pub scope: ScopeName,
    /// The object.
    pub object: Key,
    /// The token of the object that the edit was judged against; none for a creation.
    pub base: Option<Token>,
    /// For a creation, the uid that the object will have.
    pub creates: Option<String>,
    /// What the plan could be before, by the old object.
    pub old: Arc<IpSet>,
    /// What it is to be, by the new object.
    pub new: Arc<IpSet>,
    /// What held addresses mean.
    pub guard: Guard,
    /// Whether to write.
    pub run: Run,
}

impl Edit {
    /// The addresses that the edit takes away, judged by the old *object*, never by the plan.
    #[must_use]
    pub fn removed(&self) -> IpSet {
        self.old.difference(&self.new)
    }
}

/// Somebody who holds an address that is to leave.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Holder {
    /// The address.
    pub address: Address,
    /// Who holds it.
    pub record: Arc<Record>,
}

/// What admission came to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Admitted {
    /// The edit may be persisted, with the object's token unchanged. The holders are a warning.
    Yes(Vec<Holder>),
    /// It may not: these addresses are held.
    Refused(Vec<Holder>),
    /// The budget is spent; what was done counts, so apply the same edit again.
    InProgress {
        /// Blocks done.
        done: usize,
        /// Blocks to do.
        of: usize,
    },
    /// The store failed; apply the edit again.
    Failed(Failure),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Stage {
    Start,
    ReadingPlan,
    WritingPlan,
    Listing(Epoch),
    Installing(Vec<Versioned>),
    ReadingPlanBack,
    WritingPlanBack,
}

type Epoch = Option<crate::model::Epoch>;

/// Blocks handed to the committer at once.
const BATCH: usize = 64;

/// The machine.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Admit {
    edit: Edit,
    bits: BlockBits,
    nonce: u64,
    deadline: Moment,
    stage: Stage,
    removed: IpSet,
    epoch: Epoch,
    todo: Vec<Versioned>,
    done: usize,
    of: usize,
    holders: Vec<Holder>,
}

impl Admit {
    /// Judges `edit`. `nonce` is random; `deadline` is the end of the budget.
    #[must_use]
    pub fn new(edit: Edit, bits: BlockBits, nonce: u64, deadline: Moment) -> Self {
        let removed = edit.removed();
        Self {
            edit,
            bits,
            nonce,
            deadline,
            stage: Stage::Start,
            removed,
            epoch: None,
            todo: Vec::new(),
            done: 0,
            of: 0,
            holders: Vec::new(),
        }
    }

    fn read_plan(&mut self) -> Step<Admitted> {
        self.stage = Stage::ReadingPlan;
        Step::Do(Op::Get(Key::Plan(self.edit.subject.plan.clone())))
    }

    /// Step 1: take `removed` out, remember the edit. Never widen, never replace.
    fn narrow(&mut self, found: Option<Versioned>, input: &Input) -> Step<Admitted> {
        let entry = Pending {
            edit: self.edit.id.clone(),
            object: self.edit.object.clone(),
            base: self.edit.base.clone(),
            creates: self.edit.creates.clone(),
            removed: self.removed.clone(),
            since: input.now,
        };
        let Subject { plan: id, pool, family } = self.edit.subject.clone();
        let key = Key::Plan(id.clone());
        let plan = found.as_ref().and_then(|found| found.document.as_plan().cloned());
        let mut next = match &plan {
            Some(plan) => Plan::clone(plan),
            // Without a plan nothing is usable: settling makes it what the objects say.
            None => Plan::empty(id, pool, family, self.nonce),
        };
        next.set_usable(if Mutation::AdmitReplaces.active() {
            self.edit.new.as_ref().clone()
        } else if Mutation::AdmitWidens.active() {
            next.usable.union(&self.edit.new).difference(&self.removed)
        } else {
            next.usable.intersection(&self.edit.new)
        });
        if !next.pending.iter().any(|pending| pending.edit == entry.edit) {
            next.pending.push(entry);
        }
        self.epoch = Some(next.epoch);
        self.stage = Stage::WritingPlan;
        Step::Do(match found {
            Some(found) => Op::Update(key, found.token, next.into()),
            None => Op::Create(key, next.into()),
        })
    }

    fn list(&mut self) -> Step<Admitted> {
        let family = self.edit.subject.family;
        let (Some(first), Some(last)) = (self.removed.first(), self.removed.last()) else {
            return Step::Done(Admitted::Yes(Vec::new()));
        };
        self.stage = Stage::Listing(self.epoch);
        Step::Do(Op::List(Selector::Blocks {
            scope: self.edit.scope.clone(),
            family,
            first: first.value() >> self.bits.get(),
            last: last.value() >> self.bits.get(),
            room: Room::Any,
        }))
    }

    /// Whether a record is one that the edit must not pull the address from under.
    fn concerns(&self, record: &Record) -> bool {
        match &self.edit.subject.plan {
            PlanId::Pool(uid) => record.pool == *uid,
            PlanId::Reservations(..) => true,
        }
    }

    fn note_holders(&mut self, block: &Block) {
        if Mutation::AdmitIgnoresHolders.active() {
            return;
        }
        let mask = self.removed.window_mask(block.first(), self.bits.get());
        for (offset, record) in block.records() {
            if mask & (1 << offset) != 0 && self.concerns(record) {
                self.holders.push(Holder { address: block.address(offset), record: record.clone() });
            }
        }
    }

    /// Whether step 2 may leave a block with this copy of the plan as it is: only with the very epoch just written.
    fn is_installed(&self, copy: Epoch, epoch: Epoch) -> bool {
        (copy.is_some() && copy == epoch)
            || Mutation::AdmitWithoutBump.active()
            || (copy.is_none() && Mutation::AdmitSkipsUncopied.active())
            || (self.edit.new.is_empty() && Mutation::DeleteWithoutBump.active())
    }

    /// Step 2: the present plan into every block that touches `removed`.
    fn install(&mut self, moment: Moment) -> Step<Admitted> {
        if self.todo.is_empty() {
            return self.conclude();
        }
        if moment >= self.deadline {
            return Step::Done(Admitted::InProgress { done: self.done, of: self.of });
        }
        let batch: Vec<Versioned> = self.todo.drain(..self.todo.len().min(BATCH)).collect();
        let intents =
            batch.iter().filter_map(|item| Some(item.document.as_block()?.id().clone())).map(|id| {
                let action = Action::Install(vec![self.edit.subject.plan.clone()]);
                (id, Intent { action, deadline: self.deadline })
            });
        let op = Op::Commit(intents.collect());
        self.stage = Stage::Installing(batch);
        Step::Do(op)
    }

    fn conclude(&mut self) -> Step<Admitted> {
        self.holders.sort_by_key(|holder| holder.address);
        self.holders.dedup();
        let holders = self.holders.clone();
        if holders.is_empty() || self.edit.guard == Guard::Warn {
            return Step::Done(Admitted::Yes(holders));
        }
        if self.edit.run == Run::Dry {
            return Step::Done(Admitted::Refused(holders));
        }
        self.stage = Stage::ReadingPlanBack;
        Step::Do(Op::Get(Key::Plan(self.edit.subject.plan.clone())))
    }
}

impl Machine for Admit {
    type Output = Admitted;

    fn step(&mut self, input: Input) -> Step<Admitted> {
        let stage = std::mem::replace(&mut self.stage, Stage::Start);
        if let Reply::Failed(failure @ (Failure::Fatal(_) | Failure::Unavailable(_))) = &input.reply {
            return Step::Done(Admitted::Failed(failure.clone()));
        }
        match (stage, input.reply.clone()) {
            (Stage::Start, _) if self.removed.is_empty() && !Mutation::AdmitWidens.active() => {
                Step::Done(Admitted::Yes(Vec::new()))
            }
            (Stage::Start, _) => match self.edit.run {
                Run::Real => self.read_plan(),
                Run::Dry => self.list(),
            },
            (Stage::ReadingPlan, Reply::Got(found)) => self.narrow(found, &input),
            (Stage::WritingPlan, Reply::Written(_)) => self.list(),
            // A conflict, or a write that may have landed: the entry is added once, whichever it was.
            (Stage::WritingPlan, _) if input.moment < self.deadline => self.read_plan(),
            (Stage::Listing(epoch), Reply::Listed(listing)) => {
                for item in listing.items {
                    let Some(block) = item.document.as_block() else { continue };
                    if self.removed.window_mask(block.first(), self.bits.get()) == 0 {
                        continue;
                    }
                    let copy = block.copy(&self.edit.subject.plan).map(|copy| copy.epoch);
                    if self.edit.run == Run::Dry || self.is_installed(copy, epoch) {
                        let block = block.clone();
                        self.note_holders(&block);
                    } else {
                        self.todo.push(item);
                    }
                }
                self.of = self.todo.len();
                self.install(input.moment)
            }
            (Stage::Installing(batch), Reply::Committed(outcomes)) => {
                for (item, outcome) in batch.into_iter().zip(outcomes) {
                    match outcome {
                        Outcome::Installed(block) => {
                            self.done += 1;
                            if let Some(block) = block {
                                self.note_holders(&block);
                            }
                        }
                        Outcome::Failed(message) => {
                            return Step::Done(Admitted::Failed(Failure::Unavailable(message)));
                        }
                        _ => self.todo.push(item),
                    }
                }
                self.install(input.moment)
            }
            // Refused: take back the own entry only; the ranges come back when the plan is settled.
            (Stage::ReadingPlanBack, Reply::Got(found)) => {
                let plan = found.and_then(|found| Some((found.document.as_plan()?.clone(), found.token)));
                let Some((plan, token)) = plan else {
                    return Step::Done(Admitted::Refused(self.holders.clone()));
                };
                if !plan.pending.iter().any(|pending| pending.edit == self.edit.id) {
                    return Step::Done(Admitted::Refused(self.holders.clone()));
                }
                let mut next = Plan::clone(&plan);
                next.pending.retain(|pending| pending.edit != self.edit.id);
                if Mutation::RefusalRestores.active() {
                    next.set_usable(next.usable.union(&self.removed));
                }
                self.stage = Stage::WritingPlanBack;
                Step::Do(Op::Update(Key::Plan(plan.id.clone()), token, next.into()))
            }
            (Stage::WritingPlanBack, Reply::Written(_)) => {
                Step::Done(Admitted::Refused(self.holders.clone()))
            }
            (Stage::WritingPlanBack, _) if input.moment < self.deadline => self.conclude(),
            (Stage::WritingPlanBack, _) => Step::Done(Admitted::Refused(self.holders.clone())),
            _ => Step::Done(Admitted::InProgress { done: self.done, of: self.of }),
        }
    }
}
