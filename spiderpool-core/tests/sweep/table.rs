//! Upstream's tables (trace GC and full scan), row by row, as two sources decide them; and the words.

use std::time::Duration;

use rstest::rstest;
use spiderpool_core::{
    model::{Attachment, Binding},
    sweep::{
        ClaimSeen, ControllerSeen, NodeSeen, PodFacts, PodPhase, PodSeen, SandboxSeen, Service, SweepPolicy,
        Switch, Verdict,
    },
};

use crate::case::{NOW, WELL, at, controller, node, pod, present, record, uid, verdict};

use Binding::{Stateful, Stateless};
use SandboxSeen::{Alive, Gone, NodeSilent};

fn running() -> PodFacts {
    pod(PodPhase::Running)
}

fn bare(phase: PodPhase) -> PodFacts {
    PodFacts { addresses: Vec::new(), ..pod(phase) }
}

/// `deletionTimestamp` at this second: the grace period is in it already.
fn terminating(by: i64) -> PodFacts {
    PodFacts { deletion: Some(at(by)), ..running() }
}

fn finished(phase: PodPhase, second: i64) -> PodFacts {
    PodFacts { finished: Some(at(second)), ..pod(phase) }
}

fn another(facts: PodFacts) -> PodFacts {
    PodFacts { uid: Some(uid("u2")), ..facts }
}

fn mirror(facts: PodFacts, hash: &str) -> PodFacts {
    PodFacts { uid: Some(uid("mirror")), static_uids: vec![uid(hash)], ..facts }
}

fn policy(change: impl FnOnce(&mut SweepPolicy)) -> SweepPolicy {
    let mut policy = SweepPolicy::default();
    change(&mut policy);
    policy
}

/// Stateless owners: pod, sandbox, node, settings, and the verdict in words.
#[rstest]
// Full scan, row by row.
#[case::no_pod(
    PodSeen::Absent,
    Gone,
    WELL,
    SweepPolicy::default(),
    "free: no pod of that name exists, and the sandbox of its container is gone"
)]
#[case::no_pod_but_a_sandbox(
    PodSeen::Absent,
    Alive,
    WELL,
    SweepPolicy::default(),
    "keep: the sandbox of its container is there, on node n1"
)]
#[case::read_error(
    PodSeen::Unknown,
    Gone,
    WELL,
    SweepPolicy::default(),
    "keep: whether its pod exists is not known"
)]
#[case::finished_long_ago(
    present(finished(PodPhase::Succeeded, 500)),
    Gone,
    WELL,
    SweepPolicy::default(),
    "free: its pod has run to completion, which counts since 2026-01-01T00:08:50Z, and the sandbox of its container is gone"
)]
#[case::finished_just_now(present(finished(PodPhase::Failed, NOW - 10)), Gone, WELL, SweepPolicy::default(),
    "wait until 2026-01-01T00:10:20Z: its pod has ended, and its release may be on its way")]
#[case::finished_sandbox_there(
    present(finished(PodPhase::Failed, 500)),
    Alive,
    WELL,
    SweepPolicy::default(),
    "keep: the sandbox of its container is there, on node n1"
)]
#[case::finished_without_a_time(
    present(pod(PodPhase::Failed)),
    Gone,
    WELL,
    SweepPolicy::default(),
    "free: its pod has failed, which counts since 2026-01-01T00:00:30Z, and the sandbox of its container is gone"
)]
#[case::evicted(
    present(finished(PodPhase::Evicted, 500)),
    Gone,
    WELL,
    SweepPolicy::default(),
    "free: its pod was evicted, which counts since 2026-01-01T00:08:50Z, and the sandbox of its container is gone"
)]
#[case::evicted_and_left_alone(present(finished(PodPhase::Evicted, 500)), Gone, WELL,
    policy(|p| p.evicted = Switch::Off), "keep: its pod has ended, and the settings leave such pods alone")]
#[case::evicted_with_a_delay(present(finished(PodPhase::Evicted, 500)), Gone, WELL,
    policy(|p| p.evicted_delay = Duration::from_secs(600)),
    "wait until 2026-01-01T00:18:50Z: its pod has ended, and its release may be on its way")]
#[case::pending(
    present(bare(PodPhase::Pending)),
    Gone,
    WELL,
    SweepPolicy::default(),
    "keep: its pod has not started yet"
)]
#[case::terminated(
    present(terminating(590)),
    Gone,
    WELL,
    SweepPolicy::default(),
    "free: its pod was to end by 2026-01-01T00:09:50Z, and the sandbox of its container is gone"
)]
#[case::terminated_sandbox_there(
    present(terminating(590)),
    Alive,
    WELL,
    SweepPolicy::default(),
    "keep: the sandbox of its container is there, on node n1"
)]
#[case::terminating(present(terminating(NOW + 5)), Gone, WELL, SweepPolicy::default(),
    "wait until 2026-01-01T00:10:05Z: its pod is being deleted and may still end by itself")]
