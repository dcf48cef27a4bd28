//! What a request wants of one block, and what became of it.

use std::{sync::Arc, time::Duration};

use crate::{
    addr::{Address, Family, IpSet},
    model::{Block, GrantKey, PlanId, Pool, Record, Slot},
    name::{ContainerId, NamespacedName, NodeName, ObjectName, ScopeName, Uid},
    store::Token,
    time::{Moment, Timestamp},
};

/// A pool as the protocol needs it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PoolRef {
    /// Its name, for messages and for reading the object.
    pub name: ObjectName,
    /// Its uid, which names its plan.
    pub uid: Uid,
    /// Its scope.
    pub scope: ScopeName,
    /// Its family.
    pub family: Family,
    /// Its addresses as the caller knows them. A hint for finding blocks; what may be granted is decided by the
    /// copies in the blocks.
    pub usable: Arc<IpSet>,
    /// How long a released address rests.
    pub cooldown: Duration,
}

impl PoolRef {
    /// How requests name `pool` in `scope`.
    #[must_use]
    pub fn new(pool: &Pool, scope: ScopeName) -> Self {
        Self {
            name: pool.name.clone(),
            uid: pool.uid.clone(),
            scope,
            family: pool.family,
            usable: Arc::new(pool.usable()),
            cooldown: pool.cooldown,
        }
    }

    /// The id of its plan.
    #[must_use]
    pub fn plan(&self) -> PlanId {
        PlanId::Pool(self.uid.clone())
    }

    /// The id of the plan of the reservations that concern it.
    #[must_use]
    pub fn reservations(&self) -> PlanId {
        PlanId::Reservations(self.scope.clone(), self.family)
    }
}

/// What a request wants of one block.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Intent {
    /// What.
    pub action: Action,
    /// Not to be begun after this.
    pub deadline: Moment,
}

impl Intent {
    /// Whose grant it is about, if it is about one.
    #[must_use]
    pub fn key(&self) -> Option<&GrantKey> {
        match &self.action {
            Action::Grant(grant) => Some(&grant.key),
            Action::Reattach(key, _) | Action::Close(key, _) => Some(key),
            Action::Release(release) => Some(&release.key),
            Action::Withdraw(_) | Action::Probe(_) | Action::Install(_) => None,
        }
    }
}

/// The actions on a block.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// Grant an address of the pool.
    Grant(Grant),
    /// Which address would be granted; writes nothing but copies.
    Probe(Grant),
    /// Answer for the address that the key holds here: the same container (nothing to write) or a newer one of the
    /// same owner.
    Reattach(GrantKey, Arc<Record>),
    /// The container is done with the address that the key holds here.
    Release(Release),
    /// Close an open attempt that was written with this token, or with any (rule 7).
    Close(GrantKey, Option<Token>),
    /// Give an address up: free the owner's own record, or merely bump (rule 9c).
    Withdraw(Withdraw),
    /// Install the present plans (rule 5a.2), also where there is no copy.
    Install(Vec<PlanId>),
}

/// [`Action::Grant`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Grant {
    /// Whose.
    pub key: GrantKey,
    /// The record to write.
    pub record: Arc<Record>,
    /// The pool.
    pub pool: Arc<PoolRef>,
    /// Only this address.
    pub wanted: Option<Address>,
    /// For a stateful owner: the endpoint whose claim must hold `wanted` (rule 9a).
    pub claim: Option<NamespacedName>,
}

/// [`Action::Release`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Release {
    /// Whose.
    pub key: GrantKey,
    /// The fence.
    pub fence: Fence,
    /// What to do with the address.
    pub mode: ReleaseMode,
}

/// What a release must match besides owner uid and interface (rule 6).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Fence {
    /// The record's container.
    Container(ContainerId),
    /// Nothing more: an administrator who named the owner.
    Owner,
    /// This record, at this address, as it was when the sweep or a repair judged it: any change since voids the
    /// judgement.
    Seen(Address, Arc<Record>),
}

/// How a release ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ReleaseMode {
    /// By DEL: freed with cool-down, or detached where the record is stateful.
    Del,
    /// Freed with cool-down, stateful or not.
    Free,
    /// Undone: this request granted it on a free address and answers an error. No cool-down (rule 8).
    Undo,
}

/// [`Action::Withdraw`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Withdraw {
    /// For which interface.
    pub slot: Slot,
    /// The address.
    pub address: Address,
    /// The owner's name: any incarnation's record counts as its own.
    pub pod: NamespacedName,
    /// Why it is given up.
    pub reason: Reason,
}

/// Why an address is given up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reason {
    /// The owner itself takes another one.
    Moving,
    /// The sweep's verdict: nobody wants it. Void if a pod of that name exists.
    Unwanted,
}

/// How an address came to be the key's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum How {
    /// Granted on a free address by this very write.
    New,
    /// It was there, for this container.
    Found,
    /// It was there, for an older container.
    Reattached,
}

/// Why a wanted address cannot be granted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Unusable {
    /// Somebody else holds it.
    Held(Arc<Record>),
    /// The pool does not offer it.
    NotInPool,
    /// A reservation covers it.
    Reserved,
}

/// What became of an intent.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// The key holds this address.
    Granted(Address, How, Arc<Record>),
    /// [`Action::Probe`]: this address would be granted.
    WouldGrant(Address),
    /// Nothing is free here for the pool.
    Full,
    /// All that is free here is cooling until then.
    Cooling(Timestamp),
    /// The wanted address is not to be had.
    Unusable(Unusable),
    /// The pool or the reservations have no plan yet: settle first.
    NoPlan(PlanId),
    /// The claim does not hold the wanted address any more (rule 9a).
    ClaimMoved,
    /// The pod of this name has another uid, or is gone; for [`Reason::Unwanted`]: there is one after all.
    PodReplaced,
    /// Another incarnation's container is still attached (rule 9b).
    Busy(NodeName),
    /// Freed.
    Released(Address),
    /// Detached; the owner's name keeps it.
    Detached(Address),
    /// A newer container has it: nothing to do, and that is success.
    Superseded(Address),
    /// The key holds nothing here.
    Nothing,
    /// [`Action::Withdraw`]: no record of the owner is left, and older tokens are void.
    Withdrawn,
    /// [`Action::Install`]: the block as it stands now; none if it vanished.
    Installed(Option<Arc<Block>>),
    /// The deadline passed before it was done; nothing was written.
    Expired,
    /// The deadline passed and a write carrying this token may still take effect.
    Unresolved(Token),
    /// The store failed; nothing was written.
    Failed(Arc<str>),
}
