//! A stateful owner's part (rule 9): the endpoint is the claim, and it is written before the grant.
//!
//! A claim is given up in three writes: the claim says *leaving*; the block loses the own record, or is bumped;
//! only then the claim may name another address.

use std::{sync::Arc, time::Duration};

use super::{
    intent::{Action, Grant, Intent, Outcome, PoolRef, Reason, Unusable, Withdraw},
    machine::{Failure, Input, Machine, Op, Reply, Step},
    objects::Subject,
    part::PartGranted,
    search::{Found, Goal, Refusal, Search, Setting, Wait, Wanted},
    settle::{Role, Settle, Settled},
};
use crate::{
    addr::Address,
    api::{Claim, ClaimState, SpiderEndpoint},
    model::{BlockId, PlanId, Record},
    mutation::Mutation,
    name::NamespacedName,
    store::{Document, Key, Token, Versioned},
    time::Moment,
};

/// What it ends with.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Holding {
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

/// The endpoint as read, and its token; none if there is none.
type Endpoint = (Arc<SpiderEndpoint>, Option<Token>);

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Stage {
    Start,
    Reading(Purpose),
    /// Looking for an address to claim; the claim is written with the endpoint's token of before.
    Choosing(Box<Search>, Endpoint),
    WritingClaim(Address, usize),
    WritingLeave(Address, Arc<SpiderEndpoint>),
    Granting(Address, usize),
    Withdrawing(Endpoint),
    Settling(Box<Settle>, Address, usize),
    Waiting(Wait),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Purpose {
    /// Whatever the claim says, get it.
    Get,
    /// Give this address up.
    Leave(Address),
}

/// The machine.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Claimed {
    wanted: Arc<Wanted>,
    endpoint: NamespacedName,
    setting: Setting,
    salt: u64,
    pauses: u32,
    stage: Stage,
}

impl Claimed {
    /// Gets `wanted` for the owner of `endpoint`. `salt` is random.
    #[must_use]
    pub fn new(wanted: Arc<Wanted>, endpoint: NamespacedName, setting: Setting, salt: u64) -> Self {
        Self { wanted, endpoint, setting, salt, pauses: 0, stage: Stage::Start }
    }

    fn key(&self) -> Key {
        Key::Endpoint(self.endpoint.clone())
    }

    fn read(&mut self, purpose: Purpose) -> Step<Holding> {
        self.stage = Stage::Reading(purpose);
        Step::Do(Op::Get(self.key()))
    }

    fn pause(&mut self, why: Wait, moment: Moment) -> Step<Holding> {
        if moment >= self.wanted.deadline {
            return Step::Done(Holding::Wait(why));
        }
        self.pauses += 1;
        self.stage = Stage::Waiting(why);
        Step::Do(Op::Sleep(Duration::from_millis(1 << self.pauses.min(7))))
    }