#[case::terminating_without_addresses(
    present(PodFacts { addresses: Vec::new(), ..terminating(NOW + 5) }), Gone, WELL, SweepPolicy::default(),
    "free: its pod is being deleted and shows no address any more, and the sandbox of its container is gone")]
#[case::the_delay_is_added_once(present(terminating(590)), Gone, WELL,
    policy(|p| p.additional_delay = Duration::from_secs(20)),
    "wait until 2026-01-01T00:10:10Z: its pod is being deleted and may still end by itself")]
#[case::running(present(running()), Gone, WELL, SweepPolicy::default(), "keep: its pod runs")]
#[case::unknown(
    present(pod(PodPhase::Unknown)),
    Gone,
    WELL,
    SweepPolicy::default(),
    "keep: its pod is in an unknown state"
)]
#[case::running_bare(
    present(bare(PodPhase::Running)),
    Gone,
    WELL,
    SweepPolicy::default(),
    "keep: its pod runs without an address in its status, and the settings leave such pods alone"
)]
#[case::running_bare_switched_on(present(bare(PodPhase::Running)), Gone, WELL,
    policy(|p| p.running_without_addresses = Switch::On),
    "free: its pod runs and shows no address, and the sandbox of its container is gone")]
#[case::unknown_bare(
    present(bare(PodPhase::Unknown)),
    Gone,
    WELL,
    SweepPolicy::default(),
    "free: its pod is in an unknown state and shows no address, and the sandbox of its container is gone"
)]
#[case::another_pod_of_the_name(
    present(another(running())),
    Gone,
    WELL,
    SweepPolicy::default(),
    "free: the pod of that name is another one (uid u2), and the sandbox of its container is gone"
)]
#[case::another_pod_but_a_sandbox(
    present(another(running())),
    Alive,
    WELL,
    SweepPolicy::default(),
    "keep: the sandbox of its container is there, on node n1"
)]
#[case::another_pod_not_started(
    present(another(bare(PodPhase::Pending))),
    Gone,
    WELL,
    SweepPolicy::default(),
    "free: the pod of that name is another one (uid u2), and the sandbox of its container is gone"
)]
// Switches and the node gate.
#[case::sweep_off(PodSeen::Absent, Gone, WELL, policy(|p| p.enabled = Switch::Off), "keep: the sweep is switched off")]
#[case::not_on_a_ready_node(present(terminating(590)), Gone, WELL, policy(|p| p.ended_on_ready_node = Switch::Off),
    "keep: its pod has ended, and the settings leave such pods alone")]
#[case::but_on_a_silent_one(present(terminating(590)), NodeSilent, node(300, Service::In),
    policy(|p| p.ended_on_ready_node = Switch::Off),
    "free: its pod was to end by 2026-01-01T00:09:50Z, and its node has been silent for 300 s")]
#[case::not_on_a_silent_node(present(terminating(590)), NodeSilent, node(300, Service::In),
    policy(|p| p.ended_on_silent_node = Switch::Off), "keep: its pod has ended, and the settings leave such pods alone")]
#[case::the_gate_needs_the_node(present(terminating(590)), Gone, NodeSeen::Unknown,
    policy(|p| p.ended_on_ready_node = Switch::Off), "keep: node n1 does not answer, and nothing says that it is gone")]
#[case::neither(present(terminating(590)), Gone, WELL,
    policy(|p| (p.ended_on_ready_node, p.ended_on_silent_node) = (Switch::Off, Switch::Off)),
    "keep: its pod has ended, and the settings leave such pods alone")]
#[case::the_gate_is_for_ended_pods(PodSeen::Absent, Gone, WELL,
    policy(|p| (p.ended_on_ready_node, p.ended_on_silent_node) = (Switch::Off, Switch::Off)),
    "free: no pod of that name exists, and the sandbox of its container is gone")]
