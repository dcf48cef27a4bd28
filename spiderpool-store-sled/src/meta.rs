//! What the database says of itself, renewed with every batch and in the same batch.

use serde::{Deserialize, Serialize};
use spiderpool_core::store::local::Revision;

use crate::{
    keys::META,
    value::{Unsealed, open},
};

/// The layout of the database that this version writes: keys, values, blocks with their records beside them.
pub(crate) const FORMAT: u32 = 1;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Meta {
    /// Read before anything else.
    pub(crate) format: u32,
    /// Drawn when the database was made.
    pub(crate) id: String,
    /// The latest revision.
    pub(crate) last: Revision,
    /// How many documents there are.
    pub(crate) documents: u64,
    /// The sum of [`digest`] over all documents: if one of them were missing, or an older version of it came back,
    /// this would not add up.
    pub(crate) digest: u64,
}

impl Meta {
    pub(crate) fn new(id: String) -> Self {
        Self { format: FORMAT, id, last: Revision(0), documents: 0, digest: 0 }
    }

    /// Counts the document under `key` in, as written with `revision`.
    pub(crate) fn add(&mut self, key: &[u8], revision: Revision) {
        self.documents = self.documents.wrapping_add(1);
        self.digest = self.digest.wrapping_add(digest(key, revision));
    }

    /// Counts it out.
    pub(crate) fn subtract(&mut self, key: &[u8], revision: Revision) {
        self.documents = self.documents.wrapping_sub(1);
        self.digest = self.digest.wrapping_sub(digest(key, revision));
    }

    /// What this account would be for `documents`.
    pub(crate) fn recount(&self, documents: &[(Vec<u8>, Revision)]) -> Self {
        let mut counted = Self { documents: 0, digest: 0, ..self.clone() };
        for (key, revision) in documents {
            counted.add(key, *revision);
        }
        counted
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let body = serde_json::to_vec(self).unwrap_or_default();
        Unsealed::new(META, &body).seal(self.last).0
    }

    /// The format alone is looked at first: of a newer one nothing else may be understood.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        #[derive(Deserialize)]
        struct Header {
            format: u32,
        }
        let body = open(META, bytes).ok_or(Unreadable::Damaged)?.body;
        let header: Header = serde_json::from_slice(body).map_err(|_| Unreadable::Damaged)?;
        if header.format > FORMAT {
            return Err(Unreadable::Newer(header.format));
        }
        serde_json::from_slice(body).map_err(|_| Unreadable::Damaged)
    }
}

/// Why [`Meta`] cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unreadable {
    Damaged,
    Newer(u32),
}

/// A number for one version of one document: FNV-1a over the key, mixed with the revision.
fn digest(key: &[u8], revision: Revision) -> u64 {
    let hash = key.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mut mixed = hash ^ revision.0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meta_adds_up_in_any_order_and_a_newer_format_is_told_apart() {
        let mut meta = Meta::new("id".into());
        let empty = meta.clone();
        meta.add(b"a", Revision(1));
        meta.add(b"b", Revision(2));
        let both = meta.digest;
        meta.subtract(b"a", Revision(1));
        meta.add(b"a", Revision(3));
        assert_ne!(meta.digest, both, "an older version is another sum");
        meta.subtract(b"a", Revision(3));
        meta.subtract(b"b", Revision(2));
        assert_eq!(meta, empty);

        assert_eq!(Meta::decode(&meta.encode()), Ok(meta.clone()));
        let newer = Meta { format: FORMAT + 1, ..meta };
        assert_eq!(Meta::decode(&newer.encode()), Err(Unreadable::Newer(FORMAT + 1)));
        let body = br#"{"format":9,"anything":"else"}"#;
        let (bytes, _) = Unsealed::new(META, body).seal(Revision(0));
        assert_eq!(Meta::decode(&bytes), Err(Unreadable::Newer(9)));
        assert_eq!(Meta::decode(b"short"), Err(Unreadable::Damaged));
    }
}
