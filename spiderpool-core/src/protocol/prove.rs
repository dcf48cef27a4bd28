//! Proving that a pool is exhausted, at one instant (rule 12).

use std::sync::Arc;

use super::{
    intent::PoolRef,
    machine::{Failure, Input, Machine, Op, Reply, Step},
    objects::{Objects, Subject},
    survey::{Sight, Sights, Surveyed, Tokens, of_listing, of_survey},
};
use crate::{
    addr::IpSet,
    model::{BlockBits, BlockId, Pick, Plan, PlanId},
    mutation::Mutation,
    store::{Key, Room, Selector, Token, Versioned},
    time::Timestamp,
};

/// So many blocks that changed since they were seen are read one by one; of more, all are listed.
const MOST_READ: usize = 32;

/// Whether one listing of the store shows one instant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Snapshots {
    /// It does.
    Yes,
    /// It does not: two listings with equal tokens do.
    No,
}

/// What the proof came to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Verdict {
    /// At an instant during the proof, no address of the pool was free.
    Exhausted,
    /// At an instant during the proof, every free address was cooling; the first is ready then.
    Cooling(Timestamp),
    /// These blocks have a free address, or one of them does not exist yet; the first is this node's choice.
    Room(Vec<BlockId>),
    /// A plan is missing or does not say what its objects say: settle it.
    Unsettled(Subject),
    /// Something changed during the proof: it says nothing.
    Changed,
    /// The store failed.
    Failed(Failure),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Stage {
    Start,
    PlanOf(Round, Which),
    ObjectsOf(Round, Which),
    Survey,
    /// What a survey did not tell of these is being read.
    Reading(Vec<Surveyed>),
    Listing,
    SurveyAgain,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Round {
    Before,
    After,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Which {
    Pool,
    Reservations,
}

/// What was read before the blocks, and must be so afterwards.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct Basis {
    plans: Vec<(Arc<Plan>, Token)>,
    objects: Vec<Objects>,
}

/// The machine.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Prove {
    pool: Arc<PoolRef>,
    bits: BlockBits,
    snapshots: Snapshots,
    /// Where to start looking for a block that does not exist, so that nodes choose different ones.
    salt: u64,
    stage: Stage,
    basis: Basis,
    after: Basis,
    /// Where a listing does not show one instant: the blocks and tokens that the verdict is about.
    tokens: Tokens,
    verdict: Option<Verdict>,
    /// An edit in flight: nothing can be proven, but what it leaves may have room, and nobody waits for it.
    in_flight: Option<Subject>,
}

impl Prove {
    /// Proves whether `pool` is exhausted.
    #[must_use]
    pub fn new(pool: Arc<PoolRef>, bits: BlockBits, snapshots: Snapshots, salt: u64) -> Self {
        Self {
            pool,
            bits,
            snapshots,
            salt,
            stage: Stage::Start,
            basis: Basis::default(),
            after: Basis::default(),
            tokens: Tokens::new(),
            verdict: None,
            in_flight: None,
        }
    }

    fn subject(&self, which: Which) -> Subject {
        match which {
            Which::Pool => Subject::pool(&self.pool),
            Which::Reservations => Subject::reservations(&self.pool.scope, self.pool.family),
        }
    }

    fn read_plan(&mut self, round: Round, which: Which) -> Step<Verdict> {
        self.stage = Stage::PlanOf(round, which);
        let id: PlanId = self.subject(which).plan;
        Step::Do(Op::Get(Key::Plan(id)))
    }

    fn read_objects(&mut self, round: Round, which: Which) -> Step<Verdict> {
        self.stage = Stage::ObjectsOf(round, which);
        Step::Do(self.subject(which).read())
    }

    /// What both plans allow.
    fn allowed(&self) -> IpSet {
        let mut plans = self.basis.plans.iter().map(|(plan, _)| &plan.usable);
        match (plans.next(), plans.next()) {
            (Some(pool), Some(reservations)) => pool.intersection(reservations),
            _ => IpSet::new(self.pool.family),
        }
    }

    /// Asks for all blocks that may have an address of the pool; none: there are no such addresses.
    fn ask(&mut self, stage: Stage, op: fn(Selector) -> Op) -> Option<Step<Verdict>> {
        let allowed = self.allowed();
        let (first, last) = (allowed.first()?, allowed.last()?);
        self.stage = stage;
        Some(Step::Do(op(Selector::Blocks {
            scope: self.pool.scope.clone(),
            family: self.pool.family,
            first: first.value() >> self.bits.get(),
            last: last.value() >> self.bits.get(),
            room: Room::Any,
        })))
    }