    fn claim_of<'a>(&self, endpoint: &'a SpiderEndpoint) -> Option<&'a Claim> {
        let key = &self.wanted.key;
        endpoint
            .status
            .claims
            .iter()
            .find(|claim| claim.interface == key.slot && claim.ip_version == key.family)
    }

    /// The endpoint with this part's claim set.
    fn with_claim(&self, endpoint: &SpiderEndpoint, address: Address, state: ClaimState) -> SpiderEndpoint {
        let key = &self.wanted.key;
        let mut next = endpoint.clone();
        next.status.claims.retain(|claim| claim.interface != key.slot || claim.ip_version != key.family);
        next.status.claims.push(Claim {
            interface: key.slot.clone(),
            ip_version: key.family,
            address,
            state,
        });
        next.status.claims.sort_by(|a, b| (&a.interface, a.ip_version).cmp(&(&b.interface, b.ip_version)));
        // The endpoint may have been a bare pod's of the same name: it must not go with that pod, and the sweep asks
        // this owner's controller for the claim.
        next.metadata.owner_references.clear();
        self.name_controller(&mut next);
        next
    }

    fn fresh_endpoint(&self) -> SpiderEndpoint {
        let mut endpoint = SpiderEndpoint::default();
        endpoint.metadata.name = self.endpoint.name.to_string();
        endpoint.metadata.namespace = Some(self.endpoint.namespace.to_string());
        let record = &self.wanted.record;
        endpoint.status.current.uid = record.owner.uid.to_string();
        endpoint.status.current.node = record.node.to_string();
        self.name_controller(&mut endpoint);
        endpoint
    }

    fn name_controller(&self, endpoint: &mut SpiderEndpoint) {
        if let Some(controller) = &self.wanted.record.controller {
            endpoint.status.owner_controller_type = controller.kind.clone();
            endpoint.status.owner_controller_name = controller.name.to_string();
        }
    }

    fn write(&self, token: Option<Token>, endpoint: SpiderEndpoint) -> Op {
        let document = Document::from(endpoint);
        match token {
            Some(token) => Op::Update(self.key(), token, document),
            None => Op::Create(self.key(), document),
        }
    }

    fn has_read(&mut self, purpose: Purpose, found: Option<Versioned>, input: Input) -> Step<Holding> {
        let (endpoint, token) = match found {
            None => (Arc::new(self.fresh_endpoint()), None),
            Some(found) => match found.document.as_endpoint() {
                Some(endpoint) => (endpoint.clone(), Some(found.token)),
                None => {
                    return Step::Done(Holding::Failed(
                        "another document stands in the endpoint's place".into(),
                    ));
                }
            },
        };
        let claim = self.claim_of(&endpoint).cloned();
        match (purpose, claim) {
            (Purpose::Get, None) => self.choose((endpoint, token), input),
            (Purpose::Get, Some(claim)) if claim.state == ClaimState::Holds => self.grant(claim.address, 0),
            (Purpose::Get, Some(claim)) => {
                let next = self.with_claim(&endpoint, claim.address, ClaimState::Holds);
                self.stage = Stage::WritingClaim(claim.address, 0);
                Step::Do(self.write(token, next))
            }
            (Purpose::Leave(_), Some(_)) if Mutation::ClaimMovesAtOnce.active() => {
                self.choose((endpoint, token), input)
            }
            (Purpose::Leave(address), Some(claim)) if claim.address == address => {
                let next = self.with_claim(&endpoint, address, ClaimState::Leaving);
                self.stage = Stage::WritingLeave(address, Arc::new(next.clone()));
                Step::Do(self.write(token, next))
            }
            // Somebody moved it: start over with what it says now.
            (Purpose::Leave(_), _) => self.read(Purpose::Get),
        }
    }

    fn choose(&mut self, endpoint: Endpoint, input: Input) -> Step<Holding> {
        self.salt = self.salt.wrapping_add(1);
        let search = Search::new(self.wanted.clone(), self.setting, Goal::Choose, self.salt);
        self.stage = Stage::Choosing(Box::new(search), endpoint);
        self.run(Input { reply: Reply::Start, ..input })
    }

    fn candidate(&self, at: usize) -> Option<Arc<PoolRef>> {
        self.wanted.candidates.get(at).cloned()
    }

    /// Asks for `address` from the candidate at `at`: whichever pool offers it, the claim decides.
    fn grant(&mut self, address: Address, at: usize) -> Step<Holding> {
        let Some(pool) = self.candidate(at) else { return self.read(Purpose::Leave(address)) };
        let block = BlockId::of(&pool.scope, self.setting.bits, address);
        let record = Arc::new(Record { pool: pool.uid.clone(), ..Record::clone(&self.wanted.record) });
        let grant = Grant {
            key: self.wanted.key.clone(),
            record,
            pool,
            wanted: Some(address),
            claim: Some(self.endpoint.clone()),
        };
        self.stage = Stage::Granting(address, at);
        Step::Do(Op::Commit(vec![(
            block,
            Intent { action: Action::Grant(grant), deadline: self.wanted.deadline },
        )]))
    }

    fn granted(&mut self, address: Address, at: usize, outcome: Outcome, input: &Input) -> Step<Holding> {
        match outcome {
            Outcome::Granted(address, how, record) => {
                Step::Done(Holding::Granted(PartGranted { address, how, record }))
            }
            Outcome::Unusable(Unusable::NotInPool) => self.grant(address, at + 1),
            // Somebody else has it, it is reserved by now, or it rests: another address.
            Outcome::Unusable(_) | Outcome::Cooling(_) | Outcome::Full => self.read(Purpose::Leave(address)),
            Outcome::ClaimMoved => self.pause(Wait::Editing(self.key().to_string()), input.moment),
            Outcome::PodReplaced => Step::Done(Holding::Replaced),
            Outcome::Busy(node) => self.pause(Wait::Attached(node), input.moment),
            Outcome::NoPlan(plan) => self.settle(&plan, address, at, input),
            other => self.unanswered(address, at, other),
        }
    }

    fn settle(&mut self, plan: &PlanId, address: Address, at: usize, input: &Input) -> Step<Holding> {
        let Some(pool) = self.candidate(at) else { return self.read(Purpose::Get) };
        let subject = match plan {
            PlanId::Pool(_) => Subject::pool(&pool),
            PlanId::Reservations(..) => Subject::reservations(&pool.scope, pool.family),
        };
        self.salt = self.salt.wrapping_add(1);
        let settle = Settle::new(subject, Role::Agent, self.salt, self.wanted.deadline);
        self.stage = Stage::Settling(Box::new(settle), address, at);
        self.run(Input { reply: Reply::Start, ..input.clone() })
    }

    fn unanswered(&self, address: Address, at: usize, outcome: Outcome) -> Step<Holding> {
        Step::Done(match (outcome, self.candidate(at).or_else(|| self.candidate(0))) {
            (Outcome::Unresolved(token), Some(pool)) => {
                let block = BlockId::of(&pool.scope, self.setting.bits, address);
                Holding::Wait(Wait::Unresolved(block, token))
            }
            (Outcome::Failed(message), _) => Holding::Failed(message),
            _ => Holding::Wait(Wait::Store("the store did not answer in time".into())),
        })
    }

    fn withdraw(&mut self, address: Address, endpoint: Endpoint) -> Step<Holding> {
        let Some(pool) = self.candidate(0) else { return Step::Done(Holding::Refused(Vec::new())) };
        let block = BlockId::of(&pool.scope, self.setting.bits, address);
        let withdraw = Withdraw {
            slot: self.wanted.key.slot.clone(),
            address,
            pod: self.endpoint.clone(),
            reason: Reason::Moving,
        };
        self.stage = Stage::Withdrawing(endpoint);
        Step::Do(Op::Commit(vec![(
            block,
            Intent { action: Action::Withdraw(withdraw), deadline: self.wanted.deadline },
        )]))
    }

    /// Steps the machine inside.
    fn run(&mut self, input: Input) -> Step<Holding> {
        let moment = input.moment;
        match std::mem::replace(&mut self.stage, Stage::Start) {
            Stage::Choosing(mut search, endpoint) => match search.step(input) {
                Step::Do(op) => {
                    self.stage = Stage::Choosing(search, endpoint);
                    Step::Do(op)
                }
                Step::Done(Found::Chosen(at, address)) => {
                    let (endpoint, token) = endpoint;
                    let next = self.with_claim(&endpoint, address, ClaimState::Holds);
                    self.stage = Stage::WritingClaim(address, at);
                    Step::Do(self.write(token, next))
                }
                Step::Done(Found::Refused(refusals)) => Step::Done(Holding::Refused(refusals)),
                Step::Done(Found::Wait(wait)) => Step::Done(Holding::Wait(wait)),
                Step::Done(Found::Failed(message)) => Step::Done(Holding::Failed(message)),
                Step::Done(Found::Granted(..)) => Step::Done(Holding::Failed("a choice that granted".into())),
            },
            Stage::Settling(mut settle, address, at) => match settle.step(input) {
                Step::Do(op) => {
                    self.stage = Stage::Settling(settle, address, at);
                    Step::Do(op)
                }
                Step::Done(Settled::InProgress(entry)) => {
                    self.pause(Wait::Editing(entry.object.to_string()), moment)
                }
                Step::Done(Settled::Failed(message)) => Step::Done(Holding::Failed(message)),
                // This candidate was deleted: another may offer the address.
                Step::Done(Settled::Gone) => self.grant(address, at + 1),
                Step::Done(Settled::Done(..)) => self.grant(address, at),
                Step::Done(Settled::Busy(message)) => self.pause(Wait::Editing(message.to_string()), moment),
            },
            _ => self.read(Purpose::Get),
        }
    }
}

