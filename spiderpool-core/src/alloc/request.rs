//! Requests and answers of the [`Allocator`](super::Allocator).

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    addr::{Address, Family},
    model::{Binding, Controller, Owner, Record, Slot},
    name::{ContainerId, InterfaceName, NetworkName, ObjectName, OwnerUid, ScopeName},
    protocol::{Fence, How, PoolRef, Refusal, ReleaseMode, Wait},
    store::StoreError,
};

/// A request for all addresses of a container's interface, or of all its interfaces at once.
#[derive(Clone, Debug)]
pub struct AddRequest {
    /// Whose. One request of an owner runs at a time.
    pub owner: Owner,
    /// The sandbox that uses the addresses (`CNI_CONTAINERID`).
    pub container: ContainerId,
    /// The CNI network.
    pub network: Option<NetworkName>,
    /// The owner's top controller.
    pub controller: Option<Arc<Controller>>,
    /// Whether the addresses outlive the pod. Needs `owner.pod`.
    pub binding: Binding,
    /// What is wanted, in the fixed order of rule 8: interface, then v4, v6. Granted whole or not at all.
    pub parts: Vec<AddPart>,
    /// Not to be answered with a grant after this long.
    pub timeout: Duration,
}

impl AddRequest {
    /// What would give one address two homes, or one key two addresses, is refused before anything is asked.
    pub(super) fn check(&self, scope: &ScopeName) -> Result<(), AddError> {
        if self.parts.is_empty() {
            return Err(AddError::Invalid("the request asks for no address"));
        }
        for (at, part) in self.parts.iter().enumerate() {
            if part.candidates.iter().any(|pool| pool.scope != *scope) {
                return Err(AddError::Invalid("a candidate pool is of another scope than this allocator"));
            }
            if part.candidates.iter().any(|pool| pool.family != part.family) {
                return Err(AddError::Invalid("a candidate pool is of another family than its part"));
            }
            if part.address.is_some_and(|address| address.family() != part.family) {
                return Err(AddError::Invalid("a given address is of another family than its part"));
            }
            let same = |other: &AddPart| other.slot == part.slot && other.family == part.family;
            if self.parts.iter().take(at).any(same) {
                return Err(AddError::Invalid("two parts are for the same interface and family"));
            }
        }
        Ok(())
    }
}

/// One address of an [`AddRequest`].
#[derive(Clone, Debug)]
pub struct AddPart {
    /// Which interface keys the grant.
    pub slot: Slot,
    /// The interface's name, where it is known.
    pub interface: Option<InterfaceName>,
    /// The family.
    pub family: Family,
    /// The pools, in the order in which they are tried.
    pub candidates: Vec<Arc<PoolRef>>,
    /// Only this address.
    pub address: Option<Address>,
}

/// One granted address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Allocation {
    /// Which interface keys the grant.
    pub slot: Slot,
    /// The address.
    pub address: Address,
    /// How it came to be the owner's.
    pub how: How,
    /// What the block says of it.
    pub record: Arc<Record>,
}

/// Why an ADD has no addresses. Nothing that this request granted on free addresses is left behind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// Every candidate pool was tried and is proven to have nothing.
    #[error(
        "no address for {part}: {}",
        .candidates.iter().map(|(pool, why)| format!("pool {pool}: {why}")).collect::<Vec<_>>().join("; ")
    )]
    Refused {
        /// Which part.
        part: PartName,
        /// Why, by candidate and in their order.
        candidates: Vec<(ObjectName, Refusal)>,
    },
    /// Nothing was proven by the deadline. Try again.
    #[error("no address for {part} in time: {why}; try again")]
    Busy {
        /// Which part.
        part: PartName,
        /// What was waited for.
        why: Wait,
    },
    /// The container was deleted before, or while, this request ran (CNI DEL).
    #[error("container {container} was deleted; its ADD is refused")]
    ContainerGone {
        /// Which container.
        container: ContainerId,
    },
    /// The pod of this name is another one, or gone.
    #[error("{owner} has been replaced; its ADD is refused")]
    Replaced {
        /// Who asked.
        owner: Owner,
    },
    /// The request contradicts itself.
    #[error("{0}")]
    Invalid(&'static str),
    /// The store failed in a way that retrying does not mend.
    #[error("the store failed: {0}")]
    Failed(Arc<str>),
}

/// A part, for messages: `IPv4 on eth0`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartName {
    /// The interface.
    pub slot: Slot,
    /// The family.
    pub family: Family,
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.family, self.slot)
    }
}

/// A release.
#[derive(Clone, Debug)]
pub struct DelRequest {
    /// Whose.
    pub owner: OwnerUid,
    /// What the record must match besides owner and interface.
    pub fence: Fence,
    /// Which interface; none: all of them.
    pub interface: Option<InterfaceName>,
    /// How it ends; [`ReleaseMode::Del`] for a CNI DEL.
    pub mode: ReleaseMode,
    /// Not to be begun after this long.
    pub timeout: Duration,
}

/// What a release did. Nothing to do is success.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Freed {
    /// Freed; they cool down where their pool says so.
    pub released: Vec<Address>,
    /// Kept for the owner's name.
    pub detached: Vec<Address>,
}

/// Why a release is not done. What was held may still be held: send it again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DelError {
    /// The store did not answer, or not definitely. Try again.
    #[error("{pending} of the addresses of {owner} are not released yet; try again")]
    Pending {
        /// Whose.
        owner: OwnerUid,
        /// How many.
        pending: usize,
    },
}

/// Why an allocator cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The store failed.
    #[error("the store cannot be used")]
    Store(#[from] StoreError),
    /// The scope was written by a newer version.
    #[error("scope {scope} is in format {found}; this version reads up to {supported}: upgrade it")]
    NewerFormat {
        /// Which scope.
        scope: ScopeName,
        /// The format found.
        found: u32,
        /// The newest format this version reads.
        supported: u32,
    },
    /// The scope's own document is lost, and its blocks do not say which size they should have.
    #[error(
        "scope {scope} has lost its document, which says how large its blocks are, and the blocks do not tell: {why}. \
         Nothing was changed. Restore a backup; or stop all agents, export what can be read (spiderpoolctl export) and \
         import it into an empty store, which cuts the blocks anew. spiderpoolctl fsck names what is wrong"
    )]
    ScopeLost {
        /// Which scope.
        scope: ScopeName,
        /// What its blocks say.
        why: String,
    },
}
