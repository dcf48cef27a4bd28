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
/// [`StoreError::Damaged`] if the document cannot be written as JSON, or belongs under another key: written, it could
/// never be read again.
pub fn encode(key: &Key, document: &Document) -> Result<Vec<u8>, StoreError> {
    in_place(key, document)?;
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
    in_place(key, &document)?;
    Ok(document)
}

/// Whether `document` is of the key's kind and, where it names its own place, of its place.
fn in_place(key: &Key, document: &Document) -> Result<(), StoreError> {
    let damaged = |message: String| Err(StoreError::Damaged { what: key.to_string(), message });
    if document.kind() != key.kind() {
        return damaged(format!("a {} stands in its place", document.kind().name()));
    }
    let misplaced = match (key, document) {
        (Key::Block(id), Document::Block(block)) => block.id() != id,
        (Key::Plan(id), Document::Plan(plan)) => plan.id != *id,
        (Key::Scope(name), Document::Scope(scope)) => scope.name != *name,
        _ => false,
    };
    if misplaced { damaged("it belongs under another key".into()) } else { Ok(()) }
}
