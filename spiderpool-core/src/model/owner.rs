//! Who holds an address.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    addr::Family,
    name::{
        ContainerId, InterfaceName, NameError, NamespacedName, NetworkName, NodeName, ObjectName, OwnerUid,
        Uid,
    },
    time::Timestamp,
};

/// The owner of an address: a pod, or a bare sandbox where the runtime names no pod.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Owner {
    /// Tells one incarnation from the next.
    pub uid: OwnerUid,
    /// The pod's namespace and name; a pod re-created under its name has another `uid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<NamespacedName>,
}

impl fmt::Display for Owner {
    /// `pod default/web-0 (uid …)`, or `sandbox …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pod {
            Some(pod) => write!(f, "pod {pod} (uid {})", self.uid),
            None => write!(f, "sandbox {}", self.uid),
        }
    }
}

/// The top controller of a pod, in the pod's namespace.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Controller {
    /// Group and version.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: ObjectName,
    /// Uid.
    pub uid: Uid,
}

/// Which interface of its owner an address is for.
///
/// With unnamed `ippools` the first ADD takes all interfaces at once, by index, before their names are known.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Slot {
    /// By name, the normal case.
    Named(InterfaceName),
    /// By position: 0 is the first interface.
    Indexed(u8),
}

impl fmt::Display for Slot {
    /// `eth0`, or `#1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => write!(f, "{name}"),
            Self::Indexed(index) => write!(f, "#{index}"),
        }
    }
}

impl FromStr for Slot {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.strip_prefix('#').map(str::parse) {
            Some(Ok(index)) => Ok(Self::Indexed(index)),
            _ => InterfaceName::new(text).map(Self::Named),
        }
    }
}

impl Serialize for Slot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Slot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The key of a grant: at most one address per key (rule 7).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct GrantKey {
    /// Whose.
    pub owner: OwnerUid,
    /// For which interface.
    pub slot: Slot,
    /// Of which family.
    pub family: Family,
}

impl fmt::Display for GrantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} of {}", self.family, self.slot, self.owner)
    }
}

/// Whether an address outlives its pod.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Binding {
    /// DEL frees the address.
    #[default]
    Stateless,
    /// DEL detaches it; it stays with the owner's name (rule 9).
    Stateful,
}

/// The container that uses an address.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Attachment {
    /// This sandbox, through this CNI network.
    Container(ContainerId),
    /// None: a stateful owner's address between two incarnations.
    Detached,
    /// Not known: migrated from a system that recorded none. Matches the first DEL of its owner and interface.
    Unknown,
}

impl Attachment {
    /// Whether a release for `container` is meant for this attachment.
    #[must_use]
    pub fn matches(&self, container: &ContainerId) -> bool {
        match self {
            Self::Container(own) => own == container,
            Self::Unknown => true,
            Self::Detached => false,
        }
    }
}

impl fmt::Display for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Container(id) => write!(f, "container {id}"),
            Self::Detached => f.write_str("no container"),
            Self::Unknown => f.write_str("an unknown container"),
        }
    }
}

/// What a block says of a held address. The address itself is the record's place in the block.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The uid of the pool it was granted from.
    pub pool: Uid,
    /// The owner.
    pub owner: Owner,
    /// The owner's top controller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<Arc<Controller>>,
    /// For which interface, as the request keyed it.
    pub slot: Slot,
    /// The interface's name; absent while an indexed slot is unclaimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<InterfaceName>,
    /// The CNI network it is attached through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkName>,
    /// The container that uses it.
    pub attachment: Attachment,
    /// The node of that container.
    pub node: NodeName,
    /// Whether it outlives its pod.
    #[serde(default)]
    pub binding: Binding,
    /// When it was granted, by the granting node's clock.
    pub since: Timestamp,
}

impl Record {
    /// The key this record answers for.
    #[must_use]
    pub fn key(&self, family: Family) -> GrantKey {
        GrantKey { owner: self.owner.uid.clone(), slot: self.slot.clone(), family }
    }
}
