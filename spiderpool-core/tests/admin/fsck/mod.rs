//! What `fsck` finds: each planted damage and nothing else, and nothing in a store that is well.

mod clean;
pub(crate) mod damaged;
pub(crate) mod planted;
