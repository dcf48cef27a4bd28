//! One write to one block for all intents that wait for it: *the block's token first, then the truth, then the
//! compare-and-swap*.

use std::{sync::Arc, time::Duration};

use smallvec::{SmallVec, smallvec};

use super::{
    apply::{Effect, apply, apply_to_absent},
    intent::{Action, Intent, Outcome},
    machine::{Failure, Input, LogWrite, Machine, Op, Reply, Step},
    truth::{Truth, Truths},
};
use crate::{
    addr::Address,
    model::{Block, BlockBits, BlockId, GrantKey},
    mutation::Mutation,
    store::{Document, Key, Token},
    time::{Moment, Timestamp},
};

/// Whether grants are written to the intent log before they are sent (rule 7).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Logging {
    /// Yes: other processes write to the store too.
    On,
    /// No: this process owns the store, so what it holds after a restart is the truth.
    Off,
}

/// What a process believes of a block before it asks. Nothing of it has to be true.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub enum Belief {
    /// Nothing.
    #[default]
    Nothing,
    /// It does not exist: it is made without a look.
    Absent,
    /// As it was seen last.
    Block(Token, Arc<Block>),
}

/// What is known of the block.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Knowledge {
    Nothing,
    Believed,
    Absent,
    Cached(Token, Arc<Block>),
    Fresh(Token, Arc<Block>),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Stage {
    Ready,
    Reading,
    Creating,
    Asking(Truth),
    Logging(Box<Pending>),
    Writing(Box<Pending>),
    Cleaning,
    Waiting,
}

/// One per intent; mostly there is one.
type Outcomes = SmallVec<[Option<Outcome>; 1]>;

/// A write that is ready to be sent.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Pending {
    token: Token,
    block: Arc<Block>,
    outcomes: Outcomes,
}

/// Who came along.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Newcomer {
    None,
    Plain,
    /// One whose answer hangs on a truth.
    Asks,
}

/// How often others may join a write.
const MOST_JOINS: u8 = 4;

/// What a [`Commit`] ends with.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Committed {
    outcomes: SmallVec<[Outcome; 1]>,
    /// The block as it stands in the store as far as known, for a write-through cache.
    pub block: Option<(Token, Arc<Block>)>,
}

impl Committed {
    /// One per intent, in their order.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// [`Self::outcomes`], to keep.
    pub fn into_outcomes(self) -> impl Iterator<Item = Outcome> {
        self.outcomes.into_iter()
    }
}

/// The machine behind every write to a block.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Commit {
    id: BlockId,
    bits: BlockBits,
    logging: Logging,
    intents: Vec<Intent>,
    done: Outcomes,
    knowledge: Knowledge,
    truths: Truths,
    stage: Stage,
    /// The token of a write that had no definite reply and may still land on the block as it stands.
    uncertain: Option<Token>,
    /// The token of the last write without a definite reply, whatever was read since: an intent that runs out of time
    /// before it was judged anew may have been in it.
    sent: Option<Token>,
    tries: u32,
    /// How often somebody came along.
    joins: u8,
    /// Who came since the operation under way was asked for: its reply was read before they came.
    newcomer: Newcomer,
    logged: Vec<GrantKey>,
    /// What writes without a definite reply would have freed, by the intents' places: once the record is gone, that is
    /// the answer.
    freed: SmallVec<[(usize, Address); 1]>,
}

/// Conflicts answered at once; from then on with a pause that doubles up to [`LONGEST_PAUSE`].
const QUICK_TRIES: u32 = 2;
const LONGEST_PAUSE: Duration = Duration::from_millis(64);

