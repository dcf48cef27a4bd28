//! What the sweep decides, and why, in words.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::PodPhase;
use crate::{
    addr::Address,
    name::{NodeName, OwnerUid},
    time::Timestamp,
};

/// What is to become of a held address.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Verdict {
    /// It stays.
    Keep {
        /// Why.
        why: KeepWhy,
    },
    /// It stays for now.
    Wait {
        /// Not to be judged anew before then.
        until: Timestamp,
        /// What for.
        why: WaitWhy,
    },
    /// Not decided: this source has to be asked next.
    Ask {
        /// Which.
        next: Source,
    },
    /// Both sources agree: nobody uses it.
    Free {
        /// What the first source says.
        first: First,
        /// What the second one says.
        second: Second,
        /// By which machine.
        how: How,
    },
}

/// The sources, in the order in which they are asked (rules 9d and 15).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// The owner's endpoint, for its claim.
    Claim,
    /// The pod of the owner's name.
    Pod,
    /// The owner's controller.
    Controller,
    /// The container's sandbox.
    Sandbox,
    /// The node.
    Node,
}

/// How an address is freed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum How {
    /// One compare-and-swap that names the record as it was judged (rule 6).
    Release,
    /// The claim is given up in three writes (rule 9c).
    Unbind,
}

/// Why an address stays.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum KeepWhy {
    /// The sweep is switched off.
    SweepOff,
    /// It belongs to a sandbox that no pod stands for, and that is not known to be gone.
    NoPod,
    /// The first source does not answer.
    PodUnknown,
    /// Its pod is there and has not ended.
    PodAlive {
        /// Its phase.
        phase: PodPhase,
    },
    /// It belongs to a static pod, whose mirror object says nothing about its end.
    StaticPod,
    /// Its pod has ended, and pods that have ended in this way are left alone.
    SwitchedOff,
    /// Its pod runs without addresses in its status, and such pods are left alone.
    RunningWithoutAddresses,
    /// It is bound to the owner's name, and a pod of that name exists.
    NameInUse,
    /// What the endpoint claims is not known.
    ClaimUnknown,
    /// It is bound to the owner's name, and no controller is known that could say it is not wanted.
    NoController,
    /// The controller is not known.
    ControllerUnknown,
    /// Its controller wants the owner's name.
    Wanted,
    /// The container's sandbox is there.
    SandboxAlive {
        /// Where.
        node: NodeName,
    },
    /// Nobody knows which container uses it.
    ContainerUnknown {
        /// Which node.
        node: NodeName,
    },
    /// The node does not answer, and nothing says that it is gone.
    NodeUnknown {
        /// Which node.
        node: NodeName,
    },
    /// Its owner holds another address for the same interface; which of them it uses is not clear.
    Ambiguous {
        /// The other one.
        other: Address,
    },
    /// Its owner holds another address for the same interface, and uses this one.
    Used,
}

/// What is waited for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum WaitWhy {
    /// The pod is being deleted and may still end by itself.
    Terminating,
    /// The pod has ended, and its DEL may be on its way.
    Ended,
    /// The node does not answer, but its lease is fresh.
    NodeSilent {
        /// Which node.
        node: NodeName,
    },
    /// Its application does not want it any more, and keeps it for a while.
    Kept,
}

/// Why the first source says that the owner is gone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum First {
    /// No pod stands for its sandbox: a runtime that names none, and no API to ask.
    NoPod,
    /// No pod of that name exists.
    PodAbsent,
    /// The pod of that name is another one.
    PodReplaced {
        /// Its uid, where it has one.
        by: Option<OwnerUid>,
    },
    /// It is being deleted, and its time is over.
    Terminated {
        /// Since when.
        since: Timestamp,
    },
    /// It is being deleted and shows no address any more.
    TerminatedWithoutAddresses,
    /// It has ended.
    Ended {
        /// How.
        phase: PodPhase,
        /// Since when it counts.
        since: Timestamp,
    },
    /// It shows no address, and the policy takes that for its end.
    ShowsNothing {
        /// Its phase.
        phase: PodPhase,
    },
    /// Neither a pod of that name nor its controller exists.
    ControllerGone,
    /// No pod of that name exists, and the controller of that name is another one.
    ControllerReplaced,
    /// No pod of that name exists, and its controller does not want it.
    Unwanted,
    /// The owner's claim names another address.
    ClaimedElsewhere {
        /// Which.
        address: Address,
    },
    /// The owner holds another address for the same interface, and uses that one.
    Superseded {
        /// Which.
        by: Address,
    },
}

/// Why the second source says that nothing uses the address.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Second {
    /// The container's sandbox is gone.
    SandboxGone,
    /// The node is not there any more.
    NodeDeleted,
    /// The node is out of service.
    OutOfService,
    /// The node has been silent for too long: a decision, not a proof.
    NodeSilent {
        /// For how long.
        #[serde(with = "seconds")]
        for_: Duration,
    },
    /// No container is attached.
    Detached,
    /// Its endpoint and its status show the other address, and not this one.
    NotShown,
}

mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(duration.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}

impl Verdict {
    /// Whether the address is to be freed.
    #[must_use]
    pub fn frees(&self) -> bool {
        matches!(self, Self::Free { .. })
    }

    /// Why, in words: `no pod of that name exists, and its sandbox is gone`.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Keep { why } => why.to_string(),
            Self::Wait { why, .. } => why.to_string(),
            Self::Ask { next } => format!("{next} has to be asked"),
            Self::Free { first, second, .. } => format!("{first}, and {second}"),
        }
    }
}

