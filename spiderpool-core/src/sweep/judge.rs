//! The verdict over one record, or over a claim that has none. Pure.

use super::{
    ClaimSeen, ControllerSeen, First, How, KeepWhy, NodeSeen, PodFacts, PodPhase, PodSeen, SandboxSeen,
    Second, Service, Source, SweepPolicy, Switch, Verdict, WaitWhy,
};
use crate::{
    model::{Attachment, Binding, Record},
    name::{NamespacedName, ObjectName, Uid},
    select::ordinal,
    time::Timestamp,
};

/// What is judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject<'a> {
    /// A record of a block.
    Record(&'a Record),
    /// A stateful owner's claim of an address that it does not hold: its agent died between claim and grant.
    Claim {
        /// The owner's name.
        pod: &'a NamespacedName,
        /// The name of its controller.
        controller: Option<&'a ObjectName>,
    },
}

/// What is judged, and everything that is known. Whatever was asked was asked after the block was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Case<'a> {
    /// What is judged.
    pub subject: Subject<'a>,
    /// What the owner's endpoint claims; asked for stateful records only.
    pub claim: ClaimSeen,
    /// Since when the endpoint says that the owner's controller does not want it; asked with the claim.
    pub unwanted_since: Option<Timestamp>,
    /// The first source.
    pub pod: PodSeen,
    /// The first source's other half, for stateful owners.
    pub controller: ControllerSeen,
    /// The second source.
    pub sandbox: SandboxSeen,
    /// What stands for it where the node does not answer.
    pub node: NodeSeen,
}

impl<'a> Case<'a> {
    /// `subject` before anybody was asked.
    #[must_use]
    pub fn new(subject: Subject<'a>) -> Self {
        Self {
            subject,
            claim: ClaimSeen::NotAsked,
            unwanted_since: None,
            pod: PodSeen::NotAsked,
            controller: ControllerSeen::NotAsked,
            sandbox: SandboxSeen::NotAsked,
            node: NodeSeen::NotAsked,
        }
    }
}

/// Judges `case` at the time `now`. Asks for one source after the other, each at most once, in the order of [`Source`];
/// frees only where both sources say that the owner is gone.
#[must_use]
pub fn judge(case: &Case<'_>, now: Timestamp, policy: &SweepPolicy) -> Verdict {
    if policy.enabled == Switch::Off {
        return keep(KeepWhy::SweepOff);
    }
    let verdict = match case.subject {
        Subject::Record(record) if record.binding == Binding::Stateless => {
            stateless(record, case, now, policy)
        }
        Subject::Record(record) => stateful(record, case, now, policy),
        Subject::Claim { pod, controller } => unwanted(pod, controller.map(|name| (name, None)), case)
            .map(|first| Verdict::Free { first, second: Second::Detached, how: How::Unbind }),
    };
    verdict.unwrap_or_else(|other| other)
}

/// A verdict other than free ends every step.
type Judged<T> = Result<T, Verdict>;

fn keep(why: KeepWhy) -> Verdict {
    Verdict::Keep { why }
}

fn ask<T>(next: Source) -> Judged<T> {
    Err(Verdict::Ask { next })
}

fn stateless(record: &Record, case: &Case<'_>, now: Timestamp, policy: &SweepPolicy) -> Judged<Verdict> {
    if record.owner.pod.is_none() {
        return sandbox_alone(record, case.sandbox);
    }
    let first = match &case.pod {
        PodSeen::NotAsked => return ask(Source::Pod),
        PodSeen::Unknown => return Err(keep(KeepWhy::PodUnknown)),
        PodSeen::Absent => First::PodAbsent,
        PodSeen::Present(pod) if !pod.is_incarnation(&record.owner.uid) => {
            First::PodReplaced { by: pod.uid.clone() }
        }
        PodSeen::Present(pod) => ended(pod, record, now, policy)?,
    };
    let second = second_source(record, case.sandbox, case.node, now, policy)?;
    if is_switched(&first) {
        gate(case, record, &second, policy)?;
    }
    Ok(Verdict::Free { first, second, how: How::Release })
}

/// A bare sandbox: no API knows of it, so there is no first source that could say that it lives, and the second has to be
/// certain. That its node is gone, or silent, is not enough.
fn sandbox_alone(record: &Record, sandbox: SandboxSeen) -> Judged<Verdict> {
    match (&record.attachment, sandbox) {
        (Attachment::Container(_), SandboxSeen::NotAsked) => ask(Source::Sandbox),
        (Attachment::Container(_), SandboxSeen::Gone) => {
            Ok(Verdict::Free { first: First::NoPod, second: Second::SandboxGone, how: How::Release })
        }
        _ => Err(keep(KeepWhy::NoPod)),
    }
}