    fn survey(&mut self, now: Timestamp) -> Step<Verdict> {
        match self.ask(Stage::Survey, Op::Survey) {
            Some(step) => step,
            None => self.judged(&Sights::new(), Tokens::new(), now),
        }
    }

    /// All blocks, whole.
    fn list(&mut self) -> Step<Verdict> {
        self.ask(Stage::Listing, Op::List).unwrap_or(Step::Done(Verdict::Changed))
    }

    /// Blocks that have changed since they were seen are read, or, where these are many, all.
    fn surveyed(&mut self, blocks: Vec<Surveyed>, now: Timestamp) -> Step<Verdict> {
        let allowed = self.allowed();
        let open = blocks.iter().filter(|block| block.is_open(&allowed, self.bits));
        let open: Vec<BlockId> = open.map(|block| block.id.clone()).collect();
        let (sights, tokens) = of_survey(&blocks);
        if open.is_empty() {
            return self.judged(&sights, tokens, now);
        }
        if open.len() <= MOST_READ {
            self.stage = Stage::Reading(blocks);
            return Step::Do(Op::GetAll(open));
        }
        match missing_block(&allowed, self.bits, &sights) {
            Some(index) => Step::Done(Verdict::Room(vec![self.id(index)])),
            None => self.list(),
        }
    }

    /// The blocks that were open in a survey, as they were read after it.
    fn read(
        &mut self,
        surveyed: &[Surveyed],
        found: Vec<Option<Versioned>>,
        now: Timestamp,
    ) -> Step<Verdict> {
        let allowed = self.allowed();
        let (mut sights, tokens) = of_survey(surveyed);
        let mut same = true;
        let open = surveyed.iter().filter(|block| block.is_open(&allowed, self.bits));
        for (block, found) in open.zip(found) {
            same &= found.as_ref().is_some_and(|found| found.token == block.token);
            match found.as_ref().and_then(|found| found.document.as_block()) {
                Some(now) => sights.insert(block.id.index, Sight::Block(now.clone())),
                None => sights.remove(&block.id.index),
            };
        }
        if same || Mutation::SurveyNotCompared.active() {
            return self.judged(&sights, tokens, now);
        }
        // What has changed since may have been anything at the instant of the survey. Room is room whenever it was seen.
        match self.judge(&sights, now) {
            room @ Verdict::Room(_) => Step::Done(room),
            _ => self.list(),
        }
    }

    /// What the blocks come to at the instant at which they had these tokens.
    fn judged(&mut self, sights: &Sights, tokens: Tokens, now: Timestamp) -> Step<Verdict> {
        let verdict = self.judge(sights, now);
        if matches!(verdict, Verdict::Room(_)) {
            return Step::Done(verdict);
        }
        if let Some(subject) = self.in_flight.take() {
            return Step::Done(Verdict::Unsettled(subject));
        }
        self.verdict = Some(verdict);
        match self.snapshots {
            Snapshots::Yes => self.read_plan(Round::After, Which::Pool),
            Snapshots::No => {
                self.tokens = tokens;
                match self.ask(Stage::SurveyAgain, Op::Survey) {
                    Some(step) => step,
                    None => self.read_plan(Round::After, Which::Pool),
                }
            }
        }
    }

    fn id(&self, index: u128) -> BlockId {
        BlockId { scope: self.pool.scope.clone(), family: self.pool.family, index }
    }

    /// Judges the blocks by what the plans allow, not by their copies.
    fn judge(&self, sights: &Sights, now: Timestamp) -> Verdict {
        let allowed = self.allowed();
        let mut cooling: Option<Timestamp> = None;
        let mut room = Vec::new();
        for (index, sight) in sights {
            let Sight::Block(block) = sight else { continue };
            match block.pick(allowed.window_mask(block.first(), self.bits.get()), now, self.pool.cooldown) {
                Pick::Free(_) => room.push(*index),
                Pick::Cooling(until) => cooling = Some(cooling.map_or(until, |first| first.min(until))),
                Pick::Full => {}
            }
        }
        if room.is_empty() {
            room.extend(missing_block(&allowed, self.bits, sights));
        } else {
            let choice = (self.salt % room.len() as u64) as usize;
            room.rotate_left(choice);
        }
        match (room.is_empty(), cooling) {
            (false, _) => Verdict::Room(room.into_iter().map(|index| self.id(index)).collect()),
            (true, Some(until)) => Verdict::Cooling(until),
            (true, None) => Verdict::Exhausted,
        }
    }

