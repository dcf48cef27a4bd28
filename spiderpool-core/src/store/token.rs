//! Versions of documents.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

/// The version of a document: opaque, compared for equality only. A document that is deleted and created again
/// never gets an old token back.
///
/// Every write makes one and every decision compares some, so up to 24 bytes are kept in place: all numbers of 64
/// bits, which is what every backend here uses.
#[derive(PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(SmallVec<[u8; 24]>);

impl Token {
    /// The token that a backend writes as `text`.
    #[must_use]
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(SmallVec::from_slice(text.as_ref().as_bytes()))
    }

    /// The token as its backend writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // It was made of text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Clone for Token {
    fn clone(&self) -> Self {
        // The derived one goes byte by byte.
        Self(SmallVec::from_slice(&self.0))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.as_str())
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_its_text() {
        for text in ["", "18446744073709551615", "a token longer than what is kept in place"] {
            assert_eq!(Token::new(text).as_str(), text);
            let json = serde_json::to_string(&Token::new(text)).unwrap();
            assert_eq!(json, format!("{text:?}"));
            assert_eq!(serde_json::from_str::<Token>(&json).unwrap(), Token::new(text));
        }
    }
}
