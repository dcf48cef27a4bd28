//! A scope: one address space. The same private range may exist once in each.

use serde::{Deserialize, Serialize};

use super::BlockBits;
use crate::name::ScopeName;

/// The stored format that this version writes. Older ones stay readable for ever; newer ones are refused.
pub const FORMAT: u32 = 1;

/// What is fixed for a whole scope. Created once, by compare-and-swap; changed only by export and import.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// Which scope.
    pub name: ScopeName,
    /// The size of its blocks.
    pub block_bits: BlockBits,
    /// The format that all writers use.
    pub format: u32,
}
