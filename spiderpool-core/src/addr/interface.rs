use std::fmt;
use std::str::FromStr;

use super::text::{refuse_strays, serde_as_text};
use super::{Address, Cidr, RangeError};

/// An address with the prefix length of its network, as an interface carries it: `172.18.40.10/24`.
///
/// Unlike in a [`Cidr`], host bits are kept. Ordered by address, then by prefix length.
///
/// ```
/// use spiderpool_core::addr::InterfaceAddress;
///
/// let address: InterfaceAddress = "172.18.40.10/24".parse()?;
/// assert_eq!(address.address().to_string(), "172.18.40.10");
/// assert_eq!(address.network().to_string(), "172.18.40.0/24");
/// # Ok::<(), spiderpool_core::addr::RangeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceAddress {
    address: Address,
    prefix_len: u8,
}

impl InterfaceAddress {
    /// The address in a network of this prefix length.
    ///
    /// # Errors
    ///
    /// [`RangeError::PrefixTooLong`] if the prefix is longer than an address of the family.
    pub fn new(address: Address, prefix_len: u8) -> Result<Self, RangeError> {
        let family = address.family();
        if prefix_len <= family.bits() {
            Ok(Self { address, prefix_len })
        } else {
            let input = format!("{address}/{prefix_len}");
            Err(RangeError::PrefixTooLong { input, family, max: family.bits() })
        }
    }

    /// The address itself.
    pub const fn address(self) -> Address {
        self.address
    }

    /// The prefix length of the network, 0 to 32 or 128.
    pub const fn prefix_len(self) -> u8 {
        self.prefix_len
    }

    /// The network that the address lies in.
    pub fn network(self) -> Cidr {
        Cidr::containing(self)
    }
}

impl FromStr for InterfaceAddress {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        let not_a_network = || RangeError::NotANetwork { input: text.to_owned() };
        let (address, prefix) = refuse_strays(text)?.split_once('/').ok_or_else(not_a_network)?;
        let address: Address = address.parse().map_err(|_| not_a_network())?;
        let well_formed = prefix == "0" || !prefix.starts_with(['0', '+']);
        if prefix.is_empty() || !well_formed || !prefix.bytes().all(|b| b.is_ascii_digit()) {
            return Err(not_a_network());
        }
        // Only digits are left, so what does not fit a byte is too long as well.
        Self::new(address, prefix.parse().unwrap_or(u8::MAX)).map_err(|_| RangeError::PrefixTooLong {
            input: text.to_owned(),
            family: address.family(),
            max: address.family().bits(),
        })
    }
}

impl fmt::Display for InterfaceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_len)
    }
}

impl fmt::Debug for InterfaceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

serde_as_text!(InterfaceAddress, "an IP address with a prefix length, such as `10.0.0.5/24`");