impl Commit {
    /// Starts on `intents` for block `id`, of which this process believes `belief`.
    #[must_use]
    pub fn new(id: BlockId, bits: BlockBits, logging: Logging, intents: Vec<Intent>, belief: Belief) -> Self {
        let knowledge = match belief {
            Belief::Nothing => Knowledge::Nothing,
            Belief::Absent => Knowledge::Believed,
            Belief::Block(token, block) => Knowledge::Cached(token, block),
        };
        Self {
            id,
            bits,
            logging,
            done: smallvec![None; intents.len()],
            intents,
            knowledge,
            truths: Truths::default(),
            stage: Stage::Ready,
            uncertain: None,
            sent: None,
            tries: 0,
            joins: 0,
            newcomer: Newcomer::None,
            logged: Vec::new(),
            freed: SmallVec::new(),
        }
    }

    /// Which block.
    #[must_use]
    pub fn id(&self) -> &BlockId {
        &self.id
    }

    /// Whether more intents may come along: nothing is decided yet, or it is decided anew. Not for ever, or those who are
    /// there would never be answered.
    #[must_use]
    pub fn takes_more(&self) -> bool {
        self.joins < MOST_JOINS
            && !matches!(self.stage, Stage::Logging(_) | Stage::Writing(_) | Stage::Cleaning)
    }

    /// Takes `intents` along, where [`Self::takes_more`]. Their places follow those that are there.
    pub fn join(&mut self, intents: impl IntoIterator<Item = Intent>) {
        let before = self.intents.len();
        for intent in intents {
            // A free address may be given out by any plan that was read after the block's token. Others want to know
            // what is true by now.
            self.newcomer = self.newcomer.max(match &intent.action {
                Action::Install(_) | Action::Withdraw(_) => Newcomer::Asks,
                Action::Grant(grant) | Action::Probe(grant) if grant.claim.is_some() => Newcomer::Asks,
                _ => Newcomer::Plain,
            });
            self.intents.push(intent);
            self.done.push(None);
        }
        self.joins += u8::from(self.intents.len() > before);
        self.make_old();
    }

    /// What was read before somebody came is good for a write, which the block's token guards, and not for an answer that
    /// writes nothing.
    fn make_old(&mut self) {
        if self.newcomer == Newcomer::Asks && !Mutation::JoinedToOldTruths.active() {
            self.truths.forget();
        }
        if self.newcomer == Newcomer::None || Mutation::JoinedToOldRead.active() {
            return;
        }
        match &self.knowledge {
            Knowledge::Fresh(token, block) => {
                self.knowledge = Knowledge::Cached(token.clone(), block.clone());
            }
            Knowledge::Absent => self.knowledge = Knowledge::Believed,
            Knowledge::Nothing | Knowledge::Believed | Knowledge::Cached(..) => {}
        }
    }

    /// Drops the intents at `places`, whose requests were cut off. A write that may be under way leaves them open.
    pub fn abandon(&mut self, places: impl IntoIterator<Item = usize>) {
        let sent = match &self.stage {
            Stage::Writing(pending) => Some(pending.token.clone()),
            _ => self.sent.clone(),
        };
        for place in places {
            if let Some(done) = self.done.get_mut(place) {
                done.get_or_insert_with(|| sent.clone().map_or(Outcome::Expired, Outcome::Unresolved));
            }
        }
    }

    fn read(&mut self) -> Step<Committed> {
        self.knowledge = Knowledge::Nothing;
        self.newcomer = Newcomer::None;
        self.truths.forget();
        self.stage = Stage::Reading;
        Step::Do(Op::Get(Key::Block(self.id.clone())))
    }

    fn pause(&mut self) -> Step<Committed> {
        self.stage = Stage::Waiting;
        let doubled = Duration::from_millis(1u64 << self.tries.saturating_sub(QUICK_TRIES).min(16));
        Step::Do(Op::Sleep(doubled.min(LONGEST_PAUSE)))
    }

    /// Again, after a conflict or an error that may pass.
    fn again(&mut self) -> Step<Committed> {
        self.tries += 1;
        self.knowledge = Knowledge::Nothing;
        if self.tries <= QUICK_TRIES { self.read() } else { self.pause() }
    }

