//! Serde as text, for every type of this module that has `Display` and `FromStr`.

/// Serialises a type through `Display` and deserialises it through `FromStr`, without a copy where the format
/// allows it.
macro_rules! serde_as_text {
    ($type:ty, $expecting:literal) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;

                impl serde::de::Visitor<'_> for Text {
                    type Value = $type;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                }

                deserializer.deserialize_str(Text)
            }
        }
    };
}

pub(super) use serde_as_text;

use super::RangeError;

/// Refuses what no address, range or network may contain, so that the parsers need not look for it again.
pub(super) fn refuse_strays(text: &str) -> Result<&str, RangeError> {
    if text.trim().is_empty() {
        Err(RangeError::Empty)
    } else if text.contains([',', ';']) {
        Err(RangeError::List { input: text.to_owned() })
    } else if text.contains(char::is_whitespace) {
        Err(RangeError::Blanks { input: text.to_owned() })
    } else {
        Ok(text)
    }
}
