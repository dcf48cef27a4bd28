//! Releasing a stateful owner's binding (rule 9d): the claim's token first, then the verdict, then the three writes
//! of rule 9c.

use std::{sync::Arc, time::Duration};

use super::{
    intent::{Action, Intent, Outcome, Reason, Withdraw},
    machine::{Failure, Input, Machine, Op, Reply, Step},
    search::Setting,
};
use crate::{
    addr::Family,
    api::{ClaimState, Resource, SpiderEndpoint},
    model::{BlockId, Slot},
    mutation::Mutation,
    name::{NamespacedName, NodeName, ScopeName, Uid},
    select::{Ordinals, ordinal},
    store::{Key, ResourceName, Token},
    time::Moment,
};

/// The controller that an owner's binding hangs on.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct BindingHolder {
    /// Which object.
    pub controller: ResourceName,
    /// Its uid when the binding was made: one re-created under its name wants nothing of the old one's.
    pub uid: Uid,
}

/// What became of a binding.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Unbound {
    /// The address is free, or was nobody's, and the claim is gone.
    Released,
    /// There is no such claim.
    Nothing,
    /// The owner, or its controller, still wants it.
    Kept(Kept),
    /// The store failed, or somebody else is at it: try again later.
    Later(Arc<str>),
}

/// Why a binding is kept.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Kept {
    /// A pod of that name exists.
    PodExists,
    /// Its controller still counts the pod's ordinal among its replicas.
    Wanted,
    /// A container is still attached, on this node.
    Attached(NodeName),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Stage {
    Start,
    ReadingClaim,
    AskingPod,
    ReadingController,
    Leaving,
    Withdrawing(Token),
    Dropping,
}

/// The machine.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Unbind {
    endpoint: NamespacedName,
    slot: Slot,
    family: Family,
    holder: Option<BindingHolder>,
    scope: ScopeName,
    setting: Setting,
    deadline: Moment,
    claim: Option<(Arc<SpiderEndpoint>, Token)>,
    stage: Stage,
}

impl Unbind {
    /// Judges, and where the verdict says so releases, the claim of `endpoint` for `slot` and `family`. Without a
    /// `holder` only the pod counts.
    #[must_use]
    pub fn new(
        endpoint: NamespacedName,
        slot: Slot,
        family: Family,
        holder: Option<BindingHolder>,
        scope: ScopeName,
        setting: Setting,
        deadline: Moment,
    ) -> Self {
        Self { endpoint, slot, family, holder, scope, setting, deadline, claim: None, stage: Stage::Start }
    }

    fn key(&self) -> Key {
        Key::Endpoint(self.endpoint.clone())
    }

    fn write(&self, state: Option<ClaimState>) -> Option<SpiderEndpoint> {
        let (endpoint, _) = self.claim.as_ref()?;
        let mut next = endpoint.as_ref().clone();
        let own = |claim: &crate::api::Claim| claim.interface == self.slot && claim.ip_version == self.family;
        match state {
            None => next.status.claims.retain(|claim| !own(claim)),
            Some(state) => next.status.claims.iter_mut().filter(|c| own(c)).for_each(|c| c.state = state),
        }
        Some(next)
    }

    fn leave(&mut self) -> Step<Unbound> {
        if let (true, Some((_, token))) = (Mutation::UnbindClaimOnly.active(), self.claim.clone()) {
            return self.drop_claim(token);
        }
        let (Some(next), Some((_, token))) = (self.write(Some(ClaimState::Leaving)), self.claim.clone())
        else {
            return Step::Done(Unbound::Nothing);
        };
        self.claim = Some((Arc::new(next.clone()), token.clone()));
        self.stage = Stage::Leaving;
        Step::Do(Op::Update(self.key(), token, next.into()))
    }

