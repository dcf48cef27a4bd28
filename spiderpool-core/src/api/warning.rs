//! What does no harm but is probably not meant.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something in an object that was read but has no effect, or another one than it looks.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Warning {
    /// Where, as `spec.ipz` or `metadata.annotations[ipam.spidernet.io/ippool]`.
    pub field: String,
    /// What about it.
    pub message: String,
}

impl Warning {
    /// A warning about `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}
