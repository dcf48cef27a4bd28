//! What an edit comes to.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Taken;
use crate::{
    api::Violations,
    name::ObjectName,
    protocol::{Holder, Run},
    store::{Key, StoreError},
    validate::shown,
};

/// Whether an edit is carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// It is.
    #[default]
    Real,
    /// It is judged; nothing is written.
    DryRun,
}

impl From<Mode> for Run {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Real => Self::Real,
            Mode::DryRun => Self::Dry,
        }
    }
}

/// How a pool or subnet is deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Deletion {
    /// Refused while addresses are held.
    #[default]
    Guarded,
    /// It terminates: it grants nothing any more, and is gone once its last address is released.
    Terminate,
}

/// What was done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "camelCase")]
#[non_exhaustive]
pub enum Applied {
    /// A new object.
    Created {
        /// Things to know, in words.
        warnings: Vec<String>,
    },
    /// A changed object.
    Configured {
        /// Things to know, in words.
        warnings: Vec<String>,
    },
    /// It was so already.
    Unchanged,
    /// It is gone.
    Deleted,
    /// It grants nothing any more and goes with its last address.
    Terminating {
        /// Who holds addresses.
        holders: Vec<Holder>,
    },
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created { .. } => "created",
            Self::Configured { .. } => "configured",
            Self::Unchanged => "unchanged",
            Self::Deleted => "deleted",
            Self::Terminating { .. } => "terminating",
        })
    }
}

/// Names the first holders, and how many more there are.
pub(super) fn list_holders(holders: &[Holder]) -> String {
    const SHOWN: usize = 5;
    let mut text: Vec<String> = holders
        .iter()
        .take(SHOWN)
        .map(|holder| format!("{} by {}", holder.address, holder.record.owner))
        .collect();
    if holders.len() > SHOWN {
        text.push(format!("and {} more", holders.len() - SHOWN));
    }
    text.join(", ")
}

/// Names the pools that have the addresses, and which.
fn list_taken(others: &[Taken]) -> String {
    let one = |taken: &Taken| {
        let Taken { pool, ips, since } = taken;
        match since {
            None => format!("{} of pool {pool}", shown(ips)),
            Some(since) => format!("{} which pool {pool} is claiming since {since}", shown(ips)),
        }
    };
    others.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Why an edit was not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The object breaks rules; all violations are listed.
    #[error("{object} is refused: {violations}")]
    Invalid {
        /// Which object.
        object: Key,
        /// What is wrong, with field paths.
        violations: Violations,
    },
    /// The object has no name, or one that is none.
    #[error("metadata.name: {0}")]
    Name(#[source] crate::name::NameError),
    /// Addresses that would leave are held.
    #[error("{object} is refused: it would lose addresses that are held: {}; release them first", list_holders(.holders))]
    Held {
        /// Which object.
        object: Key,
        /// Who holds which address.
        holders: Vec<Holder>,
    },
    /// Another pool has some of the addresses, by the record of the Subnet that both belong to.
    #[error("pool {pool} is refused: in subnet {subnet} it would take {}", list_taken(.others))]
    Taken {
        /// Which pool was to have them.
        pool: ObjectName,
        /// The Subnet.
        subnet: ObjectName,
        /// Who has what.
        others: Vec<Taken>,
    },
    /// Pools take their addresses from the subnet.
    #[error("{object} is refused: pools take addresses from it: {}; delete them first", list_taken(.others))]
    InUse {
        /// Which object.
        object: Key,
        /// Which pools, and what they take.
        others: Vec<Taken>,
    },
    /// The budget for this edit is spent; what was done counts.
    #[error("{object} is being edited: {done} of {of} blocks are done; apply the same edit again")]
    InProgress {
        /// Which object.
        object: Key,
        /// Blocks done.
        done: usize,
        /// Blocks to do.
        of: usize,
    },
    /// Somebody else keeps changing it.
    #[error("{object} was changed by somebody else again and again; apply the edit again")]
    Contended {
        /// Which object.
        object: Key,
    },
    /// There is no such object.
    #[error("{object} does not exist")]
    NotFound {
        /// Which object.
        object: Key,
    },
    /// The object is being deleted.
    #[error("{object} is being deleted; wait until it is gone, or choose another name")]
    Terminating {
        /// Which object.
        object: Key,
    },
    /// Objects of this kind, or in this state, are not edited this way.
    #[error("{object} cannot be edited: {why}")]
    NotApplied {
        /// Which object.
        object: Key,
        /// Why, and what to do instead.
        why: &'static str,
    },
    /// The store failed. An edit that was interrupted is resolved by applying it again.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
}