impl fmt::Display for Verdict {
    /// One line for a person: `free: no pod of that name exists, and its sandbox is gone`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep { .. } => f.write_str("keep")?,
            Self::Wait { until, .. } => write!(f, "wait until {until}")?,
            Self::Ask { .. } => f.write_str("not decided")?,
            Self::Free { .. } => f.write_str("free")?,
        }
        write!(f, ": {}", self.reason())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Claim => "its endpoint",
            Self::Pod => "its pod",
            Self::Controller => "its controller",
            Self::Sandbox => "its sandbox",
            Self::Node => "its node",
        })
    }
}

fn in_words(phase: PodPhase) -> &'static str {
    match phase {
        PodPhase::Pending => "has not started yet",
        PodPhase::Running => "runs",
        PodPhase::Succeeded => "has run to completion",
        PodPhase::Failed => "has failed",
        PodPhase::Evicted => "was evicted",
        PodPhase::Unknown => "is in an unknown state",
    }
}

impl fmt::Display for KeepWhy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SweepOff => f.write_str("the sweep is switched off"),
            Self::NoPod => {
                f.write_str("no pod stands for its sandbox, and nothing says that the sandbox is gone")
            }
            Self::PodUnknown => f.write_str("whether its pod exists is not known"),
            Self::PodAlive { phase } => write!(f, "its pod {}", in_words(*phase)),
            Self::StaticPod => {
                f.write_str("it belongs to a static pod, which ends with its file, not with its object")
            }
            Self::SwitchedOff => f.write_str("its pod has ended, and the settings leave such pods alone"),
            Self::RunningWithoutAddresses => f.write_str(
                "its pod runs without an address in its status, and the settings leave such pods alone",
            ),
            Self::NameInUse => f.write_str("it is bound to its owner's name, and a pod of that name exists"),
            Self::ClaimUnknown => {
                f.write_str("it is bound to its owner's name, and its endpoint cannot be read")
            }
            Self::NoController => f.write_str(
                "it is bound to its owner's name, and no controller is known that could give it up",
            ),
            Self::ControllerUnknown => f.write_str("whether its controller wants it is not known"),
            Self::Wanted => f.write_str("its controller wants its owner's name"),
            Self::SandboxAlive { node } => write!(f, "the sandbox of its container is there, on node {node}"),
            Self::ContainerUnknown { node } => {
                write!(f, "nobody knows which container uses it on node {node}")
            }
            Self::NodeUnknown { node } => {
                write!(f, "node {node} does not answer, and nothing says that it is gone")
            }
            Self::Ambiguous { other } => {
                write!(
                    f,
                    "its owner holds {other} for the same interface too, and it is not clear which one it uses"
                )
            }
            Self::Used => f.write_str("its owner uses it"),
        }
    }
}

impl fmt::Display for WaitWhy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Terminating => f.write_str("its pod is being deleted and may still end by itself"),
            Self::Ended => f.write_str("its pod has ended, and its release may be on its way"),
            Self::Kept => f.write_str(
                "its application does not want its owner's name, and keeps its address for a while",
            ),
            Self::NodeSilent { node } => write!(f, "node {node} does not answer, but its lease is fresh"),
        }
    }
}

impl First {
    /// In one word, as a label of figures.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::NoPod => "no_pod",
            Self::PodAbsent => "pod_absent",
            Self::PodReplaced { .. } => "pod_replaced",
            Self::Terminated { .. } => "terminated",
            Self::TerminatedWithoutAddresses => "terminated_without_addresses",
            Self::Ended { .. } => "ended",
            Self::ShowsNothing { .. } => "shows_nothing",
            Self::ControllerGone => "controller_gone",
            Self::ControllerReplaced => "controller_replaced",
            Self::Unwanted => "unwanted",
            Self::ClaimedElsewhere { .. } => "claimed_elsewhere",
            Self::Superseded { .. } => "superseded",
        }
    }
}

impl fmt::Display for First {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPod => f.write_str("no pod stands for its sandbox"),
            Self::PodAbsent => f.write_str("no pod of that name exists"),
            Self::PodReplaced { by: Some(by) } => write!(f, "the pod of that name is another one (uid {by})"),
            Self::PodReplaced { by: None } => f.write_str("the pod of that name is another one"),
            Self::Terminated { since } => write!(f, "its pod was to end by {since}"),
            Self::TerminatedWithoutAddresses => {
                f.write_str("its pod is being deleted and shows no address any more")
            }
            Self::Ended { phase, since } => {
                write!(f, "its pod {}, which counts since {since}", in_words(*phase))
            }
            Self::ShowsNothing { phase } => write!(f, "its pod {} and shows no address", in_words(*phase)),
            Self::ControllerGone => f.write_str("neither a pod of that name nor its controller exists"),
            Self::ControllerReplaced => {
                f.write_str("no pod of that name exists, and the controller of that name is another one")
            }
            Self::Unwanted => f.write_str("no pod of that name exists, and its controller wants none"),
            Self::ClaimedElsewhere { address } => write!(f, "its owner's name is bound to {address} instead"),
            Self::Superseded { by } => write!(f, "its owner uses {by} for the same interface instead"),
        }
    }
}

impl fmt::Display for Second {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SandboxGone => f.write_str("the sandbox of its container is gone"),
            Self::NodeDeleted => f.write_str("its node is not there any more"),
            Self::OutOfService => f.write_str("its node is out of service"),
            Self::NodeSilent { for_ } => write!(f, "its node has been silent for {} s", for_.as_secs()),
            Self::Detached => f.write_str("no container is attached"),
            Self::NotShown => f.write_str("neither its endpoint nor its status shows it"),
        }
    }
}
