//! What is wrong with an object, field by field.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of a [`Violation`], in the words of the Kubernetes API.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum ViolationKind {
    /// The value is wrong in itself.
    Invalid,
    /// The value is well-formed but not allowed here, or not any more.
    Forbidden,
    /// The value is missing.
    Required,
    /// The value is not one of those that exist.
    NotSupported,
    /// The value is there already.
    Duplicate,
}

impl fmt::Display for ViolationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Invalid => "invalid",
            Self::Forbidden => "forbidden",
            Self::Required => "required",
            Self::NotSupported => "not supported",
            Self::Duplicate => "duplicate",
        })
    }
}

/// One thing that is wrong with an object.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Violation {
    /// Where, as `spec.ips[2]`.
    pub field: String,
    /// What kind of wrong.
    pub kind: ViolationKind,
    /// What is wrong and what to do about it.
    pub message: String,
}

impl fmt::Display for Violation {
    /// `spec.ips[2] (invalid): …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.field, self.kind, self.message)
    }
}

/// Everything that is wrong with an object, in the order of its fields.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Nothing wrong so far.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a violation of `field`.
    pub fn add(&mut self, kind: ViolationKind, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(Violation { field: field.into(), kind, message: message.into() });
    }

    /// Adds what is wrong in itself.
    pub fn invalid(&mut self, field: impl Into<String>, message: impl fmt::Display) {
        self.add(ViolationKind::Invalid, field, message.to_string());
    }

    /// Adds what is not allowed.
    pub fn forbidden(&mut self, field: impl Into<String>, message: impl fmt::Display) {
        self.add(ViolationKind::Forbidden, field, message.to_string());
    }

    /// Adds all of `others`.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The violations.
    pub fn iter(&self) -> std::slice::Iter<'_, Violation> {
        self.0.iter()
    }

    /// `value` if nothing is wrong.
    ///
    /// # Errors
    /// All violations, if there are any.
    pub fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl<'a> IntoIterator for &'a Violations {
    type Item = &'a Violation;
    type IntoIter = std::slice::Iter<'a, Violation>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Violations {
    /// One violation per line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, violation) in self.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{violation}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}
