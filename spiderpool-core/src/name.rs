//! Names and ids, one type each, so that a pod's uid is never taken for a pool's.
//!
//! All are cheap to clone (one reference count). They are checked where they enter the program: not empty, at
//! most 253 bytes, printable ASCII without white space, and without `/` where the name is part of a key.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Why a text is not a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} {reason}")]
#[non_exhaustive]
pub struct NameError {
    what: &'static str,
    text: String,
    reason: &'static str,
}

/// The longest name, in bytes: that of a Kubernetes object.
pub const MAX_NAME_BYTES: usize = 253;

fn check(what: &'static str, text: &str, slash: Slash) -> Result<(), NameError> {
    let fail = |reason| Err(NameError { what, text: text.chars().take(80).collect(), reason });
    if text.is_empty() {
        return fail("is empty");
    }
    if text.len() > MAX_NAME_BYTES {
        return fail("is longer than 253 bytes");
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return fail("has a character that is not printable ASCII");
    }
    if slash == Slash::Forbidden && text.contains('/') {
        return fail("contains '/'");
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Slash {
    Allowed,
    Forbidden,
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $what:literal, $slash:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks `text` and makes a name of it.
            ///
            /// # Errors
            /// The text is empty, longer than [`MAX_NAME_BYTES`], or has a character that the name may not have.
            pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
                check($what, text.as_ref(), Slash::$slash)?;
                Ok(Self(text.as_ref().into()))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::new(&text).map_err(D::Error::custom)
            }
        }
    )*};
}

names! {
    /// The name of a cluster-scoped object: a pool, a subnet, a reservation, a node.
    ObjectName = "name", Forbidden;
    /// A Kubernetes namespace (not a network namespace).
    Namespace = "namespace", Forbidden;
    /// The uid of an object. A pool re-created under its name has another one and inherits nothing.
    Uid = "uid", Forbidden;
    /// Who owns an address: the pod's uid, or the container ID where the runtime names no pod.
    OwnerUid = "owner uid", Forbidden;
    /// The container ID of a sandbox, `CNI_CONTAINERID` (CNI spec, section 2).
    ContainerId = "container ID", Forbidden;
    /// An interface inside the sandbox, `CNI_IFNAME`.
    InterfaceName = "interface name", Forbidden;
    /// A node.
    NodeName = "node name", Forbidden;
    /// An address space: the same private range may exist once in each scope.
    ScopeName = "scope", Forbidden;
    /// The `name` of a CNI network configuration.
    NetworkName = "network name", Allowed;
}

impl From<&ContainerId> for OwnerUid {
    /// A sandbox that owns its addresses by itself.
    fn from(container: &ContainerId) -> Self {
        Self(container.0.clone())
    }
}

impl ScopeName {
    /// The scope of everything that names none: `default`.
    #[must_use]
    pub fn default_scope() -> Self {
        Self("default".into())
    }
}

/// The namespace and name of a namespaced object, displayed `namespace/name`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct NamespacedName {
    /// The namespace.
    pub namespace: Namespace,
    /// The name within the namespace.
    pub name: ObjectName,
}

impl fmt::Display for NamespacedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl FromStr for NamespacedName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (namespace, name) = text.split_once('/').ok_or(NameError {
            what: "name",
            text: text.chars().take(80).collect(),
            reason: "is not of the form namespace/name",
        })?;
        Ok(Self { namespace: Namespace::new(namespace)?, name: ObjectName::new(name)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_at_the_edge() {
        assert!(ObjectName::new("pool-1").is_ok());
        assert!(NetworkName::new("kube-system/vlan6").is_ok());
        for bad in ["", "a/b", "white space", "tab\t", "ünicode", &"x".repeat(254)] {
            assert!(ObjectName::new(bad).is_err(), "{bad:?}");
            assert!(serde_json::from_value::<ObjectName>(bad.into()).is_err(), "{bad:?}");
        }
        assert_eq!("default/web-0".parse::<NamespacedName>().unwrap().to_string(), "default/web-0");
        assert!("web-0".parse::<NamespacedName>().is_err());
    }
}