    /// Answers whatever has run out of time.
    fn expire(&mut self, moment: Moment) {
        for (intent, done) in self.intents.iter().zip(&mut self.done) {
            let runs = Mutation::ExpiredRuns.active() && self.tries == 0;
            if done.is_none() && intent.deadline <= moment && !runs {
                *done = Some(match &self.sent {
                    Some(token) => Outcome::Unresolved(token.clone()),
                    None => Outcome::Expired,
                });
            }
        }
    }

    fn fail(&mut self, message: &Arc<str>) -> Step<Committed> {
        for done in &mut self.done {
            done.get_or_insert_with(|| match &self.sent {
                Some(token) => Outcome::Unresolved(token.clone()),
                None => Outcome::Failed(message.clone()),
            });
        }
        self.finish()
    }

    fn finish(&mut self) -> Step<Committed> {
        // Keys that were logged for a grant that did not come about, and keys that were released.
        let ended = self.intents.iter().zip(&self.done).filter(|(intent, done)| match done {
            Some(Outcome::Unresolved(_)) => Mutation::UncertainNotLogged.active(),
            Some(Outcome::Granted(..)) => false,
            Some(Outcome::Released(_) | Outcome::Detached(_)) => true,
            // Superseded is not released: the key's newer container still holds it.
            Some(Outcome::Superseded(_)) => false,
            Some(Outcome::Nothing) => {
                matches!(intent.action, Action::Release(_) | Action::Close(..) | Action::Reattach(..))
            }
            _ => intent.key().is_some_and(|key| self.logged.contains(key)),
        });
        let remove: Vec<GrantKey> = match self.logging {
            Logging::On => ended.filter_map(|(intent, _)| intent.key().cloned()).collect(),
            Logging::Off => Vec::new(),
        };
        if remove.is_empty() || self.stage == Stage::Cleaning {
            let block = match &self.knowledge {
                Knowledge::Cached(token, block) | Knowledge::Fresh(token, block) => {
                    Some((token.clone(), block.clone()))
                }
                Knowledge::Nothing | Knowledge::Believed | Knowledge::Absent => None,
            };
            let outcomes = self.done.iter().map(|done| done.clone().unwrap_or(Outcome::Expired)).collect();
            return Step::Done(Committed { outcomes, block });
        }
        self.stage = Stage::Cleaning;
        Step::Do(Op::Log(LogWrite { put: Vec::new(), remove }))
    }

    /// Decides on what is known, or asks for what is missing.
    fn decide(&mut self, now: Timestamp, moment: Moment) -> Step<Committed> {
        self.newcomer = Newcomer::None;
        self.expire(moment);
        if self.done.iter().all(Option::is_some) {
            return self.finish();
        }
        let (token, block, fresh) = match &self.knowledge {
            Knowledge::Nothing => return self.read(),
            Knowledge::Believed => return self.decide_believed(),
            Knowledge::Absent if Mutation::GrantIntoAbsence.active() => {
                (Token::new(""), Arc::new(Block::empty(self.id.clone(), self.bits)), true)
            }
            Knowledge::Absent => return self.decide_absent(),
            Knowledge::Cached(token, block) => (token.clone(), block.clone(), false),
            Knowledge::Fresh(token, block) => (token.clone(), block.clone(), true),
        };
        if self.uncertain.as_ref().is_some_and(|sent| *sent != token) {
            // The write took effect or is dead: the token it carried is not the block's any more.
            self.uncertain = None;
        }
        let mut next = Block::clone(&block);
        let mut outcomes = self.done.clone();
        let mut changed = false;
        for (at, (intent, outcome)) in self.intents.iter().zip(&mut outcomes).enumerate() {
            if outcome.is_some() {
                continue;
            }
            match apply(intent, &mut next, &token, &self.truths, now) {
                Ok((answer, effect)) => {
                    changed |= effect == Effect::Changed;
                    *outcome = Some(match &self.sent {
                        // The grant was sent and took effect, and then the claim or the pod changed: whatever is
                        // answered, the DEL has to find the record.
                        Some(_) if leaves_record(intent, &answer, &block) => {
                            Outcome::Unresolved(token.clone())
                        }
                        Some(_) => self.told_of(at, answer),
                        None => answer,
                    });
                }
                Err(truth) => {
                    let op = truth.op();
                    self.stage = Stage::Asking(truth);
                    return Step::Do(op);
                }
            }
        }
        if !changed && self.uncertain.is_some() && !Mutation::UncertainNotMadeDead.active() {
            // A write with this token may still land and grant what is now refused: make it impossible.
            next.bump();
            changed = true;
        }
        if !changed {
            // An answer that writes nothing must be true now (rule 7), and a block that another node emptied must
            // not look full for ever.
            if !fresh && !Mutation::StaleAnswer.active() {
                return self.read();
            }
            self.done = outcomes;
            return self.finish();
        }
        let pending = Box::new(Pending { token, block: Arc::new(next), outcomes });
        let put = match self.logging {
            Logging::On if !Mutation::GrantNotLogged.active() => self.to_log(&pending),
            Logging::On | Logging::Off => Vec::new(),
        };
        if put.is_empty() {
            return self.send(pending);
        }
        // Only what a failed write leaves without an address: a reattached one is held either way.
        let new = self
            .intents
            .iter()
            .zip(&pending.outcomes)
            .filter(|(_, outcome)| matches!(outcome, Some(Outcome::Granted(_, super::How::New, _))));
        self.logged.extend(new.filter_map(|(intent, _)| intent.key().cloned()));
        self.stage = Stage::Logging(pending);
        Step::Do(Op::Log(LogWrite { put, remove: Vec::new() }))
    }