/// Whether the pod that holds the address has ended, although it is still declared.
fn ended(pod: &PodFacts, record: &Record, now: Timestamp, policy: &SweepPolicy) -> Judged<First> {
    if pod.is_static() {
        return Err(keep(KeepWhy::StaticPod));
    }
    let finished = matches!(pod.phase, PodPhase::Succeeded | PodPhase::Failed | PodPhase::Evicted);
    if (finished || pod.deletion.is_some())
        && is_off(policy.ended_on_ready_node)
        && is_off(policy.ended_on_silent_node)
    {
        return Err(keep(KeepWhy::SwitchedOff));
    }
    // The timestamp of a deletion has the grace period in it already; the end of a container has not.
    let by_deletion = pod.deletion.map(|at| at.after(policy.additional_delay));
    let by_end = finished.then(|| {
        let extra =
            if pod.phase == PodPhase::Evicted { policy.evicted_delay } else { std::time::Duration::ZERO };
        pod.finished.unwrap_or(record.since).after(pod.grace).after(policy.additional_delay).after(extra)
    });
    let by_end = by_end.filter(|_| pod.phase != PodPhase::Evicted || policy.evicted == Switch::On);
    match (by_deletion, by_end) {
        (Some(since), _) if since <= now => Ok(First::Terminated { since }),
        (_, Some(since)) if since <= now => Ok(First::Ended { phase: pod.phase, since }),
        (Some(_), _) if pod.addresses.is_empty() => Ok(First::TerminatedWithoutAddresses),
        (Some(until), Some(end)) => Err(Verdict::Wait { until: until.min(end), why: WaitWhy::Terminating }),
        (Some(until), None) => Err(Verdict::Wait { until, why: WaitWhy::Terminating }),
        (None, Some(until)) => Err(Verdict::Wait { until, why: WaitWhy::Ended }),
        (None, None) if finished => Err(keep(KeepWhy::SwitchedOff)),
        (None, None) => match pod.phase {
            PodPhase::Running if pod.addresses.is_empty() && is_off(policy.running_without_addresses) => {
                Err(keep(KeepWhy::RunningWithoutAddresses))
            }
            PodPhase::Running | PodPhase::Unknown if pod.addresses.is_empty() => {
                Ok(First::ShowsNothing { phase: pod.phase })
            }
            phase => Err(keep(KeepWhy::PodAlive { phase })),
        },
    }
}

fn is_off(switch: Switch) -> bool {
    switch == Switch::Off
}

/// Whether the switches for pods that have ended concern this reason.
fn is_switched(first: &First) -> bool {
    matches!(first, First::Terminated { .. } | First::TerminatedWithoutAddresses | First::Ended { .. })
}

/// The switches for pods that have ended, on nodes that are well and on others.
fn gate(case: &Case<'_>, record: &Record, second: &Second, policy: &SweepPolicy) -> Judged<()> {
    let (ready, silent) = (policy.ended_on_ready_node, policy.ended_on_silent_node);
    if ready == silent {
        // Both off was judged before any node was asked.
        return Ok(());
    }
    let switch = match (second, case.node) {
        (Second::NodeDeleted | Second::OutOfService | Second::NodeSilent { .. }, _) => silent,
        (_, NodeSeen::NotAsked) => return ask(Source::Node),
        (_, NodeSeen::Unknown) => return Err(keep(KeepWhy::NodeUnknown { node: record.node.clone() })),
        (_, node) if node_gone(node, policy).is_some() => silent,
        _ => ready,
    };
    if is_off(switch) { Err(keep(KeepWhy::SwitchedOff)) } else { Ok(()) }
}

fn stateful(record: &Record, case: &Case<'_>, now: Timestamp, policy: &SweepPolicy) -> Judged<Verdict> {
    let Some(pod) = &record.owner.pod else { return Err(keep(KeepWhy::NoPod)) };
    let (first, how) = match case.claim {
        ClaimSeen::NotAsked => return ask(Source::Claim),
        ClaimSeen::Unknown => return Err(keep(KeepWhy::ClaimUnknown)),
        // The name has another address: this one is nobody's, whoever wants the name.
        ClaimSeen::Other(address) => (First::ClaimedElsewhere { address }, How::Release),
        ClaimSeen::None | ClaimSeen::This => {
            let controller = record.controller.as_ref().map(|found| (&found.name, Some(&found.uid)));
            let first = unwanted(pod, controller, case)?;
            // Without a claim there is nothing that the three writes could begin with.
            (first, if case.claim == ClaimSeen::This { How::Unbind } else { How::Release })
        }
    };
    kept(&first, case, now)?;
    if how == How::Unbind && record.attachment == Attachment::Unknown {
        // The machine that gives a claim up takes a container that nobody knows for one that runs.
        return Err(keep(KeepWhy::ContainerUnknown { node: record.node.clone() }));
    }
    let second = second_source(record, case.sandbox, case.node, now, policy)?;
    Ok(Verdict::Free { first, second, how })
}