impl Machine for Claimed {
    type Output = Holding;

    fn step(&mut self, input: Input) -> Step<Holding> {
        if let Reply::Failed(Failure::Fatal(message)) = &input.reply {
            return Step::Done(Holding::Failed(message.clone()));
        }
        let moment = input.moment;
        match (std::mem::replace(&mut self.stage, Stage::Start), input.reply.clone()) {
            (stage @ (Stage::Choosing(..) | Stage::Settling(..)), _) => {
                self.stage = stage;
                self.run(input)
            }
            (Stage::Waiting(why), _) if moment >= self.wanted.deadline => Step::Done(Holding::Wait(why)),
            (Stage::Start | Stage::Waiting(_), _) => self.read(Purpose::Get),
            (Stage::Reading(purpose), Reply::Got(found)) => self.has_read(purpose, found, input),
            (Stage::WritingClaim(address, at), Reply::Written(_)) => self.grant(address, at),
            (Stage::WritingLeave(address, endpoint), Reply::Written(token)) => {
                self.withdraw(address, (endpoint, Some(token)))
            }
            (Stage::Granting(address, at), Reply::Committed(outcomes)) => match outcomes.into_iter().next() {
                Some(outcome) => self.granted(address, at, outcome, &input),
                None => self.pause(Wait::Store("no outcome".into()), moment),
            },
            (Stage::Withdrawing(endpoint), Reply::Committed(outcomes)) => match outcomes.into_iter().next() {
                Some(Outcome::Withdrawn) => self.choose(endpoint, input),
                Some(Outcome::Busy(node)) => self.pause(Wait::Attached(node), moment),
                Some(Outcome::Failed(message)) => Step::Done(Holding::Failed(message)),
                _ => self.pause(Wait::Store("the store did not answer in time".into()), moment),
            },
            (_, Reply::Failed(failure @ Failure::Unavailable(_))) => {
                self.pause(Wait::Store(failure.to_string().into()), moment)
            }
            // A conflict, or a write that may have landed: what the claim says now decides.
            _ => self.pause(Wait::Editing(self.key().to_string()), moment),
        }
    }
}
