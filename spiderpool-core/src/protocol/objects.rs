//! What the objects say: the ranges that a plan should have.

use crate::{
    addr::{Family, IpSet},
    api::{SpiderIPPool, SpiderReservedIP},
    model::{PlanId, Pool, Reservation},
    mutation::Mutation,
    name::Uid,
    store::{Document, Listing, Versioned},
};

/// What a pool offers ([`Pool::usable`]). Nothing of a pool that cannot be read: validation reports that, an
/// allocation does not guess.
#[must_use]
pub fn pool_usable(pool: &SpiderIPPool, family: Family) -> IpSet {
    match Pool::try_from(pool) {
        Ok(pool) if pool.family == family => pool.usable(),
        _ => IpSet::new(family),
    }
}

/// What a reservation takes away from every pool of `family`; nothing once it is terminating.
#[must_use]
pub fn reserved(reservation: &SpiderReservedIP, family: Family) -> IpSet {
    match Reservation::try_from(reservation) {
        Ok(parsed) if parsed.family == family && reservation.metadata.deletion_timestamp.is_none() => {
            parsed.ips
        }
        _ => IpSet::new(family),
    }
}

/// What all reservations leave.
#[must_use]
pub fn unreserved(reservations: &Listing, family: Family) -> IpSet {
    let mut all = IpSet::new(family);
    for item in &reservations.items {
        if let Document::Reservation(reservation) = &item.document {
            all = all.union(&reserved(reservation, family));
        }
    }
    all.complement()
}

/// Whether the plan of the pool `uid` is this pool's.
fn is_of(pool: &SpiderIPPool, uid: &Uid) -> bool {
    pool.metadata.uid.as_deref() == Some(uid.as_str()) || Mutation::PlanOfTheName.active()
}

/// What the pool object read under a plan's name says, for the plan of the pool `uid`: nothing if the name belongs
/// to nobody or to another pool by now.
fn usable_of(found: Option<&Versioned>, uid: &Uid, family: Family) -> IpSet {
    match found.and_then(|versioned| versioned.document.as_pool()) {
        Some(pool) if is_of(pool, uid) => pool_usable(pool, family),
        _ => IpSet::new(family),
    }
}

/// Which plan, of which object.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Subject {
    /// The plan.
    pub plan: PlanId,
    /// The pool's name; none for reservations.
    pub pool: Option<crate::name::ObjectName>,
    /// The family.
    pub family: Family,
}

impl Subject {
    /// The plan of `pool`.
    #[must_use]
    pub fn pool(pool: &super::PoolRef) -> Self {
        Self { plan: pool.plan(), pool: Some(pool.name.clone()), family: pool.family }
    }

    /// The plan of the reservations of `scope` and `family`.
    #[must_use]
    pub fn reservations(scope: &crate::name::ScopeName, family: Family) -> Self {
        Self { plan: PlanId::Reservations(scope.clone(), family), pool: None, family }
    }

    /// The operation that reads the objects behind the plan, all at once.
    #[must_use]
    pub fn read(&self) -> super::Op {
        use crate::store::{Key, Kind, Selector};
        match &self.pool {
            Some(name) => super::Op::Get(Key::Pool(name.clone())),
            None => super::Op::List(Selector::Kind(Kind::Reservation)),
        }
    }
}

/// The objects behind a plan, as read at one instant.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Objects {
    /// The object under the pool's name.
    Pool(Option<Box<Versioned>>),
    /// All reservations.
    Reservations(Box<Listing>),
}

impl Objects {
    /// Takes the reply to [`Subject::read`].
    #[must_use]
    pub fn from_reply(reply: super::Reply) -> Option<Self> {
        match reply {
            super::Reply::Got(found) => Some(Self::Pool(found.map(Box::new))),
            super::Reply::Listed(listing) => Some(Self::Reservations(Box::new(listing))),
            _ => None,
        }
    }

    /// The ranges that the plan should have.
    #[must_use]
    pub fn usable(&self, subject: &Subject) -> IpSet {
        match (self, &subject.plan) {
            (Self::Pool(found), PlanId::Pool(uid)) => usable_of(found.as_deref(), uid, subject.family),
            (Self::Reservations(listing), PlanId::Reservations(..)) => unreserved(listing, subject.family),
            // A plan that was damaged so that it does not name its pool allows nothing.
            (Self::Pool(_), PlanId::Reservations(..)) | (Self::Reservations(_), PlanId::Pool(_)) => {
                IpSet::new(subject.family)
            }
        }
    }

    /// Whether there is an object for the plan at all.
    #[must_use]
    pub fn exist(&self, subject: &Subject) -> bool {
        match (self, &subject.plan) {
            (Self::Pool(Some(found)), PlanId::Pool(uid)) => {
                found.document.as_pool().is_some_and(|pool| is_of(pool, uid))
            }
            (Self::Pool(_), _) | (Self::Reservations(_), PlanId::Pool(_)) => false,
            (Self::Reservations(_), PlanId::Reservations(..)) => true,
        }
    }

    /// The object under `key` as it was read.
    #[must_use]
    pub fn find(&self, key: &crate::store::Key) -> Option<&Versioned> {
        match self {
            Self::Pool(found) => found.as_deref().filter(|versioned| versioned.key == *key),
            Self::Reservations(listing) => listing.items.iter().find(|item| item.key == *key),
        }
    }

    /// The tokens of everything that was read; equal tokens mean that nothing changed in between.
    #[must_use]
    pub fn tokens(&self) -> Vec<(&crate::store::Key, &crate::store::Token)> {
        match self {
            Self::Pool(found) => found.iter().map(|versioned| (&versioned.key, &versioned.token)).collect(),
            Self::Reservations(listing) => {
                listing.items.iter().map(|item| (&item.key, &item.token)).collect()
            }
        }
    }
}
