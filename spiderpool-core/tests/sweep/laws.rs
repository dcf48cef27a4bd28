//! Laws of the verdict, over all inputs.

use std::time::Duration;

use proptest::prelude::*;
use spiderpool_core::{
    model::{Attachment, Binding, Record},
    name::ContainerId,
    sweep::{
        Case, ClaimSeen, ControllerSeen, NodeSeen, PodFacts, PodPhase, PodSeen, SandboxSeen, Service, Source,
        Subject, SweepPolicy, Switch, Verdict, judge,
    },
    time::Timestamp,
};

use crate::case::{at, controller, node, record, uid};

/// A case, owned.
#[derive(Clone, Debug)]
struct World {
    record: Record,
    claim: ClaimSeen,
    pod: PodSeen,
    controller: ControllerSeen,
    sandbox: SandboxSeen,
    node: NodeSeen,
    policy: SweepPolicy,
    now: Timestamp,
}

impl World {
    fn case(&self) -> Case<'_> {
        Case {
            claim: self.claim,
            pod: self.pod.clone(),
            controller: self.controller.clone(),
            sandbox: self.sandbox,
            node: self.node,
            ..Case::new(Subject::Record(&self.record))
        }
    }

    fn verdict(&self) -> Verdict {
        judge(&self.case(), self.now, &self.policy)
    }
}

fn switch() -> impl Strategy<Value = Switch> {
    prop_oneof![Just(Switch::Off), Just(Switch::On)]
}

fn phase() -> impl Strategy<Value = PodPhase> {
    use PodPhase::*;
    prop::sample::select(vec![Pending, Running, Succeeded, Failed, Evicted, Unknown])
}

fn second() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0i64), 0..2000i64]
}

fn facts() -> impl Strategy<Value = PodFacts> {
    let uids = prop::sample::select(vec![Some("u1"), Some("u1"), Some("u2"), None]);
    let hashes = prop::sample::select(vec![None, None, None, Some("u1"), Some("h")]);
    (uids, hashes, phase(), any::<bool>(), prop::option::of(second()), prop::option::of(second()), 0..100u64)
        .prop_map(|(own, hash, phase, shows, deletion, finished, grace)| PodFacts {
            uid: own.map(uid),
            static_uids: hash.map(uid).into_iter().collect(),
            phase,
            addresses: if shows { vec!["10.0.0.1".parse().unwrap()] } else { Vec::new() },
            deletion: deletion.map(at),
            finished: finished.map(at),
            grace: Duration::from_secs(grace),
        })
}

fn pods() -> impl Strategy<Value = PodSeen> {
    prop_oneof![
        1 => Just(PodSeen::NotAsked),
        1 => Just(PodSeen::Unknown),
        4 => Just(PodSeen::Absent),
        6 => facts().prop_map(PodSeen::Present),
    ]
}

fn controllers() -> impl Strategy<Value = ControllerSeen> {
    prop_oneof![
        Just(ControllerSeen::NotAsked),
        Just(ControllerSeen::Unknown),
        Just(ControllerSeen::Gone),
        (prop::sample::select(vec!["uid-web", "other"]), 0..2u64)
            .prop_map(|(uid, replicas)| controller(uid, replicas)),
    ]
}

fn sandboxes() -> impl Strategy<Value = SandboxSeen> {
    use SandboxSeen::*;
    prop::sample::select(vec![NotAsked, Gone, Gone, Alive, NodeSilent, NodeSilent])
}

fn nodes() -> impl Strategy<Value = NodeSeen> {
    let service = prop::sample::select(vec![Service::In, Service::In, Service::Out]);
    prop_oneof![
        Just(NodeSeen::NotAsked),
        Just(NodeSeen::Unknown),
        Just(NodeSeen::Deleted),
        (0..600u64, service).prop_map(|(silent, service)| node(silent, service)),
    ]
}

fn policies() -> impl Strategy<Value = SweepPolicy> {
    let switches = (
        prop::sample::select(vec![Switch::On, Switch::On, Switch::Off]),
        switch(),
        switch(),
        switch(),
        switch(),
    );
    (switches, 0..100u64, 0..100u64, 1..500u64).prop_map(|(switches, delay, evicted, silence)| SweepPolicy {
        enabled: switches.0,
        ended_on_ready_node: switches.1,
        ended_on_silent_node: switches.2,
        evicted: switches.3,
        running_without_addresses: switches.4,
        additional_delay: Duration::from_secs(delay),
        evicted_delay: Duration::from_secs(evicted),
        node_silence: Duration::from_secs(silence),
        ..SweepPolicy::default()
    })
}

