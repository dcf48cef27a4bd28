//! A DEL: fenced, idempotent, for all keys that a container holds at once (rules 6 and 7).

use super::{
    intent::{Action, Fence, Intent, Outcome, Release, ReleaseMode},
    machine::{Input, Machine, Op, Reply, Step},
    part::OpenAttempt,
    search::Setting,
};
use crate::{
    addr::Address,
    model::{BlockId, GrantKey},
    mutation::Mutation,
    name::{InterfaceName, ScopeName},
    time::Moment,
};

/// A key to be released.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Releasing {
    /// The key.
    pub key: GrantKey,
    /// The address that it holds as far as this process knows.
    pub known: Option<Address>,
    /// An attempt that has to be closed first.
    pub attempt: Option<OpenAttempt>,
}

/// What became of one key.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Deleted {
    /// Freed.
    Released(Address),
    /// Detached: the owner's name keeps it.
    Detached(Address),
    /// A newer container has it, or nothing was held: nothing to do, and that is success.
    Nothing,
    /// Not known: try again.
    Open(OpenAttempt),
    /// Not done: try again.
    Failed,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Stage {
    Start,
    Closing(Vec<usize>),
    Releasing(Vec<usize>),
}

/// The machine.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Del {
    keys: Vec<Releasing>,
    /// Only this interface's addresses, and those whose interface nobody named.
    interface: Option<InterfaceName>,
    fence: Fence,
    mode: ReleaseMode,
    scope: ScopeName,
    setting: Setting,
    deadline: Moment,
    done: Vec<Option<Deleted>>,
    stage: Stage,
}

impl Del {
    /// Releases `keys`.
    #[must_use]
    pub fn new(
        keys: Vec<Releasing>,
        interface: Option<InterfaceName>,
        fence: Fence,
        mode: ReleaseMode,
        scope: ScopeName,
        setting: Setting,
        deadline: Moment,
    ) -> Self {
        Self {
            done: vec![None; keys.len()],
            keys,
            interface,
            fence,
            mode,
            scope,
            setting,
            deadline,
            stage: Stage::Start,
        }
    }

    fn close(&mut self) -> Step<Vec<Deleted>> {
        let mut intents = Vec::new();
        let mut places = Vec::new();
        for (at, releasing) in self.keys.iter().enumerate() {
            if let Some(attempt) = &releasing.attempt {
                let action = Action::Close(releasing.key.clone(), attempt.token.clone());
                intents.push((attempt.block.clone(), Intent { action, deadline: self.deadline }));
                places.push(at);
            }
        }
        if intents.is_empty() || Mutation::DelLeavesAttemptOpen.active() {
            return self.release();
        }
        self.stage = Stage::Closing(places);
        Step::Do(Op::Commit(intents))
    }

    fn release(&mut self) -> Step<Vec<Deleted>> {
        let mut intents = Vec::new();
        let mut places = Vec::new();
        for (at, releasing) in self.keys.iter().enumerate() {
            let (None, Some(address)) = (&self.done[at], releasing.known) else { continue };
            let release = Release { key: releasing.key.clone(), fence: self.fence.clone(), mode: self.mode };
            let block = BlockId::of(&self.scope, self.setting.bits, address);
            intents.push((block, Intent { action: Action::Release(release), deadline: self.deadline }));
            places.push(at);
        }
        if intents.is_empty() {
            return self.finish();
        }
        self.stage = Stage::Releasing(places);
        Step::Do(Op::Commit(intents))
    }

    fn finish(&mut self) -> Step<Vec<Deleted>> {
        Step::Done(self.done.drain(..).map(|done| done.unwrap_or(Deleted::Nothing)).collect())
    }
}

impl Machine for Del {
    type Output = Vec<Deleted>;

    fn step(&mut self, input: Input) -> Step<Vec<Deleted>> {
        let outcomes = match input.reply {
            Reply::Committed(outcomes) => outcomes,
            _ => Vec::new(),
        };
        match std::mem::replace(&mut self.stage, Stage::Start) {
            Stage::Start => self.close(),
            Stage::Closing(places) => {
                for (i, at) in places.into_iter().enumerate() {
                    let attempt = self.keys[at].attempt.clone();
                    match (outcomes.get(i), attempt) {
                        // Only now is it known whose it is: another interface's is not this DEL's to free.
                        (Some(Outcome::Granted(_, _, record)), _)
                            if self.interface.is_some()
                                && record.interface.is_some()
                                && record.interface != self.interface =>
                        {
                            self.done[at] = Some(Deleted::Nothing);
                        }
                        (Some(Outcome::Granted(address, ..)), _) => self.keys[at].known = Some(*address),
                        // It was held there, and its own release, of which nobody could say what became of it, or
                        // somebody else's has freed it.
                        (Some(Outcome::Nothing), Some(attempt)) => {
                            let was_there = |address: &Address| {
                                BlockId::of(&self.scope, self.setting.bits, *address) == attempt.block
                            };
                            self.done[at] = self.keys[at].known.filter(was_there).map(Deleted::Released);
                        }
                        (Some(Outcome::Nothing), None) => {}
                        (_, Some(attempt)) => self.done[at] = Some(Deleted::Open(attempt)),
                        (_, None) => self.done[at] = Some(Deleted::Failed),
                    }
                }
                self.release()
            }
            Stage::Releasing(places) => {
                for (i, at) in places.into_iter().enumerate() {
                    let block = |address| BlockId::of(&self.scope, self.setting.bits, address);
                    self.done[at] = Some(match (outcomes.get(i), self.keys[at].known) {
                        (Some(Outcome::Released(address)), _) => Deleted::Released(*address),
                        (Some(Outcome::Detached(address)), _) => Deleted::Detached(*address),
                        (Some(Outcome::Nothing | Outcome::Superseded(_)), _) => Deleted::Nothing,
                        (Some(Outcome::Unresolved(token)), Some(address)) => {
                            Deleted::Open(OpenAttempt { block: block(address), token: Some(token.clone()) })
                        }
                        _ => Deleted::Failed,
                    });
                }
                self.finish()
            }
        }
    }
}
