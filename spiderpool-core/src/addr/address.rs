use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::text::{refuse_strays, serde_as_text};
use super::{Family, RangeError};

/// One IP address: a family and a value that fits it.
///
/// Ordered by family, then by value. An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) stays IPv6. IPv6 is written
/// as RFC 5952 says; documents hold an address as text.
///
/// ```
/// use spiderpool_core::addr::{Address, Family};
///
/// let address: Address = "2001:DB8:0:0::1".parse()?;
/// assert_eq!(address.family(), Family::V6);
/// assert_eq!(address.to_string(), "2001:db8::1");
/// assert_eq!(address.checked_add(1).map(|a| a.to_string()).as_deref(), Some("2001:db8::2"));
/// # Ok::<(), spiderpool_core::addr::RangeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    family: Family,
    value: u128,
}

impl Address {
    /// The address of `family` with this value; none if the value is above [`Family::max`].
    ///
    /// ```
    /// use spiderpool_core::addr::{Address, Family};
    ///
    /// assert_eq!(Address::new(Family::V4, 0x0a00_0001), "10.0.0.1".parse().ok());
    /// assert_eq!(Address::new(Family::V4, 1 << 32), None);
    /// ```
    pub const fn new(family: Family, value: u128) -> Option<Self> {
        if value <= family.max() { Some(Self { family, value }) } else { None }
    }

    /// For values that are known to fit.
    pub(super) const fn from_fitting(family: Family, value: u128) -> Self {
        debug_assert!(value <= family.max());
        Self { family, value }
    }

    /// The lowest address of a family: `0.0.0.0` or `::`.
    pub const fn lowest(family: Family) -> Self {
        Self { family, value: 0 }
    }

    /// The highest address of a family.
    pub const fn highest(family: Family) -> Self {
        Self { family, value: family.max() }
    }

    /// The family.
    pub const fn family(self) -> Family {
        self.family
    }

    /// The value, from 0 to [`Family::max`].
    pub const fn value(self) -> u128 {
        self.value
    }

    /// The address `offset` further on; none beyond the end of the family.
    pub fn checked_add(self, offset: u128) -> Option<Self> {
        Self::new(self.family, self.value.checked_add(offset)?)
    }

    /// The address `offset` before; none below the start of the family.
    pub fn checked_sub(self, offset: u128) -> Option<Self> {
        Self::new(self.family, self.value.checked_sub(offset)?)
    }
}

impl From<Ipv4Addr> for Address {
    fn from(address: Ipv4Addr) -> Self {
        Self { family: Family::V4, value: u32::from(address).into() }
    }
}

impl From<Ipv6Addr> for Address {
    fn from(address: Ipv6Addr) -> Self {
        Self { family: Family::V6, value: address.into() }
    }
}

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => v4.into(),
            IpAddr::V6(v6) => v6.into(),
        }
    }
}

impl From<Address> for IpAddr {
    fn from(address: Address) -> Self {
        match address.family {
            // The value of an IPv4 address fits 32 bits, so nothing is cut off.
            Family::V4 => Self::V4(Ipv4Addr::from(address.value as u32)),
            Family::V6 => Self::V6(Ipv6Addr::from(address.value)),
        }
    }
}

impl FromStr for Address {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        match refuse_strays(text)?.parse::<IpAddr>() {
            Ok(address) => Ok(address.into()),
            Err(_) => Err(RangeError::NotAnAddress { input: text.to_owned() }),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        IpAddr::from(*self).fmt(f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

serde_as_text!(Address, "an IP address");