fn records() -> impl Strategy<Value = Record> {
    let attachment = prop::sample::select(vec![0, 0, 0, 1, 2]);
    (any::<bool>(), attachment, any::<bool>(), any::<bool>()).prop_map(
        |(stateful, attachment, named, owned)| {
            let mut it = record(if stateful { Binding::Stateful } else { Binding::Stateless });
            it.attachment = match attachment {
                1 if stateful => Attachment::Detached,
                2 => Attachment::Unknown,
                _ => Attachment::Container(ContainerId::new("c1").unwrap()),
            };
            if !named && !owned {
                it.owner.pod = None;
            }
            if !owned && named {
                it.controller = None;
            }
            it
        },
    )
}

fn worlds() -> impl Strategy<Value = World> {
    use ClaimSeen::*;
    let claims =
        prop::sample::select(vec![NotAsked, Unknown, None, This, This, Other("10.0.0.9".parse().unwrap())]);
    (records(), claims, pods(), controllers(), sandboxes(), nodes(), policies(), second()).prop_map(
        |(record, claim, pod, controller, sandbox, node, policy, now)| World {
            record,
            claim,
            pod,
            controller,
            sandbox,
            node,
            policy,
            now: at(now),
        },
    )
}

/// The first source, said once more and differently: is the owner gone for the API?
fn api_says_gone(world: &World) -> bool {
    let World { record, policy, now, .. } = world;
    if record.binding == Binding::Stateful {
        let unwanted = match &world.controller {
            ControllerSeen::Gone => true,
            ControllerSeen::Present { uid, ordinals, .. } => {
                uid.as_ref().is_some_and(|uid| uid.as_str() != "uid-web") || ordinals.iter().next().is_none()
            }
            ControllerSeen::NotAsked | ControllerSeen::Unknown => false,
        };
        return match world.claim {
            ClaimSeen::Other(_) => true,
            ClaimSeen::None | ClaimSeen::This => {
                world.pod == PodSeen::Absent && unwanted && record.controller.is_some()
            }
            ClaimSeen::NotAsked | ClaimSeen::Unknown => false,
        };
    }
    if record.owner.pod.is_none() {
        return true;
    }
    match &world.pod {
        PodSeen::NotAsked | PodSeen::Unknown => false,
        PodSeen::Absent => true,
        PodSeen::Present(pod) => {
            let own = pod.uid.is_none() || pod.uid == Some(uid("u1")) || pod.static_uids.contains(&uid("u1"));
            let over = pod.deletion.is_some_and(|by| by <= *now)
                || pod.deletion.is_some() && pod.addresses.is_empty();
            let ended = matches!(pod.phase, PodPhase::Succeeded | PodPhase::Failed | PodPhase::Evicted)
                && pod.finished.unwrap_or(record.since).after(pod.grace) <= *now;
            let shows_nothing = pod.addresses.is_empty()
                && (pod.phase == PodPhase::Unknown
                    || pod.phase == PodPhase::Running && policy.running_without_addresses == Switch::On);
            !own || pod.static_uids.is_empty() && (over || ended || shows_nothing)
        }
    }
}

