//! `/v1/store`: the agent's store, offered to `spiderpoolctl`, as the store of [`spiderpool_core::store`] is.
//!
//! A database that only one process may open stays usable while an agent holds it.

use serde::{Deserialize, Serialize};
use spiderpool_core::store::{Change, Document, Key, Position, Selector, StoreError, Token, Versioned};

/// POST `/v1/store/get`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreGet {
    /// Which document.
    pub key: Key,
}

/// The answer to a get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreGot {
    /// The document; `null` if there is none.
    pub found: Option<Versioned>,
}

/// POST `/v1/store/list`; the answer is a [`spiderpool_core::store::Listing`]. POST `/v1/store/tokens`; the answer is a list
/// of keys, each with its token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreList {
    /// Which documents.
    pub selector: Selector,
}

/// POST `/v1/store/write`: one compare-and-swap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "camelCase")]
pub enum StoreWrite {
    /// Creates a document where none is.
    Create {
        /// Where.
        key: Key,
        /// What.
        document: Document,
    },
    /// Replaces a document that has this token.
    Update {
        /// Where.
        key: Key,
        /// The token it must have.
        token: Token,
        /// What.
        document: Document,
    },
    /// Deletes a document that has this token.
    Delete {
        /// Where.
        key: Key,
        /// The token it must have.
        token: Token,
    },
}

/// The answer to a write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreWritten {
    /// The document's new token; `null` after a deletion.
    pub token: Option<Token>,
}

/// POST `/v1/store/watch`; the answer is a line of JSON, a [`StoreEvent`], for each change, without end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreWatch {
    /// Which documents.
    pub selector: Selector,
    /// The position of a listing or of an earlier change.
    pub from: Position,
}

/// One line of a watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StoreEvent {
    /// A change, and the position behind it.
    Changed(Change, Position),
    /// The watch is over.
    Failed(StoreFailure),
}

/// A [`StoreError`] on the wire: the body of an answer of `/v1/store` that is not 2xx.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "storeError", rename_all = "camelCase")]
pub enum StoreFailure {
    /// [`StoreError::Conflict`].
    Conflict {
        /// Which document.
        key: Key,
    },
    /// [`StoreError::AlreadyExists`].
    AlreadyExists {
        /// Which document.
        key: Key,
    },
    /// [`StoreError::NotFound`].
    NotFound {
        /// Which document.
        key: Key,
    },
    /// [`StoreError::Stopped`].
    Stopped {
        /// What happened and what to do.
        message: String,
    },
    /// [`StoreError::Unavailable`].
    Unavailable {
        /// What happened.
        message: String,
    },
    /// [`StoreError::UnknownOutcome`].
    UnknownOutcome {
        /// What happened.
        message: String,
    },
    /// [`StoreError::TooLarge`].
    TooLarge {
        /// Which document.
        key: Key,
        /// Its size.
        bytes: usize,
        /// The largest size.
        limit: usize,
    },
    /// [`StoreError::Refused`].
    Refused {
        /// Which document.
        key: Key,
        /// Why.
        message: String,
    },
    /// [`StoreError::Damaged`].
    Damaged {
        /// What is damaged.
        what: String,
        /// How.
        message: String,
    },
    /// [`StoreError::NewerFormat`].
    NewerFormat {
        /// What is newer.
        what: String,
        /// The format found.
        found: u32,
        /// The newest format that is read.
        supported: u32,
    },
    /// [`StoreError::Expired`].
    Expired,
    /// [`StoreError::Unsupported`].
    Unsupported {
        /// What was asked.
        what: String,
    },
}

impl StoreFailure {
    /// The HTTP status that goes with it.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::NotFound { .. } => 404,
            Self::Conflict { .. } | Self::AlreadyExists { .. } => 409,
            Self::Expired => 410,
            Self::TooLarge { .. } => 413,
            Self::Refused { .. } => 422,
            Self::Damaged { .. } | Self::NewerFormat { .. } => 500,
            Self::Unsupported { .. } => 501,
            Self::Stopped { .. } | Self::Unavailable { .. } | Self::UnknownOutcome { .. } => 503,
        }
    }
}

impl From<StoreError> for StoreFailure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { key } => Self::Conflict { key },
            StoreError::AlreadyExists { key } => Self::AlreadyExists { key },
            StoreError::NotFound { key } => Self::NotFound { key },
            StoreError::Stopped { message } => Self::Stopped { message },
            StoreError::Unavailable { message, .. } => Self::Unavailable { message },
            StoreError::UnknownOutcome { message, .. } => Self::UnknownOutcome { message },
            StoreError::TooLarge { key, bytes, limit } => Self::TooLarge { key, bytes, limit },
            StoreError::Refused { key, message } => Self::Refused { key: *key, message },
            StoreError::Damaged { what, message } => Self::Damaged { what, message },
            StoreError::NewerFormat { what, found, supported } => {
                Self::NewerFormat { what, found, supported }
            }
            StoreError::Expired => Self::Expired,
            StoreError::Unsupported { what } => Self::Unsupported { what: what.into() },
            // An error of a newer core: the careful reading is that the write may have taken effect.
            other => Self::UnknownOutcome { message: other.to_string() },
        }
    }
}

impl From<StoreFailure> for StoreError {
    fn from(failure: StoreFailure) -> Self {
        match failure {
            StoreFailure::Conflict { key } => Self::Conflict { key },
            StoreFailure::AlreadyExists { key } => Self::AlreadyExists { key },
            StoreFailure::NotFound { key } => Self::NotFound { key },
            StoreFailure::Stopped { message } => Self::Stopped { message },
            StoreFailure::Unavailable { message } => Self::unavailable(message),
            StoreFailure::UnknownOutcome { message } => Self::unknown(message),
            StoreFailure::TooLarge { key, bytes, limit } => Self::TooLarge { key, bytes, limit },
            StoreFailure::Refused { key, message } => Self::Refused { key: key.into(), message },
            StoreFailure::Damaged { what, message } => Self::Damaged { what, message },
            StoreFailure::NewerFormat { what, found, supported } => {
                Self::NewerFormat { what, found, supported }
            }
            StoreFailure::Expired => Self::Expired,
            StoreFailure::Unsupported { .. } => Self::Unsupported { what: "this (the agent's store)" },
        }
    }
}
