//! Why a step did not succeed: it failed, or it could not even start.

use std::fmt;

/// Why a step did not succeed.
///
/// The two are kept apart because a missing tool is a skip on a developer's machine and a failure in CI, while a
/// failure is a failure everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The step ran, or tried to, and something is wrong with the project.
    Failed(String),
    /// The step could not run for want of a tool.
    Missing {
        /// The tool or package, as a person would name it.
        what: String,
        /// The exact command that gets it.
        remedy: String,
    },
}

impl Problem {
    /// A failure with this reason.
    pub(crate) fn failed(reason: impl Into<String>) -> Self {
        Self::Failed(reason.into())
    }
}

impl From<spiderpool_testbed::Problem> for Problem {
    fn from(problem: spiderpool_testbed::Problem) -> Self {
        match problem {
            spiderpool_testbed::Problem::Missing { what, remedy } => Self::Missing { what, remedy },
            spiderpool_testbed::Problem::Failed(reason) => Self::Failed(reason),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(reason) => f.write_str(reason),
            Self::Missing { what, remedy } => write!(f, "{what} is missing; get it with: {remedy}"),
        }
    }
}