/// Whether the application keeps what it does not want for a while. It counts from when the endpoint says so: until that is
/// written, from now.
fn kept(first: &First, case: &Case<'_>, now: Timestamp) -> Judged<()> {
    let ControllerSeen::Present { keep, .. } = case.controller else { return Ok(()) };
    let until = case.unwanted_since.unwrap_or(now).after(keep);
    if *first == First::Unwanted && until > now {
        return Err(Verdict::Wait { until, why: WaitWhy::Kept });
    }
    Ok(())
}

/// Rule 9d: no pod of that name; then the controller is gone, or another one, or does not want it.
fn unwanted(
    pod: &NamespacedName,
    controller: Option<(&ObjectName, Option<&Uid>)>,
    case: &Case<'_>,
) -> Judged<First> {
    match &case.pod {
        PodSeen::NotAsked => return ask(Source::Pod),
        PodSeen::Unknown => return Err(keep(KeepWhy::PodUnknown)),
        // Whichever incarnation, and whoever made it: it may be about to take the address over.
        PodSeen::Present(_) => return Err(keep(KeepWhy::NameInUse)),
        PodSeen::Absent => {}
    }
    let Some((name, wanted)) = controller else { return Err(keep(KeepWhy::NoController)) };
    match &case.controller {
        ControllerSeen::NotAsked => ask(Source::Controller),
        ControllerSeen::Unknown => Err(keep(KeepWhy::ControllerUnknown)),
        ControllerSeen::Gone => Ok(First::ControllerGone),
        ControllerSeen::Present { uid: Some(uid), .. } if wanted.is_some_and(|wanted| wanted != uid) => {
            Ok(First::ControllerReplaced)
        }
        ControllerSeen::Present { ordinals, .. } => match ordinal(name, &pod.name) {
            Some(ordinal) if ordinals.contains(ordinal) => Err(keep(KeepWhy::Wanted)),
            _ => Ok(First::Unwanted),
        },
    }
}

/// Whether the second source of rule 15 says that nothing uses the address of `record`.
///
/// # Errors
/// The verdict where it does not: keep, wait, or which source has to be asked.
pub fn second_source(
    record: &Record,
    sandbox: SandboxSeen,
    node: NodeSeen,
    now: Timestamp,
    policy: &SweepPolicy,
) -> Result<Second, Verdict> {
    let silent = match (&record.attachment, sandbox) {
        (Attachment::Detached, _) => return Ok(Second::Detached),
        (Attachment::Container(_), SandboxSeen::NotAsked) => return ask(Source::Sandbox),
        (Attachment::Container(_), SandboxSeen::Gone) => return Ok(Second::SandboxGone),
        (Attachment::Container(_), SandboxSeen::Alive) => {
            return Err(keep(KeepWhy::SandboxAlive { node: record.node.clone() }));
        }
        (Attachment::Container(_), SandboxSeen::NodeSilent) => true,
        // Nobody can be asked about a container that nobody knows.
        (Attachment::Unknown, _) => false,
    };
    match node {
        NodeSeen::NotAsked => ask(Source::Node),
        NodeSeen::Unknown => Err(keep(KeepWhy::NodeUnknown { node: record.node.clone() })),
        NodeSeen::Deleted => Ok(Second::NodeDeleted),
        NodeSeen::Present(facts) => match node_gone(node, policy) {
            Some(second) => Ok(second),
            None if silent => Err(Verdict::Wait {
                until: now.after(policy.node_silence.saturating_sub(facts.silent)),
                why: WaitWhy::NodeSilent { node: record.node.clone() },
            }),
            None => Err(keep(KeepWhy::ContainerUnknown { node: record.node.clone() })),
        },
    }
}

/// Whether a node counts as gone, and why: then it stands for the second source of all that runs on it.
#[must_use]
pub fn node_gone(node: NodeSeen, policy: &SweepPolicy) -> Option<Second> {
    match node {
        NodeSeen::NotAsked | NodeSeen::Unknown => None,
        NodeSeen::Deleted => Some(Second::NodeDeleted),
        NodeSeen::Present(facts) if facts.service == Service::Out => Some(Second::OutOfService),
        NodeSeen::Present(facts) => {
            (facts.silent >= policy.node_silence).then_some(Second::NodeSilent { for_: facts.silent })
        }
    }
}
