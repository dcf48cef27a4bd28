//! Plans: the ranges in force of one pool, or of all reservations of a scope and family.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    addr::{Family, IpSet},
    name::{NameError, ObjectName, ScopeName, Uid},
    store::{Key, Token},
    time::Timestamp,
};

/// Which plan.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum PlanId {
    /// The plan of the pool with this uid.
    Pool(Uid),
    /// The plan of all reservations; its usable addresses are those that nobody reserved.
    Reservations(ScopeName, Family),
}

impl fmt::Display for PlanId {
    /// `pool:UID` or `reservations:SCOPE:4`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool(uid) => write!(f, "pool:{uid}"),
            Self::Reservations(scope, family) => write!(f, "reservations:{scope}:{}", family.number()),
        }
    }
}

/// A text that names no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanIdError {
    /// Not of either form.
    #[error("{0:?} is neither pool:UID nor reservations:SCOPE:4 or :6")]
    Form(String),
    /// A part of it is not a name.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl FromStr for PlanId {
    type Err = PlanIdError;

    fn from_str(text: &str) -> Result<Self, PlanIdError> {
        if let Some(uid) = text.strip_prefix("pool:") {
            return Ok(Self::Pool(Uid::new(uid)?));
        }
        match text.strip_prefix("reservations:").and_then(|rest| rest.rsplit_once(':')) {
            Some((scope, "4")) => Ok(Self::Reservations(ScopeName::new(scope)?, Family::V4)),
            Some((scope, "6")) => Ok(Self::Reservations(ScopeName::new(scope)?, Family::V6)),
            _ => Err(PlanIdError::Form(text.chars().take(80).collect())),
        }
    }
}

impl Serialize for PlanId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PlanId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Which version of a plan's ranges. Compared for equality only: a plan that was lost and made again has another
/// birth, so its numbers say nothing about the old one's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Epoch {
    /// Drawn at random when the plan was made.
    pub birth: u64,
    /// One more whenever the ranges change.
    pub n: u64,
}

/// An edit that was admitted, or is being judged, and whose object has not been seen with another token since.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// Drawn at random by the editor.
    pub edit: String,
    /// The pool or reservation that is edited.
    pub object: Key,
    /// The object's token that the edit was judged against; none for a creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Token>,
    /// For a creation, the uid that the object will have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creates: Option<String>,
    /// The addresses that the edit takes away.
    pub removed: IpSet,
    /// When it was entered, by the editor's clock. Only the grace period before a fence rests on it.
    pub since: Timestamp,
}

/// The ranges in force, and the edits in flight. Written by compare-and-swap only.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Which plan.
    pub id: PlanId,
    /// The pool's name; none for reservations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<ObjectName>,
    /// Changes whenever `usable` does.
    pub epoch: Epoch,
    /// What may be granted, as far as this plan is concerned.
    pub usable: IpSet,
    /// Edits in flight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<Pending>,
}

impl Plan {
    /// A plan that allows nothing yet.
    #[must_use]
    pub fn empty(id: PlanId, pool: Option<ObjectName>, family: Family, birth: u64) -> Self {
        Self { id, pool, epoch: Epoch { birth, n: 0 }, usable: IpSet::new(family), pending: Vec::new() }
    }

    /// The same plan with other ranges: the epoch moves if and only if they differ.
    pub fn set_usable(&mut self, usable: IpSet) {
        if usable != self.usable {
            self.usable = usable;
            self.epoch.n += 1;
        }
    }
}
