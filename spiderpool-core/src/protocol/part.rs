//! One part of a request: one address, for one interface and family.

use std::sync::Arc;

use super::{
    claim::{Claimed, Holding},
    intent::{Action, How, Intent, Outcome},
    machine::{Input, Machine, Op, Reply, Step},
    search::{Found, Goal, Refusal, Search, Setting, Wait, Wanted},
};
use crate::{
    addr::Address,
    model::{BlockId, Record},
    mutation::Mutation,
    name::{NamespacedName, ScopeName},
    store::Token,
};

/// An attempt whose write had no definite reply (rule 7).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct OpenAttempt {
    /// The block it was sent to.
    pub block: BlockId,
    /// The token it carried; none if even that is not known, because the request was cut off.
    pub token: Option<Token>,
}

/// A part that is asked for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PartWanted {
    /// What is looked for.
    pub wanted: Arc<Wanted>,
    /// The scope.
    pub scope: ScopeName,
    /// For a stateful owner: its endpoint, which carries the claim (rule 9).
    pub claim: Option<NamespacedName>,
    /// The address that the key holds as far as this process knows; verified on use.
    pub known: Option<Address>,
    /// An attempt that has to be closed first.
    pub attempt: Option<OpenAttempt>,
}

/// A part that was granted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PartGranted {
    /// The address.
    pub address: Address,
    /// How it came to be the key's.
    pub how: How,
    /// What the block says.
    pub record: Arc<Record>,
}

/// What a part ends with.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum PartDone {
    /// Granted.
    Granted(PartGranted),
    /// Every candidate refused, in their order.
    Refused(Vec<Refusal>),
    /// Not by the deadline.
    Wait(Wait),
    /// The pod of this name is another one by now.
    Replaced,
    /// Retrying does not help.
    Failed(Arc<str>),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Stage {
    Start,
    Closing,
    Verifying(Address),
    Searching(Box<Search>),
    Claiming(Box<Claimed>),
}

/// The machine.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Part {
    part: PartWanted,
    setting: Setting,
    salt: u64,
    stage: Stage,
}

impl Part {
    /// Gets `part`. `salt` is random.
    #[must_use]
    pub fn new(part: PartWanted, setting: Setting, salt: u64) -> Self {
        Self { part, setting, salt, stage: Stage::Start }
    }

    fn close(&mut self, attempt: OpenAttempt) -> Step<PartDone> {
        let wanted = &self.part.wanted;
        let action = Action::Close(wanted.key.clone(), attempt.token);
        self.stage = Stage::Closing;
        Step::Do(Op::Commit(vec![(attempt.block, Intent { action, deadline: wanted.deadline })]))
    }

    fn verify(&mut self, input: Input) -> Step<PartDone> {
        let wanted = self.part.wanted.clone();
        match self.part.known {
            // A stateful owner's address is named by its claim, wherever this process last saw it.
            Some(address) if self.part.claim.is_none() => {
                let block = BlockId::of(&self.part.scope, self.setting.bits, address);
                let action = Action::Reattach(wanted.key.clone(), wanted.record.clone());
                self.stage = Stage::Verifying(address);
                Step::Do(Op::Commit(vec![(block, Intent { action, deadline: wanted.deadline })]))
            }
            _ => self.find(input),
        }
    }

    fn find(&mut self, input: Input) -> Step<PartDone> {
        let wanted = self.part.wanted.clone();
        self.stage = match self.part.claim.clone() {
            None => Stage::Searching(Box::new(Search::new(wanted, self.setting, Goal::Grant, self.salt))),
            Some(endpoint) => {
                Stage::Claiming(Box::new(Claimed::new(wanted, endpoint, self.setting, self.salt)))
            }
        };
        self.run(Input { reply: Reply::Start, ..input })
    }

