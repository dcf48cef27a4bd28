//! What cannot be true.

use std::fmt;

use super::Operation;
use crate::addr::Address;

/// Why a history cannot be true.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Violation {
    /// No order of the calls explains an answer.
    Address {
        /// The address.
        address: Address,
        /// The first answer that nothing explains.
        unexplained: Box<Operation>,
        /// The last calls about this address before that answer.
        around: Vec<Operation>,
    },
    /// Addresses were free during all of a refusal.
    Refusal {
        /// The refusal.
        refusal: Box<Operation>,
        /// How many addresses may have been held at its fullest instant.
        held: u128,
        /// How many there are.
        size: u128,
    },
    /// So many calls about one address were under way at once that not all orders were tried. Record fewer clients or
    /// shorter runs.
    Undecided {
        /// The address.
        address: Address,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { address, unexplained, around } => {
                write!(f, "{address}: no order of the calls explains {unexplained}; before it:")?;
                around.iter().try_for_each(|operation| write!(f, "\n  {operation}"))
            }
            Self::Refusal { refusal, held, size } => {
                write!(f, "{refusal}: at no instant were more than {held} of {size} addresses held")
            }
            Self::Undecided { address } => write!(f, "{address}: too many calls at once to try all orders"),
        }
    }
}

impl std::error::Error for Violation {}
