use std::fmt;

use serde::{Deserialize, Serialize};

use super::RangeError;

/// An address family. Written in documents as the number `4` or `6`.
///
/// ```
/// use spiderpool_core::addr::Family;
///
/// assert_eq!(Family::V4.bits(), 32);
/// assert_eq!(Family::V6.max(), u128::MAX);
/// assert_eq!(Family::V6.to_string(), "IPv6");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub enum Family {
    /// IPv4, 32 bits.
    V4,
    /// IPv6, 128 bits.
    V6,
}

impl Family {
    /// The length of an address in bits: 32 or 128.
    pub const fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }

    /// The value of the highest address of the family.
    pub const fn max(self) -> u128 {
        match self {
            Self::V4 => u32::MAX as u128,
            Self::V6 => u128::MAX,
        }
    }

    /// The number of the family, 4 or 6, as in upstream's `ipVersion`.
    pub const fn number(self) -> u8 {
        match self {
            Self::V4 => 4,
            Self::V6 => 6,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

impl TryFrom<u64> for Family {
    type Error = RangeError;

    fn try_from(number: u64) -> Result<Self, RangeError> {
        match number {
            4 => Ok(Self::V4),
            6 => Ok(Self::V6),
            _ => Err(RangeError::UnknownFamily { number }),
        }
    }
}

impl From<Family> for u64 {
    fn from(family: Family) -> Self {
        family.number().into()
    }
}
