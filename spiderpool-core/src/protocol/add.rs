//! A whole ADD: its parts in one fixed order, all or nothing (rule 8).

use std::{sync::Arc, time::Duration};

use super::{
    intent::{Action, Fence, How, Intent, Outcome, Release, ReleaseMode},
    machine::{Input, Machine, Op, Reply, Step},
    part::{OpenAttempt, Part, PartDone, PartGranted, PartWanted},
    search::{Refusal, Setting, Wait},
};
use crate::{
    model::{Attachment, BlockId, GrantKey},
    mutation::Mutation,
};

/// How long undoing may take after the request's own deadline.
pub const UNDO_BUDGET: Duration = Duration::from_secs(5);

/// Why a whole request was refused.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum AddFailure {
    /// The part at this place: every candidate refused, in their order.
    Refused(usize, Vec<Refusal>),
    /// The part at this place could not be had by the deadline.
    Wait(usize, Wait),
    /// The pod of this name is another one by now.
    Replaced,
    /// Retrying does not help.
    Failed(Arc<str>),
}

/// What an ADD ends with.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Added {
    /// All parts in order, or why not.
    pub result: Result<Vec<PartGranted>, AddFailure>,
    /// Parts that are held although the request failed: found or reattached ones, and those whose undoing has no
    /// definite reply. The DEL of the container frees them.
    pub kept: Vec<(GrantKey, PartGranted)>,
    /// Attempts without a definite reply.
    pub open: Vec<(GrantKey, OpenAttempt)>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Stage {
    Start,
    Getting(Box<Part>),
    Undoing(AddFailure, Vec<usize>),
}

/// The machine.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Add {
    parts: Vec<PartWanted>,
    setting: Setting,
    salt: u64,
    granted: Vec<PartGranted>,
    stage: Stage,
    open: Vec<(GrantKey, OpenAttempt)>,
}

impl Add {
    /// Gets all of `parts`, which stand in the fixed order: interface, then family. `salt` is random.
    #[must_use]
    pub fn new(parts: Vec<PartWanted>, setting: Setting, salt: u64) -> Self {
        Self { parts, setting, salt, granted: Vec::new(), stage: Stage::Start, open: Vec::new() }
    }

    fn next_part(&mut self, input: Input) -> Step<Added> {
        let Some(part) = self.parts.get(self.granted.len()) else {
            let result = Ok(std::mem::take(&mut self.granted));
            return Step::Done(Added { result, kept: Vec::new(), open: std::mem::take(&mut self.open) });
        };
        self.salt = self.salt.wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.stage = Stage::Getting(Box::new(Part::new(part.clone(), self.setting, self.salt)));
        self.run(Input { reply: Reply::Start, ..input })
    }

    fn run(&mut self, input: Input) -> Step<Added> {
        let again = Input { now: input.now, moment: input.moment, reply: Reply::Start };
        let Stage::Getting(mut part) = std::mem::replace(&mut self.stage, Stage::Start) else {
            return self.fail(AddFailure::Failed("a reply to nothing".into()), &again);
        };
        let at = self.granted.len();
        match part.step(input) {
            Step::Do(op) => {
                self.stage = Stage::Getting(part);
                Step::Do(op)
            }
            Step::Done(PartDone::Granted(granted)) => {
                self.granted.push(granted);
                self.next_part(again)
            }
            Step::Done(PartDone::Refused(refusals)) => self.fail(AddFailure::Refused(at, refusals), &again),
            Step::Done(PartDone::Wait(wait)) => {
                if let (Wait::Unresolved(block, token), Some(part)) = (&wait, self.parts.get(at)) {
                    let attempt = OpenAttempt { block: block.clone(), token: Some(token.clone()) };
                    self.open.push((part.wanted.key.clone(), attempt));
                }
                self.fail(AddFailure::Wait(at, wait), &again)
            }
            Step::Done(PartDone::Replaced) => self.fail(AddFailure::Replaced, &again),
            Step::Done(PartDone::Failed(message)) => self.fail(AddFailure::Failed(message), &again),
        }
    }

    /// Undoes what this very request granted on free addresses; what it found or reattached stays (H23).
    fn fail(&mut self, failure: AddFailure, input: &Input) -> Step<Added> {
        let mut undo = Vec::new();
        let mut places = Vec::new();
        for (at, (granted, part)) in self.granted.iter().zip(&self.parts).enumerate() {
            let Attachment::Container(container) = &granted.record.attachment else { continue };
            let undone = granted.how == How::New || Mutation::UndoReattached.active();
            if !undone || Mutation::PartsNotUndone.active() {
                continue;
            }
            let release = Release {
                key: part.wanted.key.clone(),
                fence: Fence::Container(container.clone()),
                mode: ReleaseMode::Undo,
            };
            let block = BlockId::of(&part.scope, self.setting.bits, granted.address);
            undo.push((
                block,
                Intent { action: Action::Release(release), deadline: input.moment.after(UNDO_BUDGET) },
            ));
            places.push(at);
        }
        if undo.is_empty() {
            return self.failed(failure, &[], Vec::new());
        }
        self.stage = Stage::Undoing(failure, places);
        Step::Do(Op::Commit(undo))
    }

    fn failed(&mut self, failure: AddFailure, undone: &[usize], outcomes: Vec<Outcome>) -> Step<Added> {
        let mut kept = Vec::new();
        for (at, (granted, part)) in self.granted.iter().zip(&self.parts).enumerate() {
            let outcome = undone.iter().position(|place| *place == at).and_then(|i| outcomes.get(i));
            match outcome {
                Some(Outcome::Released(_) | Outcome::Nothing | Outcome::Superseded(_)) => {}
                _ => kept.push((part.wanted.key.clone(), granted.clone())),
            }
        }
        Step::Done(Added { result: Err(failure), kept, open: std::mem::take(&mut self.open) })
    }
}

impl Machine for Add {
    type Output = Added;

    fn step(&mut self, input: Input) -> Step<Added> {
        match std::mem::replace(&mut self.stage, Stage::Start) {
            Stage::Start => self.next_part(input),
            stage @ Stage::Getting(_) => {
                self.stage = stage;
                self.run(input)
            }
            Stage::Undoing(failure, places) => match input.reply {
                Reply::Committed(outcomes) => self.failed(failure, &places, outcomes),
                _ => self.failed(failure, &places, Vec::new()),
            },
        }
    }
}
