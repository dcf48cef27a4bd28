//! What can be wrong.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How bad a [`Finding`] is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Normal for a while, or by somebody's decision.
    Info,
    /// Does no harm to running pods, but should be put right.
    Warning,
    /// Must be put right.
    Error,
}

/// The kinds of findings.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum FindingKind {
    /// A document cannot be read.
    Damaged,
    /// An object breaks the rules for its form.
    Malformed,
    /// There are blocks, but the scope's own document is missing.
    NoScope,
    /// A block has another size than its scope says.
    BlockSize,
    /// One owner holds two addresses where it may have one.
    DuplicateGrant,
    /// A block's copy of a plan allows something else than the plan.
    CopyDiffers,
    /// A plan does not say what its object says, and no edit is in flight.
    PlanLags,
    /// An edit has been in flight for too long.
    StaleEdit,
    /// A plan belongs to no pool.
    PlanWithoutObject,
    /// An address is held outside its pool.
    RecordOutside,
    /// An address is held from a pool that does not exist.
    UnknownPool,
    /// A stateful owner claims an address that it does not hold.
    ClaimWithoutRecord,
    /// A stateful owner holds an address that it does not claim.
    RecordWithoutClaim,
    /// An endpoint shows something else than its owner holds.
    ViewDiffers,
    /// A Subnet's record differs from what its pools have.
    ControlledDiffers,
    /// Two pools have the same address.
    OverlappingPools,
    /// Two Subnets have the same address.
    OverlappingSubnets,
    /// An edit is in flight.
    PendingEdit,
    /// An object has no plan yet.
    ObjectWithoutPlan,
    /// A block has a copy of a plan that is gone.
    DeadCopy,
    /// An address is held and reserved.
    HeldReserved,
    /// A stateful owner gave its address up and has no other one yet.
    ClaimLeaving,
    /// A pool that is being deleted holds nothing any more.
    DeletionUnfinished,
}

impl FindingKind {
    /// All kinds, the worst first.
    pub const ALL: [Self; 23] = [
        Self::Damaged,
        Self::Malformed,
        Self::NoScope,
        Self::BlockSize,
        Self::DuplicateGrant,
        Self::CopyDiffers,
        Self::PlanLags,
        Self::StaleEdit,
        Self::PlanWithoutObject,
        Self::RecordOutside,
        Self::UnknownPool,
        Self::ClaimWithoutRecord,
        Self::RecordWithoutClaim,
        Self::ViewDiffers,
        Self::ControlledDiffers,
        Self::OverlappingPools,
        Self::OverlappingSubnets,
        Self::PendingEdit,
        Self::ObjectWithoutPlan,
        Self::DeadCopy,
        Self::HeldReserved,
        Self::ClaimLeaving,
        Self::DeletionUnfinished,
    ];

