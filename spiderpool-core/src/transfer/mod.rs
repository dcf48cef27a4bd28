//! Moving everything from one store to another: export and import (I12).
//!
//! An export holds what cannot be computed: objects as they are stored, who holds which address, and when addresses
//! were released. Everything else is left behind and made anew: tokens; plans, with the epochs of their ranges; the
//! copies of plans in blocks; blocks in which nothing is held or was held. So an export does not depend on the size of
//! blocks, and an import may choose another one.
//!
//! Nothing may be in flight, because an edit in flight rests on tokens: an export settles edits first, and is refused
//! while one cannot be settled yet.

mod export;
mod import;
mod uids;

use std::sync::Arc;

pub use export::export;
pub use import::{ImportOptions, Imported};
use serde::{Deserialize, Serialize};

use crate::{
    addr::Address,
    alloc::OpenError,
    model::{Record, Scope},
    store::{Document, Key, StoreError},
    time::Timestamp,
};

/// The version of the exported form that this program writes. It reads every older one.
pub const EXPORT_VERSION: u32 = 1;

/// Everything in a store, in one canonical order: equal stores have equal exports.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Export {
    /// [`EXPORT_VERSION`] at the time of writing.
    pub version: u32,
    /// The address spaces, ascending by name.
    pub scopes: Vec<ScopeExport>,
    /// Subnets, pools, reservations, endpoints and other objects, ascending by key.
    pub objects: Vec<ObjectExport>,
}

/// One address space.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScopeExport {
    /// Its name and the size of its blocks.
    pub scope: Scope,
    /// Who holds what, ascending by address, IPv4 first.
    pub held: Vec<HeldExport>,
    /// Addresses that were held before, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub released: Vec<ReleasedExport>,
}

/// An address that is held.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HeldExport {
    /// The address.
    pub address: Address,
    /// By whom.
    pub record: Arc<Record>,
}

/// An address that was held before and is not now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasedExport {
    /// The address.
    pub address: Address,
    /// Its last release.
    pub at: Timestamp,
}

/// An object as it is stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ObjectExport {
    /// Where.
    pub key: Key,
    /// What.
    #[serde(flatten)]
    pub document: Document,
}

/// Why nothing was exported or imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// Somebody is editing.
    #[error("{object} is being edited: {what}; wait a minute, or apply the edit again, then export again")]
    InFlight {
        /// Which object, or plan.
        object: Key,
        /// What is in flight.
        what: String,
    },
    /// Somebody is writing.
    #[error("the store is being written to ({key} changed meanwhile): stop its agents, then export again")]
    Changing {
        /// A document that changed.
        key: Key,
    },
    /// The target has documents.
    #[error(
        "the target is not empty: it has {count} documents, {first} among them; import into a new store (what an \
         import that was interrupted left behind has to be deleted first)"
    )]
    NotEmpty {
        /// One of them.
        first: Key,
        /// How many.
        count: usize,
    },
    /// The target's scope has blocks of another size than is asked for.
    #[error(
        "{scope} of the target has blocks of 2^{found} addresses, not 2^{wanted}: import into a new store"
    )]
    BlockBits {
        /// Which scope.
        scope: Key,
        /// The exponent found.
        found: u8,
        /// The exponent asked for.
        wanted: u8,
    },
    /// The export is of a newer version.
    #[error("the export has version {found}; this program reads up to {supported}: upgrade it")]
    NewerVersion {
        /// The version found.
        found: u32,
        /// The newest version this program reads.
        supported: u32,
    },
    /// The export, or what was to be exported, contradicts itself.
    #[error("{what}: {message}")]
    Malformed {
        /// Which part.
        what: String,
        /// What is wrong with it.
        message: String,
    },
    /// The store failed. A target may have been written to in part.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
    /// The imported scope cannot be opened.
    #[error("the imported scope cannot be opened: {0}")]
    Open(#[from] OpenError),
    /// Everything is imported, but a plan could not be made; agents make them on demand.
    #[error("everything is imported, but the plans are not made yet: {0}")]
    Plans(#[source] crate::admin::AdminError),
}

impl Export {
    /// Reads an export.
    ///
    /// # Errors
    /// [`TransferError::NewerVersion`], or [`TransferError::Malformed`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, TransferError> {
        #[derive(Deserialize)]
        struct Header {
            version: u32,
        }
        let malformed = |error: serde_json::Error| TransferError::Malformed {
            what: "the export".into(),
            message: error.to_string(),
        };
        let Header { version } = serde_json::from_slice(bytes).map_err(malformed)?;
        if version > EXPORT_VERSION {
            return Err(TransferError::NewerVersion { found: version, supported: EXPORT_VERSION });
        }
        serde_json::from_slice(bytes).map_err(malformed)
    }
}
