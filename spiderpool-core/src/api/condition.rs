//! `status.conditions`, as Kubernetes' objects carry them (metav1.Condition).

use serde::{Deserialize, Serialize};

/// Whether a condition holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It cannot be told.
    #[default]
    Unknown,
}

/// One condition of an object. Derived like all of `status`: never an input of an allocation.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// Which: `Ready`, `Exhausted`, `Narrowing`, `Overlapping`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why, in one word.
    pub reason: String,
    /// Why, and what to do.
    pub message: String,
    /// RFC 3339; when `status` last became what it is.
    pub last_transition_time: String,
}
