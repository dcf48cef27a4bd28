//! What the sources said, as plain values.

use std::time::Duration;

use super::{NodeFacts, PodFacts};
use crate::{addr::Address, name::Uid, select::Ordinals};

/// The first source: the pod of the owner's name, read linearizably after the block.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum PodSeen {
    /// Nobody asked yet.
    #[default]
    NotAsked,
    /// The source does not answer, or cannot tell.
    Unknown,
    /// There is no pod of that name.
    Absent,
    /// There is one; whether it is the owner, its uid tells.
    Present(PodFacts),
}

/// The second source: the sandbox of the record's container, as its node says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum SandboxSeen {
    /// Nobody asked yet.
    #[default]
    NotAsked,
    /// Its network namespace is gone, no request of it runs, and none will: its container is marked gone.
    Gone,
    /// It is there, or the node cannot tell.
    Alive,
    /// The node does not answer.
    NodeSilent,
}

/// What stands for the second source where the node does not answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum NodeSeen {
    /// Nobody asked yet.
    #[default]
    NotAsked,
    /// Not known, or nodes are not declared here.
    Unknown,
    /// There is no such node any more.
    Deleted,
    /// It is declared.
    Present(NodeFacts),
}

/// The controller that a stateful binding hangs on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum ControllerSeen {
    /// Nobody asked yet.
    #[default]
    NotAsked,
    /// The source does not answer.
    Unknown,
    /// There is none of that name.
    Gone,
    /// There is one.
    Present {
        /// Its uid; one re-created under its name wants nothing of the old one's.
        uid: Option<Uid>,
        /// The ordinals that it runs.
        ordinals: Ordinals,
        /// How long it keeps the addresses of pods that it does not want any more.
        keep: Duration,
    },
}

/// What a stateful owner's endpoint claims for the record's interface and family.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ClaimSeen {
    /// Nobody asked yet.
    #[default]
    NotAsked,
    /// It cannot be read.
    Unknown,
    /// Nothing.
    None,
    /// The record's address, held or being given up.
    This,
    /// Another address.
    Other(Address),
}
