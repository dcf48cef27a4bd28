//! The truths that a decision about a block needs besides the block: read after its token, never before.

use std::sync::Arc;

use super::machine::{Op, Reply, SandboxState};
use crate::{
    api::SpiderEndpoint,
    model::{Plan, PlanId},
    mutation::Mutation,
    name::{ContainerId, NamespacedName, NodeName, OwnerUid},
    store::{Key, Versioned},
};

/// One truth that is asked for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Truth {
    /// A plan.
    Plan(PlanId),
    /// Two plans, neither of them known.
    Plans([PlanId; 2]),
    /// The endpoint with a stateful owner's claims.
    Claim(NamespacedName),
    /// The uid of the pod of this name.
    Pod(NamespacedName),
    /// Whether a container's sandbox is gone.
    Sandbox(NodeName, ContainerId),
}

impl Truth {
    /// The operation that finds it out.
    #[must_use]
    pub fn op(&self) -> Op {
        match self {
            Self::Plan(id) => Op::Get(Key::Plan(id.clone())),
            Self::Plans(ids) => Op::GetBoth(ids.clone().map(Key::Plan)),
            Self::Claim(name) => Op::Get(Key::Endpoint(name.clone())),
            Self::Pod(name) => Op::Pod(name.clone()),
            Self::Sandbox(node, container) => {
                Op::Sandbox { node: node.clone(), container: container.clone() }
            }
        }
    }
}

/// What has been found out so far, all of it after the block's token.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Truths {
    plans: Vec<(PlanId, Option<Arc<Plan>>)>,
    claims: Vec<(NamespacedName, Option<Arc<SpiderEndpoint>>)>,
    pods: Vec<(NamespacedName, Option<OwnerUid>)>,
    sandboxes: Vec<((NodeName, ContainerId), SandboxState)>,
}

fn known<K: PartialEq, V>(list: &[(K, V)], key: &K) -> Option<usize> {
    list.iter().position(|(known, _)| known == key)
}

impl Truths {
    /// Forgets everything: the block has another token by now, or somebody came who wants to know anew.
    pub(super) fn forget(&mut self) {
        let forgotten = std::mem::take(self);
        if Mutation::PlanBeforeToken.active() {
            self.plans = forgotten.plans;
        } else if Mutation::ClaimBeforeToken.active() {
            self.claims = forgotten.claims;
        } else if Mutation::PodBeforeToken.active() {
            self.pods = forgotten.pods;
        }
    }

    /// Takes the reply to [`Truth::op`] in. False if the reply does not fit: ask again.
    #[must_use]
    pub fn learn(&mut self, truth: Truth, reply: &Reply) -> bool {
        let plan = |found: &Option<Versioned>| found.as_ref().and_then(|v| v.document.as_plan().cloned());
        match (truth, reply) {
            (Truth::Plan(id), Reply::Got(found)) => self.plans.push((id, plan(found))),
            (Truth::Plans(ids), Reply::GotBoth(found)) => {
                self.plans.extend(ids.into_iter().zip(found.each_ref().map(plan)));
            }
            (Truth::Claim(name), Reply::Got(found)) => {
                let endpoint = found.as_ref().and_then(|v| v.document.as_endpoint().cloned());
                self.claims.push((name, endpoint));
            }
            (Truth::Pod(name), Reply::Pod(uid)) => self.pods.push((name, uid.clone())),
            (Truth::Sandbox(node, container), Reply::Sandbox(state)) => {
                self.sandboxes.push(((node, container), *state));
            }
            _ => return false,
        }
        true
    }

    pub(super) fn plan(&self, id: &PlanId) -> Result<Option<&Arc<Plan>>, Truth> {
        match known(&self.plans, id) {
            Some(at) => Ok(self.plans[at].1.as_ref()),
            None => Err(Truth::Plan(id.clone())),
        }
    }

    /// Asks for both at once where neither is known.
    pub(super) fn both_plans(&self, ids: [&PlanId; 2]) -> Result<[Option<&Arc<Plan>>; 2], Truth> {
        match ids.map(|id| known(&self.plans, id)) {
            [None, None] => Err(Truth::Plans(ids.map(PlanId::clone))),
            _ => Ok([self.plan(ids[0])?, self.plan(ids[1])?]),
        }
    }

    pub(super) fn claim(&self, name: &NamespacedName) -> Result<Option<&Arc<SpiderEndpoint>>, Truth> {
        match known(&self.claims, name) {
            Some(at) => Ok(self.claims[at].1.as_ref()),
            None => Err(Truth::Claim(name.clone())),
        }
    }

    pub(super) fn pod(&self, name: &NamespacedName) -> Result<Option<&OwnerUid>, Truth> {
        match known(&self.pods, name) {
            Some(at) => Ok(self.pods[at].1.as_ref()),
            None => Err(Truth::Pod(name.clone())),
        }
    }

    pub(super) fn sandbox(&self, node: &NodeName, container: &ContainerId) -> Result<SandboxState, Truth> {
        let key = (node.clone(), container.clone());
        match known(&self.sandboxes, &key) {
            Some(at) => Ok(self.sandboxes[at].1),
            None => Err(Truth::Sandbox(key.0, key.1)),
        }
    }
}