// A node that does not answer.
#[case::node_silent_lease_fresh(
    PodSeen::Absent,
    NodeSilent,
    node(100, Service::In),
    SweepPolicy::default(),
    "wait until 2026-01-01T00:13:20Z: node n1 does not answer, but its lease is fresh"
)]
#[case::lease_almost_stale(
    PodSeen::Absent,
    NodeSilent,
    node(299, Service::In),
    SweepPolicy::default(),
    "wait until 2026-01-01T00:10:01Z: node n1 does not answer, but its lease is fresh"
)]
#[case::lease_stale(
    PodSeen::Absent,
    NodeSilent,
    node(300, Service::In),
    SweepPolicy::default(),
    "free: no pod of that name exists, and its node has been silent for 300 s"
)]
#[case::lease_stale_by_a_longer_setting(PodSeen::Absent, NodeSilent, node(300, Service::In),
    policy(|p| p.node_silence = Duration::from_secs(900)),
    "wait until 2026-01-01T00:20:00Z: node n1 does not answer, but its lease is fresh")]
#[case::out_of_service(
    present(terminating(590)),
    NodeSilent,
    node(3, Service::Out),
    SweepPolicy::default(),
    "free: its pod was to end by 2026-01-01T00:09:50Z, and its node is out of service"
)]
#[case::node_deleted(
    PodSeen::Absent,
    NodeSilent,
    NodeSeen::Deleted,
    SweepPolicy::default(),
    "free: no pod of that name exists, and its node is not there any more"
)]
#[case::node_deleted_pod_there(
    present(running()),
    NodeSilent,
    NodeSeen::Deleted,
    SweepPolicy::default(),
    "keep: its pod runs"
)]
#[case::a_silent_node_with_a_living_sandbox(
    PodSeen::Absent,
    Alive,
    node(900, Service::Out),
    SweepPolicy::default(),
    "keep: the sandbox of its container is there, on node n1"
)]
#[case::node_unknown(
    PodSeen::Absent,
    NodeSilent,
    NodeSeen::Unknown,
    SweepPolicy::default(),
    "keep: node n1 does not answer, and nothing says that it is gone"
)]
// Static pods go by their config hash.
#[case::static_pod(
    present(mirror(terminating(0), "u1")),
    Gone,
    WELL,
    SweepPolicy::default(),
    "keep: it belongs to a static pod, which ends with its file, not with its object"
)]
#[case::static_pod_of_another_file(
    present(mirror(running(), "other")),
    Gone,
    WELL,
    SweepPolicy::default(),
    "free: the pod of that name is another one (uid mirror), and the sandbox of its container is gone"
)]
#[case::static_pod_without_its_mirror(
    PodSeen::Absent,
    Alive,
    WELL,
    SweepPolicy::default(),
    "keep: the sandbox of its container is there, on node n1"
)]
fn stateless(
    #[case] pod: PodSeen,
    #[case] sandbox: SandboxSeen,
    #[case] node: NodeSeen,
    #[case] policy: SweepPolicy,
    #[case] expected: &str,
) {
    let record = record(Stateless);
    let none = ControllerSeen::NotAsked;
    let verdict = verdict(&record, ClaimSeen::NotAsked, &pod, &none, sandbox, node, &policy);
    assert_eq!(verdict.to_string(), expected);
}

/// Stateful owners: what the endpoint claims, pod, controller, sandbox, and the verdict in words.
#[rstest]
#[case::valid_binding(
    ClaimSeen::This,
    PodSeen::Absent,
    controller("uid-web", 1),
    Gone,
    "keep: its controller wants its owner's name"
)]
#[case::valid_binding_of_a_new_pod(
    ClaimSeen::This,
    present(another(running())),
    controller("uid-web", 1),
    Gone,
    "keep: it is bound to its owner's name, and a pod of that name exists"
)]
#[case::valid_binding_finished(
    ClaimSeen::This,
    present(finished(PodPhase::Failed, 0)),
    controller("uid-web", 1),
    Gone,
    "keep: it is bound to its owner's name, and a pod of that name exists"
)]
#[case::scaled_down(
    ClaimSeen::This,
    PodSeen::Absent,
    controller("uid-web", 0),
    Gone,
    "free: no pod of that name exists, and its controller wants none, and the sandbox of its container is gone"
)]
#[case::scaled_down_pod_there(
    ClaimSeen::This,
    present(terminating(0)),
    controller("uid-web", 0),
    Gone,
    "keep: it is bound to its owner's name, and a pod of that name exists"
)]
#[case::scaled_down_sandbox_there(
    ClaimSeen::This,
    PodSeen::Absent,
    controller("uid-web", 0),
    Alive,
    "keep: the sandbox of its container is there, on node n1"
)]
#[case::controller_gone(
    ClaimSeen::This,
    PodSeen::Absent,
    ControllerSeen::Gone,
    Gone,
    "free: neither a pod of that name nor its controller exists, and the sandbox of its container is gone"
)]
#[case::controller_made_anew(
    ClaimSeen::This,
    PodSeen::Absent,
    controller("uid-new", 9),
    Gone,
    "free: no pod of that name exists, and the controller of that name is another one, and the sandbox of its container is gone"
)]
#[case::controller_unknown(
    ClaimSeen::This,
    PodSeen::Absent,
    ControllerSeen::Unknown,
    Gone,
    "keep: whether its controller wants it is not known"
)]
#[case::pod_unknown(
    ClaimSeen::This,
    PodSeen::Unknown,
    ControllerSeen::Gone,
    Gone,
    "keep: whether its pod exists is not known"
)]
#[case::claim_unreadable(
    ClaimSeen::Unknown,
    PodSeen::Absent,
    ControllerSeen::Gone,
    Gone,
    "keep: it is bound to its owner's name, and its endpoint cannot be read"
)]
#[case::unclaimed_but_wanted(
    ClaimSeen::None,
    PodSeen::Absent,
    controller("uid-web", 1),
    Gone,
    "keep: its controller wants its owner's name"
)]
#[case::unclaimed_and_unwanted(
    ClaimSeen::None,
    PodSeen::Absent,
    controller("uid-web", 0),
    Gone,
    "free: no pod of that name exists, and its controller wants none, and the sandbox of its container is gone"
)]
#[case::stray(ClaimSeen::Other("10.0.0.9".parse().unwrap()), present(running()), controller("uid-web", 1), Gone,
    "free: its owner's name is bound to 10.0.0.9 instead, and the sandbox of its container is gone")]
