//! Pods and containers as they really are: what kubelets did and were told.

use std::collections::BTreeMap;

use crate::{
    addr::{Address, Family},
    model::{Binding, Controller, Owner, Slot},
    name::{ContainerId, InterfaceName, NamespacedName, ObjectName, OwnerUid},
    protocol::SandboxState,
};

/// An interface that a pod is to have.
#[derive(Clone, Debug)]
pub(super) struct Interface {
    pub(super) slot: Slot,
    pub(super) name: Option<InterfaceName>,
    /// Per family the pools to try, in order.
    pub(super) pools: Vec<(Family, Vec<ObjectName>)>,
}

/// A pod, one incarnation.
#[derive(Clone, Debug)]
pub(super) struct Pod {
    pub(super) owner: Owner,
    /// The number of its node.
    pub(super) node: usize,
    pub(super) binding: Binding,
    pub(super) controller: Option<Controller>,
    pub(super) interfaces: Vec<Interface>,
    /// Which incarnation came later.
    pub(super) number: u64,
    /// When it went from the API server.
    pub(super) removed: Option<u64>,
}

/// How far a container is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// Its ADD was sent.
    Starting,
    /// Its ADD was answered, and it uses these.
    Running(Vec<(Slot, Address)>),
    /// Its sandbox is gone for good.
    Ended,
}

/// A container, that is the sandbox of a pod.
#[derive(Clone, Debug)]
pub(super) struct Container {
    pub(super) owner: OwnerUid,
    pub(super) stage: Stage,
    /// Requests of it that an agent has in hand.
    pub(super) adds: usize,
    /// When its last ADD was begun, and until when it may be run, in microseconds.
    pub(super) asked: u64,
    pub(super) deadline: u64,
    /// Whether its agent stood still meanwhile.
    pub(super) disturbed: bool,
    /// Whether its DEL was sent.
    pub(super) del_sent: bool,
    /// Whether a DEL of it was answered with success.
    pub(super) deleted: bool,
    /// Its node lost the intent log, or never had one: what it holds may have been forgotten.
    pub(super) forgotten: bool,
    /// Its node was given up although it runs: it never gets its addresses back.
    pub(super) given_up: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Cluster {
    /// Every incarnation that ever was.
    pub(super) pods: BTreeMap<OwnerUid, Pod>,
    /// The pods that the API server has.
    pub(super) present: BTreeMap<NamespacedName, OwnerUid>,
    /// Since when there is a pod of a name without a break.
    pub(super) present_since: BTreeMap<NamespacedName, u64>,
    pub(super) containers: BTreeMap<ContainerId, Container>,
    /// Who uses an address now.
    pub(super) in_use: BTreeMap<Address, ContainerId>,
    /// When an address was last used, in microseconds.
    pub(super) last_used: BTreeMap<Address, u64>,
    /// Stateful controllers, and how many replicas each wants.
    pub(super) controllers: BTreeMap<ObjectName, (Controller, u64)>,
    /// Since when the pod of a name is counted among its controller's replicas, without a break.
    pub(super) wanted_since: BTreeMap<NamespacedName, u64>,
}

impl Cluster {
    /// Whether the API server has this very pod.
    pub(super) fn exists(&self, owner: &Owner) -> bool {
        owner.pod.as_ref().is_some_and(|name| self.present.get(name) == Some(&owner.uid))
    }

    /// What the second source says of a sandbox: gone only if it is, and no request of it is under way.
    pub(super) fn sandbox(&self, container: &ContainerId) -> SandboxState {
        match self.containers.get(container) {
            Some(container) if container.given_up => SandboxState::Gone,
            Some(container) if container.stage == Stage::Ended && container.adds == 0 => SandboxState::Gone,
            _ => SandboxState::Alive,
        }
    }

    pub(super) fn starts(&mut self, id: &ContainerId, owner: &OwnerUid, forgotten: bool) {
        let container = Container {
            owner: owner.clone(),
            stage: Stage::Starting,
            adds: 0,
            asked: 0,
            deadline: u64::MAX,
            disturbed: false,
            del_sent: false,
            deleted: false,
            forgotten,
            given_up: false,
        };
        self.containers.insert(id.clone(), container);
    }

    /// The container runs with these addresses.
    pub(super) fn runs(&mut self, id: &ContainerId, addresses: Vec<(Slot, Address)>) {
        if let Some(container) = self.containers.get_mut(id) {
            for (_, address) in &addresses {
                self.in_use.insert(*address, id.clone());
            }
            container.stage = Stage::Running(addresses);
        }
    }

    /// The container's sandbox is gone.
    pub(super) fn ends(&mut self, id: &ContainerId, now: u64) {
        let Some(container) = self.containers.get_mut(id) else { return };
        if let Stage::Running(addresses) = std::mem::replace(&mut container.stage, Stage::Ended) {
            for (_, address) in addresses {
                if self.in_use.get(&address) == Some(id) {
                    self.in_use.remove(&address);
                }
                if !container.given_up {
                    self.last_used.insert(address, now);
                }
            }
        }
    }

    /// The running container that uses `address`.
    pub(super) fn user(&self, address: Address) -> Option<(&ContainerId, &Container)> {
        let id = self.in_use.get(&address)?;
        Some((id, self.containers.get(id)?))
    }
}
