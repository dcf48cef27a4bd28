//! Names that runtimes choose, with the rules `libcni` applies to them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a name is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} {rule}")]
pub struct InvalidName {
    what: &'static str,
    text: String,
    rule: &'static str,
}

fn invalid(what: &'static str, text: &str, rule: &'static str) -> InvalidName {
    // A name that is far too long does not belong into a message whole.
    let text = match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    };
    InvalidName { what, text, rule }
}

/// `[a-zA-Z0-9][a-zA-Z0-9_.-]*`, the characters of container IDs and network names.
fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

fn check_container_id(text: &str) -> Result<(), InvalidName> {
    const WHAT: &str = "container ID";
    if text.len() > ContainerId::MAX_LEN {
        return Err(invalid(WHAT, text, "is longer than 200 bytes"));
    }
    if !is_plain(text) {
        return Err(invalid(
            WHAT,
            text,
            "must be letters, digits, '_', '.' and '-', first a letter or digit",
        ));
    }
    Ok(())
}

fn check_if_name(text: &str) -> Result<(), InvalidName> {
    const WHAT: &str = "interface name";
    if text.is_empty() {
        return Err(invalid(WHAT, text, "is empty"));
    }
    if text.len() > IfName::MAX_LEN {
        return Err(invalid(WHAT, text, "is longer than 15 bytes"));
    }
    if text == "." || text == ".." {
        return Err(invalid(WHAT, text, "is not allowed"));
    }
    if text.chars().any(|c| c == '/' || c == ':' || c == '\0' || c.is_whitespace()) {
        return Err(invalid(WHAT, text, "has a '/', a ':' or white space in it"));
    }
    Ok(())
}

fn check_network_name(text: &str) -> Result<(), InvalidName> {
    if is_plain(text) {
        return Ok(());
    }
    Err(invalid("network name", text, "must be letters, digits, '_', '.' and '-', first a letter or digit"))
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks and takes a name.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                $check(&text)?;
                Ok(Self(text))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A container ID: 1 to 200 bytes of `[a-zA-Z0-9_.-]`, the first a letter or digit.
    ///
    /// The specification sets no length; ours lets an ID and an interface be one file name (255 bytes).
    ContainerId, check_container_id
}
name! {
    /// The name of an interface: 1 to 15 bytes (Linux), without `/`, `:` and white space, not `.` or `..`.
    IfName, check_if_name
}
name! {
    /// The name of a network: `[a-zA-Z0-9][a-zA-Z0-9_.-]*`.
    NetworkName, check_network_name
}

impl ContainerId {
    /// The longest container ID in bytes.
    pub const MAX_LEN: usize = 200;
}

impl IfName {
    /// The longest interface name in bytes (`IFNAMSIZ` less the closing zero).
    pub const MAX_LEN: usize = 15;
}

#[cfg(test)]
mod tests {
    use super::{ContainerId, IfName, NetworkName};
    use rstest::rstest;

    #[rstest]
    #[case("eth0", true)]
    #[case("net1", true)]
    #[case("ens3.100", true)]
    #[case("a23456789012345", true)]
    #[case("ü-14-bytes-is!", true)]
    #[case("", false)]
    #[case(".", false)]
    #[case("..", false)]
    #[case("a234567890123456", false)]
    #[case("et/h0", false)]
    #[case("eth0:1", false)]
    #[case("eth 0", false)]
    #[case("eth\u{2003}0", false)]
    fn interface_names(#[case] text: &str, #[case] good: bool) {
        assert_eq!(IfName::new(text).is_ok(), good);
    }

    #[rstest]
    #[case("0123abc", true)]
    #[case("cnitool-77383ca0a0715733ca6f", true)]
    #[case("a", true)]
    #[case("", false)]
    #[case("-a", false)]
    #[case("a/b", false)]
    #[case("a b", false)]
    #[case("ä", false)]
    #[case("../../etc/passwd", false)]
    fn container_ids_and_network_names(#[case] text: &str, #[case] good: bool) {
        assert_eq!(ContainerId::new(text).is_ok(), good);
        assert_eq!(NetworkName::new(text).is_ok(), good);
    }

    #[test]
    fn container_ids_have_an_end() {
        assert!(ContainerId::new("a".repeat(200)).is_ok());
        let error = ContainerId::new("ü".repeat(2000)).unwrap_err().to_string();
        assert!(error.len() < 300, "{error}");
    }

    #[test]
    fn the_rules_hold_when_read_from_json() {
        assert!(serde_json::from_str::<ContainerId>("\"a/b\"").is_err());
        assert_eq!(serde_json::to_string(&IfName::new("eth0").unwrap()).unwrap(), "\"eth0\"");
    }
}
