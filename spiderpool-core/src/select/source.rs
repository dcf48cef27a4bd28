//! Where the pools of an interface were named.

use std::fmt;

use crate::{api::keys, name::Namespace};

/// Where the pools of an interface were named; the first that applies wins outright.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Source {
    /// The pod's annotation `subnets`.
    PodSubnets,
    /// The pod's annotation `subnet`.
    PodSubnet,
    /// The pod's annotation `ippools`.
    PodPools,
    /// The pod's annotation `ippool`.
    PodPool,
    /// The default pools of the pod's namespace.
    Namespace(Namespace),
    /// The CNI configuration.
    NetworkConfig,
    /// The pools marked as default.
    Defaults,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PodSubnets => write!(f, "pod annotation {}", keys::SUBNETS),
            Self::PodSubnet => write!(f, "pod annotation {}", keys::SUBNET),
            Self::PodPools => write!(f, "pod annotation {}", keys::POOLS),
            Self::PodPool => write!(f, "pod annotation {}", keys::POOL),
            Self::Namespace(name) => write!(f, "the default pools of namespace {name}"),
            Self::NetworkConfig => {
                f.write_str("default_ipv4_ippool and default_ipv6_ippool of the CNI configuration")
            }
            Self::Defaults => f.write_str("the pools with spec.default: true"),
        }
    }
}
