//! Why it fails, as CNI has it.

use std::{fmt, io};

use serde_json::{Value, json};

/// An error result.
#[derive(Debug)]
pub(crate) struct Refusal(Value);

impl Refusal {
    pub(crate) fn new(code: u32, msg: impl Into<String>) -> Self {
        Self(json!({"cniVersion": "1.0.0", "code": code, "msg": msg.into()}))
    }

    /// What another plugin said.
    pub(crate) fn handed_on(said: Value) -> Self {
        Self(said)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::new(5, error.to_string())
    }
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        Self::new(6, error.to_string())
    }
}
