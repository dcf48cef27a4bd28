//! What the agent says when it refuses.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why the agent refused, as a word. A word that a reader does not know becomes [`ErrorCode::Other`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum ErrorCode {
    /// Every pool that may serve the pod is full; proven, not guessed.
    Exhausted,
    /// No pool may serve the pod.
    NoPool,
    /// The only free addresses are cooling down; the details say until when.
    Cooling,
    /// The address asked for is held, reserved or outside every pool that may serve the pod.
    AddressTaken,
    /// Something else is going on with these addresses or this owner; repeat the request.
    Busy,
    /// The deadline of the request passed before it could be done.
    Deadline,
    /// Malformed annotation or request.
    WrongInput,
    /// The store cannot be reached, or the agent is starting or stopping.
    Unavailable,
    /// The container or the pod was deleted already.
    Gone,
    /// Nothing is known of what was asked about.
    NotFound,
    /// CHECK: held and expected differ.
    Mismatch,
    /// The request is larger than the agent reads.
    TooLarge,
    /// A defect of the agent; please report it.
    Internal,
    /// A word of a newer agent.
    Other(String),
}

impl ErrorCode {
    const KNOWN: [Self; 13] = [
        Self::Exhausted,
        Self::NoPool,
        Self::Cooling,
        Self::AddressTaken,
        Self::Busy,
        Self::Deadline,
        Self::WrongInput,
        Self::Unavailable,
        Self::Gone,
        Self::NotFound,
        Self::Mismatch,
        Self::TooLarge,
        Self::Internal,
    ];

    /// The word on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Exhausted => "Exhausted",
            Self::NoPool => "NoPool",
            Self::Cooling => "Cooling",
            Self::AddressTaken => "AddressTaken",
            Self::Busy => "Busy",
            Self::Deadline => "Deadline",
            Self::WrongInput => "WrongInput",
            Self::Unavailable => "Unavailable",
            Self::Gone => "Gone",
            Self::NotFound => "NotFound",
            Self::Mismatch => "Mismatch",
            Self::TooLarge => "TooLarge",
            Self::Internal => "Internal",
            Self::Other(word) => word,
        }
    }

    /// The HTTP status that goes with it.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::Exhausted | Self::NoPool | Self::Cooling | Self::AddressTaken | Self::Mismatch => 409,
            Self::Gone => 410,
            Self::TooLarge => 413,
            Self::WrongInput => 422,
            Self::Internal | Self::Other(_) => 500,
            Self::Busy | Self::Unavailable => 503,
            Self::Deadline => 504,
        }
    }

    /// Whether the same request may succeed when it is repeated soon, with nobody doing anything about it.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Cooling | Self::Busy | Self::Deadline | Self::Unavailable)
    }
}

impl From<String> for ErrorCode {
    fn from(word: String) -> Self {
        Self::KNOWN.into_iter().find(|code| code.as_str() == word).unwrap_or(Self::Other(word))
    }
}

impl From<ErrorCode> for String {
    fn from(code: ErrorCode) -> Self {
        code.as_str().to_owned()
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The body of every answer that is not 2xx.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// Why, as a word.
    pub code: ErrorCode,
    /// Names the object and the reason; one line.
    pub message: String,
    /// The next step for a person, or the reason for each candidate.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub details: String,
    /// Whether the same request may succeed when repeated soon.
    #[serde(default)]
    pub retryable: bool,
}

impl ErrorBody {
    /// A refusal; retryable if the code is transient.
    pub fn new(code: ErrorCode, message: impl Into<String>, details: impl Into<String>) -> Self {
        Self { retryable: code.is_transient(), code, message: message.into(), details: details.into() }
    }
}

impl fmt::Display for ErrorBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        if !self.details.is_empty() {
            write!(f, " ({})", self.details)?;
        }
        Ok(())
    }
}

impl std::error::Error for ErrorBody {}
