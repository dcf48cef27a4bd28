//! Why a server is not there.

use std::fmt;

/// Why a server is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A tool is missing: a skip on a developer's machine, a failure in CI.
    Missing {
        /// The tool.
        what: String,
        /// How to get it.
        remedy: String,
    },
    /// It was tried and did not work.
    Failed(String),
}

impl Problem {
    pub(crate) fn failed(reason: impl Into<String>) -> Self {
        Self::Failed(reason.into())
    }

    /// For `map_err` on what the system refused.
    pub(crate) fn system(what: impl fmt::Display) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::Failed(format!("{what}: {error}"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { what, remedy } => write!(f, "{what} is missing; get it with: {remedy}"),
            Self::Failed(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Problem {}