#[case::stray_in_use(ClaimSeen::Other("10.0.0.9".parse().unwrap()), PodSeen::Absent, ControllerSeen::Gone, Alive,
    "keep: the sandbox of its container is there, on node n1")]
fn stateful(
    #[case] claim: ClaimSeen,
    #[case] pod: PodSeen,
    #[case] controller: ControllerSeen,
    #[case] sandbox: SandboxSeen,
    #[case] expected: &str,
) {
    let policy = SweepPolicy::default();
    let mut record = record(Stateful);
    let attached = verdict(&record, claim, &pod, &controller, sandbox, WELL, &policy);
    assert_eq!(attached.to_string(), expected);
    // Between two incarnations nothing is attached, and the binding alone decides.
    record.attachment = Attachment::Detached;
    let detached =
        verdict(&record, claim, &pod, &controller, SandboxSeen::NotAsked, NodeSeen::NotAsked, &policy);
    let expected = expected.replace("the sandbox of its container is gone", "no container is attached");
    match attached {
        Verdict::Keep { .. } if sandbox == Alive => assert!(detached.frees(), "{detached}"),
        _ => assert_eq!(detached.to_string(), expected),
    }
}

#[test]
fn owners_that_no_source_can_speak_for_are_kept() {
    let policy = SweepPolicy::default();
    let mut words = Vec::new();
    let mut judge = |name: &str, record: &spiderpool_core::model::Record, sandbox, node| {
        let gone = ControllerSeen::Gone;
        let verdict = verdict(record, ClaimSeen::This, &PodSeen::Absent, &gone, sandbox, node, &policy);
        words.push(format!("{name}: {verdict}"));
    };
    let mut sandbox = record(Stateless);
    sandbox.owner.pod = None;
    judge("a bare sandbox", &sandbox, Alive, WELL);
    judge("a bare sandbox, its node gone", &sandbox, NodeSilent, NodeSeen::Deleted);
    judge("a bare sandbox that is gone", &sandbox, Gone, WELL);
    let mut migrated = record(Stateless);
    migrated.attachment = Attachment::Unknown;
    judge("migrated, node well", &migrated, Gone, WELL);
    judge("migrated, node gone", &migrated, Gone, NodeSeen::Deleted);
    let mut migrated = record(Stateful);
    migrated.attachment = Attachment::Unknown;
    judge("migrated binding", &migrated, Gone, NodeSeen::Deleted);
    let mut own = record(Stateful);
    own.controller = None;
    judge("a binding without a controller", &own, Gone, WELL);
    insta::assert_snapshot!(words.join("\n"), @r"
    a bare sandbox: keep: no pod stands for its sandbox, and nothing says that the sandbox is gone
    a bare sandbox, its node gone: keep: no pod stands for its sandbox, and nothing says that the sandbox is gone
    a bare sandbox that is gone: free: no pod stands for its sandbox, and the sandbox of its container is gone
    migrated, node well: keep: nobody knows which container uses it on node n1
    migrated, node gone: free: no pod of that name exists, and its node is not there any more
    migrated binding: keep: nobody knows which container uses it on node n1
    a binding without a controller: keep: it is bound to its owner's name, and no controller is known that could give it up
    ");
}
