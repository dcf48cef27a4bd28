//! How a set is written: for people, for documents, for a hasher.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::super::{AddressRange, Family};
use super::IpSet;

/// The ranges, separated by `, `; `none` for the empty set.
impl fmt::Display for IpSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        for (i, range) in self.ranges().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            fmt::Display::fmt(&range, f)?;
        }
        Ok(())
    }
}

/// How many ranges `Debug` shows.
const SHOWN: usize = 4;

/// Family, number of addresses and the first few ranges.
impl fmt::Debug for IpSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IpSet({}, {} addresses", self.family(), self.len_saturating())?;
        for (i, range) in self.ranges().take(SHOWN + 1).enumerate() {
            match i {
                0 => write!(f, ": {range}")?,
                SHOWN => f.write_str(", …")?,
                _ => write!(f, ", {range}")?,
            }
        }
        f.write_str(")")
    }
}

/// Of the contents, so that equal sets have equal hashes however they came about. Cost: the number of ranges.
impl Hash for IpSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.family().hash(state);
        for range in self.ranges() {
            range.hash(state);
        }
        // Ends the list, so that a set hashed before other fields cannot be taken for a longer one.
        u8::MAX.hash(state);
    }
}

/// As `{"family":4,"ranges":["10.0.0.1-10.0.0.9"]}`.
impl Serialize for IpSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Ranges<'a>(&'a IpSet);

        impl Serialize for Ranges<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.0.ranges())
            }
        }

        let mut document = serializer.serialize_struct("IpSet", 2)?;
        document.serialize_field("family", &self.family())?;
        document.serialize_field("ranges", &Ranges(self))?;
        document.end()
    }
}

/// Ranges may come in any order and overlap; those of the other family are an error.
impl<'de> Deserialize<'de> for IpSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename = "IpSet", deny_unknown_fields)]
        struct Document {
            family: Family,
            ranges: Vec<AddressRange>,
        }

        let Document { family, ranges } = Document::deserialize(deserializer)?;
        Self::from_ranges(family, ranges).map_err(serde::de::Error::custom)
    }
}