    fn run(&mut self, input: Input) -> Step<PartDone> {
        match std::mem::replace(&mut self.stage, Stage::Start) {
            Stage::Searching(mut search) => match search.step(input) {
                Step::Do(op) => {
                    self.stage = Stage::Searching(search);
                    Step::Do(op)
                }
                Step::Done(Found::Granted(_, address, how, record)) => {
                    Step::Done(PartDone::Granted(PartGranted { address, how, record }))
                }
                Step::Done(Found::Refused(refusals)) => Step::Done(PartDone::Refused(refusals)),
                Step::Done(Found::Wait(wait)) => Step::Done(PartDone::Wait(wait)),
                Step::Done(Found::Failed(message)) => Step::Done(PartDone::Failed(message)),
                Step::Done(Found::Chosen(..)) => {
                    Step::Done(PartDone::Failed("a grant that only chose".into()))
                }
            },
            Stage::Claiming(mut claimed) => match claimed.step(input) {
                Step::Do(op) => {
                    self.stage = Stage::Claiming(claimed);
                    Step::Do(op)
                }
                Step::Done(Holding::Granted(granted)) => Step::Done(PartDone::Granted(granted)),
                Step::Done(Holding::Refused(refusals)) => Step::Done(PartDone::Refused(refusals)),
                Step::Done(Holding::Wait(wait)) => Step::Done(PartDone::Wait(wait)),
                Step::Done(Holding::Replaced) => Step::Done(PartDone::Replaced),
                Step::Done(Holding::Failed(message)) => Step::Done(PartDone::Failed(message)),
            },
            _ => Step::Done(PartDone::Failed("a reply to nothing".into())),
        }
    }

    /// The answer to a [`Action::Close`] or [`Action::Reattach`].
    fn answered(&mut self, outcome: Outcome, block: Option<BlockId>, input: Input) -> Step<PartDone> {
        match (outcome, block) {
            // Closing found the record: it still has to answer for this container.
            (Outcome::Granted(address, ..), None) => {
                self.part.known = Some(address);
                self.verify(input)
            }
            (Outcome::Granted(address, how, record), Some(_)) => {
                Step::Done(PartDone::Granted(PartGranted { address, how, record }))
            }
            (Outcome::Nothing, None) => self.verify(input),
            (Outcome::Nothing, Some(_)) => {
                self.part.known = None;
                self.find(input)
            }
            (Outcome::Unresolved(token), Some(block)) => {
                Step::Done(PartDone::Wait(Wait::Unresolved(block, token)))
            }
            (Outcome::Failed(message), _) => Step::Done(PartDone::Failed(message)),
            _ => Step::Done(PartDone::Wait(Wait::Store("the store did not answer in time".into()))),
        }
    }
}

impl Machine for Part {
    type Output = PartDone;

    fn step(&mut self, mut input: Input) -> Step<PartDone> {
        match std::mem::replace(&mut self.stage, Stage::Start) {
            Stage::Start => match self.part.attempt.take() {
                Some(attempt) if !Mutation::AddLeavesAttemptOpen.active() => self.close(attempt),
                _ => self.verify(input),
            },
            stage @ (Stage::Searching(_) | Stage::Claiming(_)) => {
                self.stage = stage;
                self.run(input)
            }
            stage @ (Stage::Closing | Stage::Verifying(_)) => {
                let block = match stage {
                    Stage::Verifying(address) => {
                        Some(BlockId::of(&self.part.scope, self.setting.bits, address))
                    }
                    _ => None,
                };
                match std::mem::replace(&mut input.reply, Reply::Start) {
                    Reply::Committed(outcomes) => match outcomes.into_iter().next() {
                        Some(outcome) => self.answered(outcome, block, input),
                        None => Step::Done(PartDone::Failed("no outcome".into())),
                    },
                    Reply::Failed(failure) => {
                        Step::Done(PartDone::Wait(Wait::Store(failure.to_string().into())))
                    }
                    _ => Step::Done(PartDone::Failed("a reply that does not fit".into())),
                }
            }
        }
    }
}
