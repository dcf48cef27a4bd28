//! What a repair does.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kinds of actions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ActionKind {
    /// The scope's document was lost; all blocks have one size, so it is written again.
    ScopeRestored,
    /// A block of another size that holds nothing was removed.
    BlockRemoved,
    /// A plan was brought up to what its object says, or made.
    PlanSettled,
    /// The plan of a pool that is gone was removed.
    PlanRemoved,
    /// A deletion that was begun is complete.
    DeletionFinished,
    /// A block's copy of a plan was taken out; the next grant takes a new one.
    CopyDropped,
    /// The record of a Subnet says what its pools have.
    SubnetReconciled,
    /// An address was freed, by the sweep's verdict.
    AddressFreed,
    /// A stateful owner's claim was written for the address that it holds.
    ClaimMade,
    /// An endpoint shows what its owner holds.
    ViewRebuilt,
}

/// One action.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Action {
    /// What kind.
    pub kind: ActionKind,
    /// Of which object or address.
    pub object: String,
    /// What, and why, in words.
    pub what: String,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.what)
    }
}