    /// The grants that `pending` brings.
    fn to_log(&self, pending: &Pending) -> Vec<(GrantKey, BlockId, Token)> {
        let grants = self.intents.iter().zip(&pending.outcomes).zip(&self.done);
        grants
            .filter(|((_, outcome), before)| {
                before.is_none()
                    && matches!(outcome, Some(Outcome::Granted(_, how, _)) if *how != super::How::Found)
            })
            .filter_map(|((intent, _), _)| {
                Some((intent.key()?.clone(), self.id.clone(), pending.token.clone()))
            })
            .collect()
    }

    fn send(&mut self, pending: Box<Pending>) -> Step<Committed> {
        let document = Document::Block(pending.block.clone());
        let key = Key::Block(self.id.clone());
        let op = match self.knowledge {
            Knowledge::Absent => Op::Create(key, document),
            _ => Op::Update(key, pending.token.clone(), document),
        };
        self.stage = Stage::Writing(pending);
        Step::Do(op)
    }

    /// Where somebody needs the block it can be made at once: if it is there, that says so. What is answered to an absent
    /// one must be true, and is looked up.
    fn decide_believed(&mut self) -> Step<Committed> {
        let open = self.intents.iter().zip(&self.done).filter(|(_, done)| done.is_none());
        match open.map(|(intent, _)| apply_to_absent(&intent.action)).all(|answer| answer.is_none()) {
            true => self.create(),
            false => self.read(),
        }
    }

    fn create(&mut self) -> Step<Committed> {
        self.stage = Stage::Creating;
        let empty = Block::empty(self.id.clone(), self.bits);
        Step::Do(Op::Create(Key::Block(self.id.clone()), empty.into()))
    }

    fn decide_absent(&mut self) -> Step<Committed> {
        self.uncertain = None;
        let answers: Vec<_> = self.intents.iter().map(|intent| apply_to_absent(&intent.action)).collect();
        let wanted = answers.iter().zip(&self.done).any(|(answer, done)| answer.is_none() && done.is_none());
        if wanted {
            return self.create();
        }
        for (at, answer) in answers.into_iter().enumerate() {
            if self.done[at].is_none() {
                self.done[at] = answer.map(|answer| self.told_of(at, answer));
            }
        }
        self.finish()
    }

    /// `answer` to the intent at this place, with what is known of its own writes.
    fn told_of(&self, at: usize, answer: Outcome) -> Outcome {
        let freed = self.freed.iter().find(|(place, _)| *place == at);
        match (answer, freed) {
            (Outcome::Nothing, Some((_, address))) => Outcome::Released(*address),
            (answer, _) => answer,
        }
    }

