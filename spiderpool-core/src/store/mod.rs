//! Storage: versioned documents and compare-and-swap.
//!
//! [`Store`] is the contract for implementors and has no default methods; [`StoreExt`] carries conveniences for
//! callers. [`MemoryStore`] is the reference, [`FaultStore`] injects failures around any other, and
//! [`conformance`] (feature `conformance`) proves a store.

mod codec;
#[cfg(feature = "conformance")]
pub mod conformance;
mod document;
mod error;
mod ext;
mod fault;
mod key;
pub mod local;
mod memory;
mod read_only;
mod shadow;
mod shared;
mod token;

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::model::BlockBits;

pub use codec::{decode, encode};
pub use document::Document;
pub use error::{Source, StoreError};
pub use ext::StoreExt;
#[cfg(feature = "simulation")]
pub(crate) use fault::splitmix;
pub use fault::{Fault, FaultCounter, FaultCounts, FaultPlan, FaultStore};
pub use key::{Key, Kind, ResourceName, Room, Selector};
pub use memory::MemoryStore;
pub use read_only::ReadOnly;
pub use shadow::ShadowStore;
pub use token::Token;

/// A point in a store's history, to watch from. Opaque.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub String);

/// A document with its token.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Versioned {
    /// Where it stands.
    pub key: Key,
    /// Its version.
    pub token: Token,
    /// Its content.
    pub document: Document,
}

/// The answer to a listing.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Listing {
    /// The documents, ascending by key. Every document that existed throughout the listing is among them.
    pub items: Vec<Versioned>,
    /// Where to watch from in order to miss no change after this listing.
    pub position: Position,
}

/// One change that a watch saw.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Change {
    /// Created or changed.
    Put(Versioned),
    /// Deleted (or no longer selected).
    Deleted(Key),
}

/// A watch: every committed change of the selected documents, in order, none twice.
#[async_trait]
pub trait Watch: Send {
    /// The next change, and the position behind it. Waits until there is one; dropping the future loses nothing.
    ///
    /// # Errors
    /// [`StoreError::Expired`] when the history is no longer there, and what a read can give. After an error the
    /// watch is over.
    async fn next(&mut self) -> Result<(Change, Position), StoreError>;
}

/// What a backend can do beyond the contract. The conformance kit checks both that it does what it claims and that
/// it refuses what it does not.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Capabilities {
    /// Short name, for messages: `memory`, `sled`.
    pub name: String,
    /// A listing shows one instant. Without it, proofs of exhaustion read twice and compare tokens.
    pub snapshot_list: bool,
    /// An acknowledged write survives the death of the process.
    pub durable: bool,
    /// Whether [`Store::watch`] works.
    pub watch: bool,
    /// Whether other processes write to it at the same time. Where not, what this process wrote is the truth and
    /// no intent log is needed.
    pub shared: bool,
    /// Whether documents of [`Kind::Resource`] are kept here like all others. Where not, they are another system's:
    /// [`Store::get`] reads one, [`crate::lease`] can be created and updated, and everything else about them is
    /// [`StoreError::Unsupported`].
    pub own_resources: bool,
    /// Whether an object gets its uid from the backend when it is created, whatever uid it brings.
    pub draws_uids: bool,
    /// The largest encoded document, in bytes; none: no limit.
    pub max_document_bytes: Option<usize>,
    /// The block size for scopes created here.
    pub default_block_bits: BlockBits,
}

impl Capabilities {
    /// The kinds of documents that are kept here, in the order of their keys.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> + use<> {
        let own_resources = self.own_resources;
        Kind::ALL.into_iter().filter(move |kind| own_resources || *kind != Kind::Resource)
    }
}

/// Versioned documents with compare-and-swap.
///
/// All operations are linearizable: a read begun after a write was acknowledged sees it. A future may be dropped at
/// any point; a write cut off that way may or may not take effect, and may still take effect later. Implementors
/// have no default methods on purpose: a wrapper that forgets one would silently do something else.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// What this backend can do. Constant over its life.
    fn capabilities(&self) -> Capabilities;

    /// The document under `key`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Stopped`], [`StoreError::Damaged`], [`StoreError::NewerFormat`].
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError>;

    /// The documents that `selector` selects, ascending by key.
    ///
    /// # Errors
    /// As [`Store::get`].
    async fn list(&self, selector: &Selector) -> Result<Listing, StoreError>;

    /// The keys and tokens of the documents that [`Store::list`] would give, ascending by key, and as much one instant as
    /// a listing is: for whoever knows most of the contents by their tokens. Costs a backend no more than their keys.
    ///
    /// # Errors
    /// As [`Store::get`].
    async fn tokens(&self, selector: &Selector) -> Result<Vec<(Key, Token)>, StoreError>;

    /// Creates `document` under `key` if nothing is there.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`]; [`StoreError::TooLarge`]; [`StoreError::Refused`]; [`StoreError::Unavailable`]
    /// when nothing was written; [`StoreError::UnknownOutcome`] when that is not known.
    async fn create(&self, key: &Key, document: Document) -> Result<Token, StoreError>;

    /// Replaces the document under `key` if its token is `token`. The new token differs even if the content does
    /// not, except on backends that drop writes without change; nothing here relies on such writes.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for another token, [`StoreError::NotFound`] for no document, and as
    /// [`Store::create`].
    async fn update(&self, key: &Key, token: &Token, document: Document) -> Result<Token, StoreError>;

    /// Deletes the document under `key` if its token is `token`.
    ///
    /// # Errors
    /// As [`Store::update`].
    async fn delete(&self, key: &Key, token: &Token) -> Result<(), StoreError>;

    /// Watches the selected documents from `from` on, a position of a listing or of a change.
    ///
    /// # Errors
    /// [`StoreError::Expired`] when `from` is too old, [`StoreError::Unsupported`] where
    /// [`Capabilities::watch`] is false.
    async fn watch(&self, selector: &Selector, from: &Position) -> Result<Box<dyn Watch>, StoreError>;
}
