//! Why a call to an agent failed.

use crate::api::ErrorBody;
use std::io;
use std::path::PathBuf;

/// Why a call to an agent failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody listens, or may not be reached. The request was not seen by anyone.
    #[error("no agent listens at {}: {source}; check that spiderpool-agent runs and that this is its --socket", .socket.display())]
    NoAgent {
        /// Where.
        socket: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The connection broke in the middle. The request may have been done.
    #[error("the agent at {} hung up: {source}; repeat the call", .socket.display())]
    HungUp {
        /// Where.
        socket: PathBuf,
        /// Why.
        source: hyper::Error,
    },
    /// What came is not understood.
    #[error("the agent at {} answered something that is not understood: {what}; are both of one release?", .socket.display())]
    Garbled {
        /// Where.
        socket: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The agent refused.
    #[error("{0}")]
    Refused(ErrorBody),
}
