//! Values as bytes: a checksum, the revision of the write, and a body.
//!
//! The checksum (CRC-32) covers key, body and revision, so that a value in a wrong place is found as well.

use spiderpool_core::store::local::Revision;

const HEADER: usize = 12;

/// A value whose revision is not known yet: encoded by the writer's caller, sealed by the writer.
#[derive(Debug)]
pub(crate) struct Unsealed {
    bytes: Vec<u8>,
    hasher: crc32fast::Hasher,
}

impl Unsealed {
    pub(crate) fn new(key: &[u8], body: &[u8]) -> Self {
        Self::of_parts(key, &[body])
    }

    /// A body of several parts, one after the other.
    pub(crate) fn of_parts(key: &[u8], parts: &[&[u8]]) -> Self {
        let mut bytes = Vec::with_capacity(HEADER + parts.iter().map(|part| part.len()).sum::<usize>());
        bytes.resize(HEADER, 0);
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(key);
        for part in parts {
            bytes.extend_from_slice(part);
            hasher.update(part);
        }
        Self { bytes, hasher }
    }

    /// The finished value and its checksum.
    pub(crate) fn seal(self, revision: Revision) -> (Vec<u8>, u32) {
        let Self { mut bytes, mut hasher } = self;
        let revision = revision.0.to_le_bytes();
        hasher.update(&revision);
        let checksum = hasher.finalize();
        bytes[..4].copy_from_slice(&checksum.to_le_bytes());
        bytes[4..HEADER].copy_from_slice(&revision);
        (bytes, checksum)
    }
}

/// A value that was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opened<'a> {
    pub(crate) revision: Revision,
    pub(crate) checksum: u32,
    pub(crate) body: &'a [u8],
}

/// Opens `bytes`, which stood under `key`; none if they are not what was written there.
pub(crate) fn open<'a>(key: &[u8], bytes: &'a [u8]) -> Option<Opened<'a>> {
    let (checksum, rest) = bytes.split_first_chunk::<4>()?;
    let (revision, body) = rest.split_first_chunk::<8>()?;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(body);
    hasher.update(revision);
    let checksum = u32::from_le_bytes(*checksum);
    (hasher.finalize() == checksum).then(|| Opened {
        revision: Revision(u64::from_le_bytes(*revision)),
        checksum,
        body,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_changed_byte_is_found(
            key in prop::collection::vec(any::<u8>(), 1..20),
            body in prop::collection::vec(any::<u8>(), 0..60),
            revision in any::<u64>(),
            place in any::<prop::sample::Index>(),
            flip in 1..=255u8,
        ) {
            let (bytes, checksum) = Unsealed::new(&key, &body).seal(Revision(revision));
            let opened = open(&key, &bytes).unwrap();
            prop_assert_eq!((opened.revision, opened.checksum, opened.body), (Revision(revision), checksum, &body[..]));
            let mut damaged = bytes.clone();
            damaged[place.index(bytes.len())] ^= flip;
            prop_assert!(open(&key, &damaged).is_none());
            prop_assert!(open(&[&key[..], b"x"].concat(), &bytes).is_none());
            prop_assert!(open(&key, &bytes[..place.index(bytes.len())]).is_none());
        }
    }
}