    /// How bad it is.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::Damaged
            | Self::Malformed
            | Self::NoScope
            | Self::BlockSize
            | Self::DuplicateGrant
            | Self::CopyDiffers => Severity::Error,
            Self::PendingEdit
            | Self::ObjectWithoutPlan
            | Self::DeadCopy
            | Self::HeldReserved
            | Self::ClaimLeaving
            | Self::DeletionUnfinished => Severity::Info,
            _ => Severity::Warning,
        }
    }

    /// What it means.
    #[must_use]
    pub fn means(self) -> &'static str {
        match self {
            Self::Damaged => "nothing can be said about this document, nor about what depends on it",
            Self::Malformed => "it offers no address until it is corrected",
            Self::NoScope => {
                "only the blocks say which size they should have; where they differ, no allocator opens the scope"
            }
            Self::BlockSize => "its addresses are looked for elsewhere, so they may be granted twice",
            Self::DuplicateGrant => "one of the two addresses is lost until it is released",
            Self::CopyDiffers => "addresses that the pool does not offer may be granted from this block",
            Self::PlanLags => {
                "what may be granted is not what the object says; the next request or edit settles it"
            }
            Self::StaleEdit => {
                "its editor died; the addresses that it takes away or claims are granted to nobody meanwhile"
            }
            Self::PlanWithoutObject => "the pool is gone; its plan grants nothing and only takes space",
            Self::RecordOutside => {
                "the pool was narrowed past the check; the address stays with its owner and is granted to nobody else"
            }
            Self::UnknownPool => "the pool was deleted past the check; the address stays with its owner",
            Self::ClaimWithoutRecord => {
                "the owner's next start gets this address if it is free then, another one if not"
            }
            Self::RecordWithoutClaim => {
                "the owner keeps the address now, but may get another one at its next start"
            }
            Self::ViewDiffers => "people are shown something wrong; allocation does not look at it",
            Self::ControlledDiffers => {
                "new pools may be refused addresses that are free, or be told late that they are not"
            }
            Self::OverlappingPools => "no address is granted twice, but the counts of both pools contain it",
            Self::OverlappingSubnets => {
                "new pools belong to the first of them by name; the record of the other is not kept"
            }
            Self::PendingEdit => {
                "the addresses that it takes away or claims are granted to nobody until it is done"
            }
            Self::ObjectWithoutPlan => "the first request that needs it makes one",
            Self::DeadCopy => "it grants nothing: no pool has the uid any more",
            Self::HeldReserved => "the address stays with its owner and is granted to nobody afterwards",
            Self::ClaimLeaving => {
                "no pool had an address for it when it last asked; its next start asks again"
            }
            Self::DeletionUnfinished => "it grants nothing and can go",
        }
    }

    /// What to do.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Damaged => {
                "restore it from an export, or delete it by the store's own means if it is only a view"
            }
            Self::Malformed => "apply a corrected version",
            Self::NoScope => {
                "a repair writes it again where all blocks have one size; else stop all agents, export what can be read \
                 and import it into an empty store"
            }
            Self::BlockSize => "stop all agents; export, and import into an empty store",
            Self::DuplicateGrant => "release the address that the pod does not use",
            Self::CopyDiffers => {
                "edit the pool so that the addresses leave it, and back: every block is written then"
            }
            Self::PlanLags | Self::StaleEdit => "apply the object again",
            Self::PlanWithoutObject | Self::DeadCopy => "nothing has to be done; the next tidying removes it",
            Self::RecordOutside => {
                "give the address back to the pool, or delete the pod and let it start again"
            }
            Self::UnknownPool => {
                "delete the pod and let it start again, or release the address if there is no pod"
            }
            Self::ClaimWithoutRecord => {
                "start the pod again, or release its binding if it is not to come back"
            }
            Self::RecordWithoutClaim => "start the pod again: that makes the claim",
            Self::ViewDiffers => "delete the endpoint, or start the pod again: the agent writes it anew",
            Self::ControlledDiffers => "apply the Subnet again",
            Self::OverlappingPools => "take the addresses out of one of the two pools",
            Self::OverlappingSubnets => "delete one of the two Subnets; its pools stay",
            Self::PendingEdit => "wait, or apply the object again",
            Self::ObjectWithoutPlan => "nothing has to be done",
            Self::HeldReserved => {
                "nothing has to be done, or start the pod again so that it gets another address"
            }
            Self::ClaimLeaving => "give its pools free addresses, if the pod waits for one",
            Self::DeletionUnfinished => "delete it again",
        }
    }
}

/// Something that is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// What kind.
    pub kind: FindingKind,
    /// How bad.
    pub severity: Severity,
    /// Which object or address, for people: `pool blue`, `block default/4/a00000`, `10.0.0.1`.
    pub object: String,
    /// What is the case.
    pub what: String,
    /// What it means.
    pub means: String,
    /// What to do.
    pub remedy: String,
}

impl Finding {
    /// A finding of `kind` about `object`.
    pub(super) fn new(kind: FindingKind, object: impl fmt::Display, what: impl Into<String>) -> Self {
        Self {
            kind,
            severity: kind.severity(),
            object: object.to_string(),
            what: what.into(),
            means: kind.means().into(),
            remedy: kind.remedy().into(),
        }
    }

    /// Whether both say the same of the same object; ages in their texts may differ.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.kind == other.kind && self.object == other.object
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

impl fmt::Display for Finding {
    /// `warning: pool blue: …; this means: …; to do: …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, object, what, means, remedy, .. } = self;
        write!(f, "{severity}: {object}: {what}; this means: {means}; to do: {remedy}")
    }
}
