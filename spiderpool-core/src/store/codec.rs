//! The stored form of a document, for backends that keep bytes.
//!
//! JSON with a format number in front: `{"format":1,"kind":"Block","body":{…}}`. Older formats stay readable; a
//! newer one is refused by number before its content is looked at.

use serde::{Deserialize, Serialize};

use super::{Document, Key, StoreError};
use crate::model::FORMAT;

#[derive(Serialize)]
struct Envelope<'a> {
    format: u32,
    #[serde(flatten)]
    document: &'a Document,
}

#[derive(Deserialize)]
struct Header {
    format: u32,
}

/// The bytes of `document`.
///
/// # Errors
/// [`StoreError::Damaged`] if the document cannot be written as JSON.
pub fn encode(key: &Key, document: &Document) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(&Envelope { format: FORMAT, document })
        .map_err(|error| StoreError::Damaged { what: key.to_string(), message: error.to_string() })
}

/// The document of `bytes`, which stood under `key`.
///
/// # Errors
/// [`StoreError::NewerFormat`], or [`StoreError::Damaged`] for anything that is not a document of the key's kind
/// and place.
pub fn decode(key: &Key, bytes: &[u8]) -> Result<Document, StoreError> {
    let damaged = |message: String| StoreError::Damaged { what: key.to_string(), message };
    let header: Header = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    if header.format > FORMAT {
        let what = key.to_string();
        return Err(StoreError::NewerFormat { what, found: header.format, supported: FORMAT });
    }
    let document: Document = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    if document.kind() != key.kind() {
        return Err(damaged(format!("a {} stands in its place", document.kind().name())));
    }
    let misplaced = match (key, &document) {
        (Key::Block(id), Document::Block(block)) => block.id() != id,
        (Key::Plan(id), Document::Plan(plan)) => plan.id != *id,
        (Key::Scope(name), Document::Scope(scope)) => scope.name != *name,
        _ => false,
    };
    if misplaced {
        return Err(damaged("it belongs under another key".into()));
    }
    Ok(document)
}
