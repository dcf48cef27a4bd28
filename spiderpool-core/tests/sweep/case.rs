//! Records and observations, briefly written.

use std::{sync::Arc, time::Duration};

use spiderpool_core::{
    model::{Attachment, Binding, Controller, Owner, Record, Slot},
    name::{ContainerId, InterfaceName, NodeName, ObjectName, OwnerUid, Uid},
    select::Ordinals,
    sweep::{
        Case, ClaimSeen, ControllerSeen, NodeFacts, NodeSeen, PodFacts, PodPhase, PodSeen, SandboxSeen,
        Service, Subject, SweepPolicy, Verdict, judge,
    },
    time::Timestamp,
};

/// The present of all cases: 2026-01-01T00:10:00Z.
pub(crate) const NOW: i64 = 600;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis((1_767_225_600 + seconds) * 1000)
}

pub(crate) fn uid(text: &str) -> OwnerUid {
    OwnerUid::new(text).unwrap()
}

/// A record of pod default/web-0, uid u1, container c1, on node n1, granted at minute 0.
pub(crate) fn record(binding: Binding) -> Record {
    Record {
        pool: Uid::new("p").unwrap(),
        owner: Owner { uid: uid("u1"), pod: Some("default/web-0".parse().unwrap()) },
        controller: Some(Arc::new(Controller {
            api_version: "apps/v1".into(),
            kind: if binding == Binding::Stateful { "StatefulSet" } else { "Deployment" }.into(),
            name: ObjectName::new("web").unwrap(),
            uid: Uid::new("uid-web").unwrap(),
        })),
        slot: Slot::Named(InterfaceName::new("eth0").unwrap()),
        interface: InterfaceName::new("eth0").ok(),
        network: None,
        attachment: Attachment::Container(ContainerId::new("c1").unwrap()),
        node: NodeName::new("n1").unwrap(),
        binding,
        since: at(0),
    }
}

/// The pod of [`record`], with an address in its status.
pub(crate) fn pod(phase: PodPhase) -> PodFacts {
    PodFacts {
        uid: Some(uid("u1")),
        static_uids: Vec::new(),
        phase,
        addresses: vec!["10.0.0.1".parse().unwrap()],
        deletion: None,
        finished: None,
        grace: Duration::from_secs(30),
    }
}

pub(crate) fn present(facts: PodFacts) -> PodSeen {
    PodSeen::Present(facts)
}

pub(crate) fn node(silent: u64, service: Service) -> NodeSeen {
    NodeSeen::Present(NodeFacts { silent: Duration::from_secs(silent), service })
}

pub(crate) const WELL: NodeSeen =
    NodeSeen::Present(NodeFacts { silent: Duration::from_secs(3), service: Service::In });

pub(crate) fn controller(uid: &str, replicas: u64) -> ControllerSeen {
    ControllerSeen::Present {
        uid: Uid::new(uid).ok(),
        ordinals: Ordinals::new(0, replicas),
        keep: Duration::ZERO,
    }
}

/// The verdict over `record` when each source says this, asked as far as it is needed.
pub(crate) fn verdict(
    record: &Record,
    claim: ClaimSeen,
    pod: &PodSeen,
    controller: &ControllerSeen,
    sandbox: SandboxSeen,
    node: NodeSeen,
    policy: &SweepPolicy,
) -> Verdict {
    let subject = Subject::Record(record);
    let (pod, controller) = (pod.clone(), controller.clone());
    let case = Case { claim, pod, controller, sandbox, node, ..Case::new(subject) };
    judge(&case, at(NOW), policy)
}
