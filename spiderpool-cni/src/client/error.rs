//! Why a call to an agent failed.

use super::ApiAddress;
use crate::api::ErrorBody;
use std::io;

/// Why a call to an agent failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody listens, or may not be reached. The request was not seen by anyone.
    #[error("no agent listens at {at}: {source}; {}", .at.remedy())]
    NoAgent {
        /// Where.
        at: ApiAddress,
        /// Why.
        source: io::Error,
    },
    /// The connection broke in the middle. The request may have been done.
    #[error("the agent at {at} hung up: {source}; repeat the call")]
    HungUp {
        /// Where.
        at: ApiAddress,
        /// Why.
        source: hyper::Error,
    },
    /// What came is not understood.
    #[error("the agent at {at} answered something that is not understood: {what}; are both of one release?")]
    Garbled {
        /// Where.
        at: ApiAddress,
        /// What is wrong.
        what: String,
    },
    /// The agent refused.
    #[error("{0}")]
    Refused(ErrorBody),
}