    fn conclude(&self) -> Verdict {
        let plans =
            |basis: &Basis| -> Vec<Token> { basis.plans.iter().map(|(_, token)| token.clone()).collect() };
        let same_objects = self.basis.objects.len() == self.after.objects.len()
            && self.basis.objects.iter().zip(&self.after.objects).all(|(a, b)| a.tokens() == b.tokens());
        let same = plans(&self.basis) == plans(&self.after) && same_objects;
        if same || Mutation::ProofNotConfirmed.active() {
            self.verdict.clone().unwrap_or(Verdict::Changed)
        } else {
            Verdict::Changed
        }
    }
}

/// The first block of `allowed` that does not exist. Those that do are skipped, so this looks at no more than one block
/// more than exist.
fn missing_block(allowed: &IpSet, bits: BlockBits, existing: &Sights) -> Option<u128> {
    let mut looked_at = 0;
    let mut next_free_index = 0u128;
    for range in allowed.ranges() {
        let last = range.last().value() >> bits.get();
        let mut index = (range.first().value() >> bits.get()).max(next_free_index);
        while index <= last {
            let exists = existing.contains_key(&index);
            if looked_at > existing.len() || !exists {
                return Some(index).filter(|_| !exists);
            }
            looked_at += 1;
            index += 1;
        }
        next_free_index = last.saturating_add(1);
    }
    None
}

impl Machine for Prove {
    type Output = Verdict;

    fn step(&mut self, input: Input) -> Step<Verdict> {
        let stage = std::mem::replace(&mut self.stage, Stage::Start);
        match (stage, input.reply) {
            (Stage::Start, _) => self.read_plan(Round::Before, Which::Pool),
            (_, Reply::Failed(failure)) => Step::Done(Verdict::Failed(failure)),
            (Stage::PlanOf(round, which), Reply::Got(found)) => {
                let plan = found.and_then(|found| Some((found.document.as_plan()?.clone(), found.token)));
                let Some((plan, token)) = plan else {
                    return Step::Done(Verdict::Unsettled(self.subject(which)));
                };
                match (round, plan.pending.is_empty()) {
                    (_, true) => {}
                    (Round::Before, false) => self.in_flight = Some(self.subject(which)),
                    (Round::After, false) => return Step::Done(Verdict::Unsettled(self.subject(which))),
                }
                match round {
                    Round::Before => self.basis.plans.push((plan, token)),
                    Round::After => self.after.plans.push((plan, token)),
                }
                self.read_objects(round, which)
            }
            (Stage::ObjectsOf(round, which), reply) => {
                let Some(objects) = Objects::from_reply(reply) else { return Step::Done(Verdict::Changed) };
                let subject = self.subject(which);
                let basis = match round {
                    Round::Before => &mut self.basis,
                    Round::After => &mut self.after,
                };
                // What the objects say, but for what edits in flight take away.
                let says = |plan: &Plan| {
                    let says = objects.usable(&subject);
                    plan.pending.iter().fold(says, |says, entry| says.difference(&entry.removed))
                };
                if basis.plans.last().is_none_or(|(plan, _)| plan.usable != says(plan)) {
                    return Step::Done(Verdict::Unsettled(subject));
                }
                basis.objects.push(objects);
                match (round, which) {
                    (round, Which::Pool) => self.read_plan(round, Which::Reservations),
                    (Round::Before, Which::Reservations) => self.survey(input.now),
                    (Round::After, Which::Reservations) => Step::Done(self.conclude()),
                }
            }
            (Stage::Survey, Reply::Surveyed(blocks)) => self.surveyed(blocks, input.now),
            (Stage::Reading(surveyed), Reply::GotAll(found)) => self.read(&surveyed, found, input.now),
            (Stage::Survey | Stage::Listing, Reply::Listed(listing)) => {
                let (sights, tokens) = of_listing(&listing);
                self.judged(&sights, tokens, input.now)
            }
            (Stage::SurveyAgain, reply @ (Reply::Surveyed(_) | Reply::Listed(_))) => {
                let again = match &reply {
                    Reply::Surveyed(blocks) => of_survey(blocks).1,
                    Reply::Listed(listing) => of_listing(listing).1,
                    _ => Tokens::new(),
                };
                if self.tokens != again && !Mutation::ProofNotConfirmed.active() {
                    return Step::Done(Verdict::Changed);
                }
                self.read_plan(Round::After, Which::Pool)
            }
            _ => Step::Done(Verdict::Changed),
        }
    }
}
