//! What the sweep is told of pods, sandboxes and nodes: late, and not always.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::Mutex;

use super::{
    cluster::Stage,
    coverage::{Branch, hit},
    ledger::Ledger,
    names::parse,
    time::Time,
};
use crate::{
    addr::Address,
    name::{ContainerId, NamespacedName, NodeName},
    protocol::SandboxState,
    select::Ordinals,
    store::{ResourceName, StoreError, splitmix},
    sweep::{
        BlocksAtHand, ControllerSeen, EndpointSeen, NodeFacts, NodeSeen, PodFacts, PodPhase, PodSeen,
        SandboxSeen, Service, Sources,
    },
};

/// The sources of one controller.
#[derive(Debug)]
pub(super) struct SimSources {
    ledger: Arc<Mutex<Ledger>>,
    time: Arc<Time>,
    /// In how many of 100 cases there is no answer.
    silent: u64,
    draws: Mutex<u64>,
}

impl SimSources {
    pub(super) fn new(ledger: Arc<Mutex<Ledger>>, time: Arc<Time>, silent: u64, seed: u64) -> Arc<Self> {
        Arc::new(Self { ledger, time, silent, draws: Mutex::new(seed) })
    }

    /// Waits, asks, waits. None: no answer.
    async fn ask<T>(&self, question: impl FnOnce(&Ledger) -> T) -> Option<T> {
        let (luck, delays) = {
            let mut state = self.draws.lock();
            let number = splitmix(&mut state);
            let micros = |number: u64| Duration::from_micros(number % 5_000);
            (number % 100, [micros(number >> 8), micros(number >> 32)])
        };
        self.time.sleep(delays[0]).await;
        if luck < self.silent {
            hit(Branch::LivenessFailed);
            return None;
        }
        let answer = question(&self.ledger.lock());
        self.time.sleep(delays[1]).await;
        Some(answer)
    }
}

/// The pod as the API server shows it.
fn facts(ledger: &Ledger, name: &NamespacedName) -> PodSeen {
    let Some(uid) = ledger.cluster.present.get(name) else { return PodSeen::Absent };
    let running = ledger.cluster.containers.values().filter(|container| container.owner == *uid);
    let running = running.filter_map(|container| match &container.stage {
        Stage::Running(addresses) => Some(addresses),
        _ => None,
    });
    let addresses: Vec<Address> = running.flatten().map(|(_, address)| *address).collect();
    PodSeen::Present(PodFacts {
        uid: Some(uid.clone()),
        static_uids: Vec::new(),
        phase: if addresses.is_empty() { PodPhase::Pending } else { PodPhase::Running },
        addresses,
        deletion: None,
        finished: None,
        grace: Duration::from_secs(30),
    })
}

#[async_trait]
impl Sources for SimSources {
    fn pod_at_hand(&self, _: &NamespacedName) -> Option<PodFacts> {
        None
    }

    fn blocks_at_hand(&self) -> Option<&dyn BlocksAtHand> {
        None
    }

    async fn endpoints(&self) -> Option<Result<Vec<EndpointSeen>, StoreError>> {
        None
    }

    async fn pod(&self, name: &NamespacedName) -> PodSeen {
        self.ask(|ledger| facts(ledger, name)).await.unwrap_or(PodSeen::Unknown)
    }

    async fn controller(&self, name: &ResourceName) -> ControllerSeen {
        let seen = self.ask(|ledger| match ledger.cluster.controllers.get(&name.name) {
            None => ControllerSeen::Gone,
            Some((controller, replicas)) => ControllerSeen::Present {
                uid: Some(controller.uid.clone()),
                ordinals: Ordinals::new(0, *replicas),
                keep: Duration::ZERO,
            },
        });
        seen.await.unwrap_or(ControllerSeen::Unknown)
    }

    async fn sandbox(&self, _: &NodeName, container: &ContainerId) -> SandboxSeen {
        let seen = self.ask(|ledger| match ledger.cluster.containers.get(container) {
            Some(container) if container.given_up && container.stage != Stage::Ended => {
                SandboxSeen::NodeSilent
            }
            _ => match ledger.cluster.sandbox(container) {
                SandboxState::Gone => SandboxSeen::Gone,
                SandboxState::Alive => SandboxSeen::Alive,
            },
        });
        seen.await.unwrap_or(SandboxSeen::NodeSilent)
    }

    async fn node(&self, name: &NodeName) -> NodeSeen {
        // Silent for long, if nothing is known of it but what was given up.
        let seen = self.ask(|ledger| {
            let cluster = &ledger.cluster;
            let there = |uid| {
                cluster
                    .pods
                    .get(uid)
                    .is_some_and(|pod| parse::<NodeName>(format!("node-{}", pod.node)) == *name)
            };
            let others = cluster.containers.values().any(|container| {
                !container.given_up && container.stage != Stage::Ended && there(&container.owner)
            });
            let silent = if others { Duration::ZERO } else { Duration::from_secs(400) };
            NodeSeen::Present(NodeFacts { silent, service: Service::In })
        });
        seen.await.unwrap_or(NodeSeen::Unknown)
    }
}
