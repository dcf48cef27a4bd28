use std::fmt;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::text::serde_as_text;
use super::{Address, AddressRange, Family, InterfaceAddress, RangeError};

/// A network in CIDR notation with all host bits zero: `10.0.0.0/24`, `fd00::/64`.
///
/// Ordered by family, then by network address, then by prefix length. Every operation takes constant time.
///
/// ```
/// use spiderpool_core::addr::Cidr;
///
/// let network: Cidr = "172.18.40.0/24".parse()?;
/// assert_eq!(network.range().to_string(), "172.18.40.0-172.18.40.255");
///
/// let error = "172.18.40.10/24".parse::<Cidr>().unwrap_err();
/// assert!(error.to_string().ends_with("the network is written `172.18.40.0/24`"));
/// # Ok::<(), spiderpool_core::addr::RangeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr(IpNet);

impl Cidr {
    /// The network with this address and prefix length.
    ///
    /// # Errors
    ///
    /// [`RangeError::PrefixTooLong`] if the prefix is longer than an address of the family, [`RangeError::HostBits`]
    /// if the address has bits set beyond the prefix.
    pub fn new(network: Address, prefix_len: u8) -> Result<Self, RangeError> {
        Self::exactly(InterfaceAddress::new(network, prefix_len)?)
    }

    /// The network that an interface address lies in.
    pub fn containing(interface: InterfaceAddress) -> Self {
        let prefix_len = interface.prefix_len();
        // The prefix of an InterfaceAddress fits its family, so the asserting constructors cannot fail.
        let net = match interface.address().into() {
            std::net::IpAddr::V4(v4) => IpNet::V4(Ipv4Net::new_assert(v4, prefix_len)),
            std::net::IpAddr::V6(v6) => IpNet::V6(Ipv6Net::new_assert(v6, prefix_len)),
        };
        Self(net.trunc())
    }

    fn exactly(written: InterfaceAddress) -> Result<Self, RangeError> {
        let canonical = Self::containing(written);
        if canonical.network() == written.address() {
            Ok(canonical)
        } else {
            Err(RangeError::HostBits { input: written.to_string(), canonical })
        }
    }

    /// The family.
    pub const fn family(&self) -> Family {
        match self.0 {
            IpNet::V4(_) => Family::V4,
            IpNet::V6(_) => Family::V6,
        }
    }

    /// The prefix length in bits, 0 to 32 or 128.
    pub fn prefix_len(&self) -> u8 {
        self.0.prefix_len()
    }

    /// The first address, whose host bits are zero.
    pub fn network(&self) -> Address {
        self.0.network().into()
    }

    /// All addresses of the network, its first and last included.
    pub fn range(&self) -> AddressRange {
        let first = self.network().value();
        // A shift by the full width is no shift at all for the processor: the whole of IPv6 is told apart.
        let host_bits = self.family().bits() - self.prefix_len();
        let host_mask = 1u128.checked_shl(host_bits.into()).map_or(u128::MAX, |size| size - 1);
        AddressRange::from_ordered(self.family(), first, first | host_mask)
    }

    /// Whether the address lies in the network; never so for an address of the other family.
    pub fn contains(&self, address: Address) -> bool {
        self.range().contains(address)
    }

    /// Whether all of the range lies in the network.
    pub fn contains_range(&self, range: &AddressRange) -> bool {
        self.range().contains_range(range)
    }

    /// Whether the networks have an address in common, which is so only if one contains the other.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.range().intersect(&other.range()).is_some()
    }
}

impl From<Cidr> for IpNet {
    fn from(network: Cidr) -> Self {
        network.0
    }
}

impl FromStr for Cidr {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        Self::exactly(text.parse()?)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

serde_as_text!(Cidr, "a network in CIDR notation, such as `10.0.0.0/24`");