/// The second source: is the container gone for the node, or the node gone?
fn node_says_gone(world: &World) -> bool {
    let node_gone = match world.node {
        NodeSeen::Deleted => true,
        NodeSeen::Present(facts) => {
            facts.service == Service::Out || facts.silent >= world.policy.node_silence
        }
        NodeSeen::NotAsked | NodeSeen::Unknown => false,
    };
    match (&world.record.attachment, world.sandbox) {
        // No API speaks for a bare sandbox: only its own end counts.
        (attachment, sandbox) if world.record.owner.pod.is_none() => {
            world.record.binding == Binding::Stateless
                && matches!(attachment, Attachment::Container(_))
                && sandbox == SandboxSeen::Gone
        }
        (Attachment::Detached, _) | (Attachment::Container(_), SandboxSeen::Gone) => true,
        (Attachment::Container(_), SandboxSeen::NodeSilent) | (Attachment::Unknown, _) => node_gone,
        (Attachment::Container(_), SandboxSeen::Alive | SandboxSeen::NotAsked) => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_freed_unless_both_sources_say_gone(world in worlds()) {
        let verdict = world.verdict();
        if verdict.frees() {
            prop_assert!(api_says_gone(&world), "{verdict}");
            prop_assert!(node_says_gone(&world), "{verdict}");
            prop_assert!(world.policy.enabled == Switch::On);
        }
    }

    /// And with everything switched on and nothing in the way, what both call gone is freed: no leak (I5).
    #[test]
    fn what_both_call_gone_is_freed(mut world in worlds()) {
        let delays = (Duration::ZERO, Duration::ZERO);
        (world.policy.additional_delay, world.policy.evicted_delay) = delays;
        world.policy = SweepPolicy {
            running_without_addresses: world.policy.running_without_addresses,
            node_silence: world.policy.node_silence,
            ..SweepPolicy::default()
        };
        let unknown_binding =
            world.record.binding == Binding::Stateful && world.record.attachment == Attachment::Unknown;
        if api_says_gone(&world) && node_says_gone(&world) && !unknown_binding {
            prop_assert!(world.verdict().frees(), "{}", world.verdict());
        }
    }

    /// A source that falls silent frees nothing that it had not freed before; one that was not asked neither.
    #[test]
    fn to_know_less_never_frees(world in worlds(), what in 0..5usize, unknown: bool) {
        let mut less = world.clone();
        match what {
            0 => less.pod = if unknown { PodSeen::Unknown } else { PodSeen::NotAsked },
            1 => less.controller = if unknown { ControllerSeen::Unknown } else { ControllerSeen::NotAsked },
            2 => less.sandbox = if unknown { SandboxSeen::Alive } else { SandboxSeen::NotAsked },
            3 => less.node = if unknown { NodeSeen::Unknown } else { NodeSeen::NotAsked },
            _ => less.claim = if unknown { ClaimSeen::Unknown } else { ClaimSeen::NotAsked },
        }
        prop_assert!(world.verdict().frees() || !less.verdict().frees(), "{} then {}", world.verdict(), less.verdict());
    }

    /// The clock alone, and a node's silence, only ever bring a free closer.
    #[test]
    fn time_frees_and_never_takes_back(world in worlds(), later in 0..3000u64) {
        let mut after = world.clone();
        after.now = world.now.after(Duration::from_secs(later));
        if let NodeSeen::Present(facts) = &mut after.node {
            facts.silent += Duration::from_secs(later);
        }
        if world.verdict().frees() && world.policy.ended_on_ready_node == world.policy.ended_on_silent_node {
            prop_assert!(after.verdict().frees(), "{} then {}", world.verdict(), after.verdict());
        }
    }

    /// A wait ends when it says: at that time there is another verdict.
    #[test]
    fn a_wait_is_over_at_its_time(world in worlds()) {
        if let Verdict::Wait { until, .. } = world.verdict() {
            prop_assert!(until > world.now);
            let mut after = world.clone();
            after.now = until;
            if let NodeSeen::Present(facts) = &mut after.node {
                facts.silent += until.since(world.now);
            }
            if let Verdict::Wait { until: next, .. } = after.verdict() {
                prop_assert!(next > until);
            }
        }
    }

    /// A stricter policy frees no more.
    #[test]
    fn a_stricter_policy_frees_no_more(world in worlds(), what in 0..8usize, more in 1..500u64) {
        let mut strict = world.clone();
        let more = Duration::from_secs(more);
        match what {
            0 => strict.policy.enabled = Switch::Off,
            1 => strict.policy.ended_on_ready_node = Switch::Off,
            2 => strict.policy.ended_on_silent_node = Switch::Off,
            3 => strict.policy.evicted = Switch::Off,
            4 => strict.policy.running_without_addresses = Switch::Off,
            5 => strict.policy.additional_delay += more,
            6 => strict.policy.evicted_delay += more,
            _ => strict.policy.node_silence += more,
        }
        // With a longer silence, a node is ready that was not: its own switch is no part of this law.
        let same_gate = what != 7 || world.policy.ended_on_ready_node <= world.policy.ended_on_silent_node;
        prop_assert!(!same_gate || world.verdict().frees() || !strict.verdict().frees());
    }

    /// Another pod under the same name is neither the owner nor its end: nothing about it but its uid counts.
    #[test]
    fn another_pod_of_the_name_counts_only_as_another(world in worlds(), one in facts(), two in facts()) {
        let verdict = |facts: PodFacts| {
            let facts = PodFacts { uid: Some(uid("u2")), static_uids: Vec::new(), ..facts };
            World { pod: PodSeen::Present(facts), ..world.clone() }.verdict()
        };
        prop_assert_eq!(verdict(one), verdict(two));
    }

    /// Whatever is asked is asked once, in the order of the rules, and then there is a verdict.
    #[test]
    fn questions_come_in_order_and_end(world in worlds()) {
        let mut case = Case::new(Subject::Record(&world.record));
        let mut last = None;
        for _ in 0..6 {
            let Verdict::Ask { next } = judge(&case, world.now, &world.policy) else { return Ok(()) };
            prop_assert!(last < Some(next), "{next:?} after {last:?}");
            last = Some(next);
            match next {
                Source::Claim => case.claim = if world.claim == ClaimSeen::NotAsked { ClaimSeen::None } else { world.claim },
                Source::Pod => case.pod = if world.pod == PodSeen::NotAsked { PodSeen::Absent } else { world.pod.clone() },
                Source::Controller => case.controller = match &world.controller {
                    ControllerSeen::NotAsked => ControllerSeen::Gone,
                    other => other.clone(),
                },
                Source::Sandbox => case.sandbox = match world.sandbox {
                    SandboxSeen::NotAsked => SandboxSeen::NodeSilent,
                    other => other,
                },
                Source::Node => case.node = if world.node == NodeSeen::NotAsked { NodeSeen::Deleted } else { world.node },
            }
        }
        prop_assert!(false, "it never ends");
    }
}
