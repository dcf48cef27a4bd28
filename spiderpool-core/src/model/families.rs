//! Which address families are in use.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::addr::Family;

/// The enabled families: at least one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum Families {
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
    /// Both.
    #[default]
    Both,
}

impl Families {
    /// Whether `family` is enabled.
    #[must_use]
    pub const fn contains(self, family: Family) -> bool {
        !matches!((self, family), (Self::V4, Family::V6) | (Self::V6, Family::V4))
    }

    /// The enabled families, IPv4 first.
    pub fn iter(self) -> impl Iterator<Item = Family> {
        [Family::V4, Family::V6].into_iter().filter(move |family| self.contains(*family))
    }
}

impl fmt::Display for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
            Self::Both => "IPv4 and IPv6",
        })
    }
}
