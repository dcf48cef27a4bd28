//! What can go wrong in a store, told apart by what the caller has to do next.

use super::Key;

/// A source error of a backend.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a store operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The document has another token. Read it again and decide anew.
    #[error("{key} was changed by somebody else")]
    Conflict {
        /// Which document.
        key: Key,
    },
    /// A document to be created is there already.
    #[error("{key} exists already")]
    AlreadyExists {
        /// Which document.
        key: Key,
    },
    /// A document to be changed or deleted is not there.
    #[error("{key} does not exist")]
    NotFound {
        /// Which document.
        key: Key,
    },
    /// The operation did not take effect; trying again later may help.
    #[error("the store is not available: {message}")]
    Unavailable {
        /// What happened and what to do.
        message: String,
        /// The backend's own error.
        #[source]
        source: Option<Source>,
    },
    /// The store has stopped, because it was closed or because a write failed in a way that leaves open what was
    /// stored: nothing works until it is opened again. Retrying does not help.
    #[error("the store has stopped: {message}")]
    Stopped {
        /// What happened and what to do.
        message: String,
    },
    /// The operation may or may not have taken effect, or may still. Read before deciding.
    #[error("the store did not say whether the write took effect: {message}")]
    UnknownOutcome {
        /// What happened.
        message: String,
        /// The backend's own error.
        #[source]
        source: Option<Source>,
    },
    /// The document is larger than the backend takes. Nothing was written.
    #[error("{key} is {bytes} bytes, more than the {limit} that this store takes")]
    TooLarge {
        /// Which document.
        key: Key,
        /// Its encoded size.
        bytes: usize,
        /// The largest size.
        limit: usize,
    },
    /// The backend does not take this document: its schema, its access rules or another system that it asks. Nothing
    /// was written, and trying again does not help.
    #[error("{key} is refused: {message}")]
    Refused {
        /// Which document.
        key: Box<Key>,
        /// Why, in the backend's words.
        message: String,
    },
    /// A stored document, or the store as a whole, cannot be read. Retrying does not help.
    #[error("{what} is damaged: {message}")]
    Damaged {
        /// Which document or file.
        what: String,
        /// What is wrong and what to do.
        message: String,
    },
    /// Written by a newer version. Upgrade this program.
    #[error("{what} has stored format {found}; this version reads up to {supported}: upgrade it")]
    NewerFormat {
        /// Which document or database.
        what: String,
        /// The format found.
        found: u32,
        /// The newest format this version reads.
        supported: u32,
    },
    /// A watch position is too old: list again and watch from there.
    #[error("the watch position is too old: list again")]
    Expired,
    /// The backend does not offer this; its [`super::Capabilities`] say so.
    #[error("this store does not support {what}")]
    Unsupported {
        /// What was asked.
        what: &'static str,
    },
}

impl StoreError {
    /// [`StoreError::Unavailable`] without a source.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable { message: message.into(), source: None }
    }

    /// Whether the same may go well later, with nobody doing anything about it.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::UnknownOutcome { .. })
    }

    /// [`StoreError::UnknownOutcome`] without a source.
    #[must_use]
    pub fn unknown(message: impl Into<String>) -> Self {
        Self::UnknownOutcome { message: message.into(), source: None }
    }
}
