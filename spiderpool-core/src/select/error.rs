//! Why nothing could be selected.

use std::fmt;

use super::{Facts, PartChoice, Refused, Source};
use crate::{
    addr::{Address, Family},
    api::Violations,
    model::{Application, Families, Slot},
    name::{InterfaceName, ObjectName},
};

/// Why nothing could be selected. Every message says what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// An annotation is wrong.
    #[error("{object} is annotated wrongly: {}", one_line(.found))]
    WrongInput {
        /// The pod or namespace.
        object: String,
        /// Everything that is wrong with the annotation.
        found: Violations,
    },
    /// An annotation for named interfaces has no item for the one that asks.
    #[error("{chosen_by} has no item for interface {interface}, which asks for an address: add one")]
    InterfaceNotNamed {
        /// The interface that asks.
        interface: InterfaceName,
        /// The annotation.
        chosen_by: Source,
    },
    /// An annotation for unnamed interfaces has too few items.
    #[error(
        "pod annotation ipam.spidernet.io/ippools has {items} items, and {interface} is interface number {} of the \
         pod: add items, one per interface",
        .position + 1
    )]
    TooFewItems {
        /// The interface that asks.
        interface: InterfaceName,
        /// Its place, from 0.
        position: u8,
        /// The number of items.
        items: usize,
    },
    /// The source that applies asks for no family that is enabled.
    #[error(
        "{chosen_by} asks for no address for {interface} (enabled: {families}): name a pool of an enabled family"
    )]
    NothingAsked {
        /// The interface that asks.
        interface: InterfaceName,
        /// Where pools could have been named.
        chosen_by: Source,
        /// The enabled families.
        families: Families,
    },
    /// No source names any pool.
    #[error(
        "no pool is chosen for {interface}: name one in the pod's annotation ipam.spidernet.io/ippool, in the \
         defaults of its namespace or in the CNI configuration, or mark one with spec.default: true (enabled: {families})"
    )]
    NothingNamed {
        /// The interface that asks.
        interface: InterfaceName,
        /// The enabled families.
        families: Families,
    },
    /// A Subnet is asked for, and there is no pool for the application.
    #[error("{chosen_by}: {problem}")]
    AutoPool {
        /// The annotation.
        chosen_by: Source,
        /// Why there is none.
        problem: Box<AutoPoolProblem>,
    },
    /// Two addresses of one family are asked for.
    #[error("both {first} and {second} are requested: one address per family can be")]
    RequestedTwice {
        /// The one.
        first: Address,
        /// The other.
        second: Address,
    },
    /// An address is asked for in a family that no pool is chosen for.
    #[error("{address} is requested, but {chosen_by} names no {} pool for {interface}", .address.family())]
    RequestedFamily {
        /// The address.
        address: Address,
        /// The interface that asks.
        interface: InterfaceName,
        /// Where the pools were named.
        chosen_by: Source,
    },
    /// Every pool for some part is refused.
    #[error("{}", nothing_left(.interface, .chosen_by, .parts))]
    NothingLeft {
        /// The interface that asks.
        interface: InterfaceName,
        /// Where the pools were named.
        chosen_by: Source,
        /// The parts for which nothing is left.
        parts: Vec<Emptied>,
    },
}

impl SelectError {
    /// Wrong annotations of the pod.
    pub(super) fn wrong_pod(facts: &Facts<'_>, found: Violations) -> Self {
        let object = facts.pod.map_or_else(|| "the pod".into(), |pod| format!("pod {}", pod.name));
        Self::WrongInput { object, found }
    }

    /// Every pool that was considered, with the reason against it.
    pub fn refused(&self) -> impl Iterator<Item = &Refused> {
        let parts = match self {
            Self::NothingLeft { parts, .. } => parts.as_slice(),
            _ => &[],
        };
        parts.iter().flat_map(|part| &part.refused)
    }
}

/// A part for which every pool is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emptied {
    /// Which interface.
    pub slot: Slot,
    /// Which family.
    pub family: Family,
    /// The address that was asked for.
    pub requested: Option<Address>,
    /// The pools, and why.
    pub refused: Vec<Refused>,
}

impl From<&PartChoice> for Emptied {
    fn from(part: &PartChoice) -> Self {
        let PartChoice { slot, family, requested, refused, .. } = part;
        Self { slot: slot.clone(), family: *family, requested: *requested, refused: refused.clone() }
    }
}

/// Why an application has no pool of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AutoPoolProblem {
    /// The feature is off.
    Disabled,
    /// The pod has no controller that a pool could be made for.
    NoController,
    /// There is no such pool (yet).
    Missing {
        /// Whose.
        application: Application,
        /// Out of which Subnet.
        subnet: ObjectName,
        /// For which interface.
        interface: InterfaceName,
        /// Of which family.
        family: Family,
    },
}

impl fmt::Display for AutoPoolProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => f.write_str(
                "pools for applications are switched off: switch them on, or name a pool with \
                 ipam.spidernet.io/ippool instead",
            ),
            Self::NoController => f.write_str(
                "a pool out of a Subnet belongs to a controller, and this pod has none: run it under one (a \
                 Deployment, say), or name a pool with ipam.spidernet.io/ippool instead",
            ),
            Self::Missing { application, subnet, interface, family } => write!(
                f,
                "there is no {family} pool out of Subnet \"{subnet}\" for {interface} of {application}: it is made \
                 by spiderpool-controller when that application and the Subnet exist; or name a pool with \
                 ipam.spidernet.io/ippool instead"
            ),
        }
    }
}

fn one_line(found: &Violations) -> String {
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn nothing_left(interface: &InterfaceName, source: &Source, parts: &[Emptied]) -> String {
    let part = |part: &Emptied| {
        let interface: &dyn fmt::Display = match &part.slot {
            Slot::Named(name) => name,
            Slot::Indexed(0) => interface,
            slot => slot,
        };
        let wanted = match part.requested {
            Some(address) => format!("pool can grant the requested {address}"),
            None => format!("{} pool is left", part.family),
        };
        let refused: Vec<_> = part.refused.iter().map(ToString::to_string).collect();
        format!("no {wanted} for interface {interface}: {}", refused.join("; "))
    };
    let parts: Vec<_> = parts.iter().map(part).collect();
    format!("{source}: {}", parts.join(". And "))
}
