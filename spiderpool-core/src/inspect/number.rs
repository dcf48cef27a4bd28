//! Large counts in JSON: a number where every reader takes it, else decimal text.

use std::fmt;

use serde::{Deserializer, Serializer, de};

/// The largest integer that JSON readers which use floating point keep exactly (RFC 8259, section 6).
const EXACT: u128 = (1 << 53) - 1;

pub(super) fn serialize<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    match u64::try_from(*value) {
        Ok(small) if *value <= EXACT => serializer.serialize_u64(small),
        _ => serializer.collect_str(value),
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
    struct Count;

    impl de::Visitor<'_> for Count {
        type Value = u128;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a count, as a number or as decimal text")
        }

        fn visit_u64<E: de::Error>(self, value: u64) -> Result<u128, E> {
            Ok(value.into())
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<u128, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_any(Count)
}