    fn written(&mut self, token: Token, pending: Pending) -> Step<Committed> {
        self.uncertain = None;
        self.done = pending.outcomes;
        self.knowledge = Knowledge::Fresh(token, pending.block);
        self.finish()
    }
}

/// Whether a grant is refused although its key has a record here.
fn leaves_record(intent: &Intent, answer: &Outcome, block: &Block) -> bool {
    let Action::Grant(grant) = &intent.action else { return false };
    !matches!(answer, Outcome::Granted(..)) && block.find(&grant.key).is_some()
}

impl Machine for Commit {
    type Output = Committed;

    fn step(&mut self, input: Input) -> Step<Committed> {
        let Input { now, moment, reply } = input;
        let stage = std::mem::replace(&mut self.stage, Stage::Ready);
        match (stage, reply) {
            (Stage::Cleaning, _) => {
                self.stage = Stage::Cleaning;
                self.finish()
            }
            (_, Reply::Failed(Failure::Fatal(message))) => self.fail(&message),
            (Stage::Ready | Stage::Waiting, _) => self.decide(now, moment),
            (Stage::Reading, Reply::Got(found)) => {
                self.knowledge = match found {
                    None => Knowledge::Absent,
                    Some(found) => match found.document {
                        Document::Block(block) => Knowledge::Fresh(found.token, block),
                        _ => {
                            return self
                                .fail(&"a document of another kind stands in the block's place".into());
                        }
                    },
                };
                self.make_old();
                self.decide(now, moment)
            }
            (Stage::Creating, Reply::Written(token)) => {
                let empty = Arc::new(Block::empty(self.id.clone(), self.bits));
                self.knowledge = Knowledge::Fresh(token, empty);
                self.make_old();
                self.decide(now, moment)
            }
            (Stage::Creating, Reply::Failed(Failure::Exists)) => self.read(),
            (Stage::Asking(truth), reply) => {
                if self.truths.learn(truth, &reply) {
                    self.make_old();
                    self.decide(now, moment)
                } else {
                    self.retry(moment)
                }
            }
            (Stage::Logging(pending), Reply::Logged) => self.send(pending),
            (Stage::Writing(pending), Reply::Written(token)) => self.written(token, *pending),
            (Stage::Writing(pending), _) if Mutation::AnyReplyAcknowledges.active() => {
                self.written(pending.token.clone(), *pending)
            }
            (Stage::Writing(_), Reply::Failed(Failure::Conflict | Failure::Missing)) => {
                // This write did not take effect. An earlier one with the same token did or never will: the block
                // says which, and until it was read the attempt stays open.
                self.expire_or_again(moment)
            }
            (Stage::Writing(_), Reply::Failed(Failure::Unavailable(_))) => self.retry(moment),
            (Stage::Writing(pending), _) => {
                for (at, outcome) in pending.outcomes.iter().enumerate() {
                    if let (Some(Outcome::Released(address)), None) = (outcome, &self.done[at]) {
                        self.freed.retain(|(place, _)| *place != at);
                        self.freed.push((at, *address));
                    }
                }
                self.sent = Some(pending.token.clone());
                self.uncertain = Some(pending.token);
                self.retry(moment)
            }
            (Stage::Reading | Stage::Creating | Stage::Logging(_), _) => self.retry(moment),
        }
    }
}

impl Commit {
    fn expire_or_again(&mut self, moment: Moment) -> Step<Committed> {
        self.expire(moment);
        if self.done.iter().all(Option::is_some) {
            self.knowledge = Knowledge::Nothing;
            return self.finish();
        }
        self.again()
    }

    /// After an error that may pass: with a pause from the first time on.
    fn retry(&mut self, moment: Moment) -> Step<Committed> {
        self.tries = self.tries.max(QUICK_TRIES);
        self.expire_or_again(moment)
    }
}