    fn withdraw(&mut self, token: Token) -> Step<Unbound> {
        let address = self.claim.as_ref().and_then(|(endpoint, _)| {
            let own = |c: &&crate::api::Claim| c.interface == self.slot && c.ip_version == self.family;
            endpoint.status.claims.iter().find(own).map(|claim| claim.address)
        });
        let Some(address) = address else { return Step::Done(Unbound::Nothing) };
        let withdraw = Withdraw {
            slot: self.slot.clone(),
            address,
            pod: self.endpoint.clone(),
            reason: Reason::Unwanted,
        };
        let block = BlockId::of(&self.scope, self.setting.bits, address);
        self.stage = Stage::Withdrawing(token);
        Step::Do(Op::Commit(vec![(
            block,
            Intent { action: Action::Withdraw(withdraw), deadline: self.deadline },
        )]))
    }

    fn drop_claim(&mut self, token: Token) -> Step<Unbound> {
        let Some(next) = self.write(None) else { return Step::Done(Unbound::Nothing) };
        self.stage = Stage::Dropping;
        Step::Do(match next.status.claims.is_empty() {
            true => Op::Delete(self.key(), token),
            false => Op::Update(self.key(), token, next.into()),
        })
    }

    /// Whether the controller, read now, still wants the pod of this name.
    fn wanted(&self, found: Option<&Resource>) -> bool {
        let (Some(holder), Some(controller)) = (&self.holder, found) else { return false };
        controller.metadata.uid.as_deref() == Some(holder.uid.as_str())
            && ordinal(&holder.controller.name, &self.endpoint.name)
                .is_some_and(|ordinal| Ordinals::of(controller).contains(ordinal))
    }
}

impl Machine for Unbind {
    type Output = Unbound;

    fn step(&mut self, input: Input) -> Step<Unbound> {
        if let Reply::Failed(failure @ (Failure::Fatal(_) | Failure::Unavailable(_))) = &input.reply {
            return Step::Done(Unbound::Later(failure.to_string().into()));
        }
        match (std::mem::replace(&mut self.stage, Stage::Start), input.reply) {
            (Stage::Start, _) => {
                self.stage = Stage::ReadingClaim;
                Step::Do(Op::Get(self.key()))
            }
            (Stage::ReadingClaim, Reply::Got(found)) => {
                let found =
                    found.and_then(|found| Some((found.document.as_endpoint()?.clone(), found.token)));
                let Some((endpoint, token)) = found else { return Step::Done(Unbound::Nothing) };
                let own = |c: &crate::api::Claim| c.interface == self.slot && c.ip_version == self.family;
                if !endpoint.status.claims.iter().any(own) {
                    return Step::Done(Unbound::Nothing);
                }
                self.claim = Some((endpoint, token));
                self.stage = Stage::AskingPod;
                Step::Do(Op::Pod(self.endpoint.clone()))
            }
            (Stage::AskingPod, Reply::Pod(Some(_))) => Step::Done(Unbound::Kept(Kept::PodExists)),
            (Stage::AskingPod, Reply::Pod(None)) => match self.holder.clone() {
                None => self.leave(),
                Some(holder) => {
                    self.stage = Stage::ReadingController;
                    Step::Do(Op::Get(Key::Resource(holder.controller)))
                }
            },
            (Stage::ReadingController, Reply::Got(found)) => {
                let controller = found.as_ref().and_then(|found| found.document.as_resource());
                if self.wanted(controller.map(Arc::as_ref)) {
                    return Step::Done(Unbound::Kept(Kept::Wanted));
                }
                self.leave()
            }
            (Stage::Leaving, Reply::Written(token)) => self.withdraw(token),
            (Stage::Withdrawing(token), Reply::Committed(outcomes)) => match outcomes.into_iter().next() {
                Some(Outcome::Withdrawn) => self.drop_claim(token),
                // The next ADD of that name puts the claim back.
                Some(Outcome::PodReplaced) => Step::Done(Unbound::Kept(Kept::PodExists)),
                Some(Outcome::Busy(node)) => Step::Done(Unbound::Kept(Kept::Attached(node))),
                _ => Step::Done(Unbound::Later("somebody else is at it".into())),
            },
            (Stage::Dropping, Reply::Written(_) | Reply::Deleted) => Step::Done(Unbound::Released),
            // The claim moved, or a reply was lost: what it says next time decides.
            _ => Step::Done(Unbound::Later("the claim was changed meanwhile".into())),
        }
    }
}

/// How long judging one binding may take.
pub const UNBIND_BUDGET: Duration = Duration::from_secs(10);
