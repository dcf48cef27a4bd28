use std::fmt;
use std::str::FromStr;

use super::text::{refuse_strays, serde_as_text};
use super::{Address, Cidr, Family, InterfaceAddress, RangeError};

/// A range of addresses of one family, both ends included, never empty.
///
/// Written `10.0.0.1` or `10.0.0.1-10.0.0.9` (upstream's grammar: in order, no blanks, no CIDR notation). Ordered by
/// first address, then by last. Every operation takes constant time.
///
/// ```
/// use spiderpool_core::addr::AddressRange;
///
/// let range: AddressRange = "10.0.0.1-10.0.0.9".parse()?;
/// assert_eq!(range.len_saturating(), 9);
/// assert!(range.contains("10.0.0.9".parse()?));
///
/// let error = "10.0.0.0/30".parse::<AddressRange>().unwrap_err();
/// assert!(error.to_string().ends_with("write `10.0.0.0-10.0.0.3`"));
/// # Ok::<(), spiderpool_core::addr::RangeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRange {
    family: Family,
    first: u128,
    last: u128,
}

impl AddressRange {
    /// The range from `first` to `last`, both included.
    ///
    /// # Errors
    ///
    /// [`RangeError::Reversed`] if `first` is above `last`, [`RangeError::MixedFamilies`] if the families differ.
    pub fn new(first: Address, last: Address) -> Result<Self, RangeError> {
        if first.family() != last.family() {
            Err(RangeError::MixedFamilies { first, last })
        } else if first > last {
            Err(RangeError::Reversed { first, last })
        } else {
            Ok(Self::from_ordered(first.family(), first.value(), last.value()))
        }
    }

    /// For ends that are known to fit the family and to be in order.
    pub(super) const fn from_ordered(family: Family, first: u128, last: u128) -> Self {
        debug_assert!(first <= last && last <= family.max());
        Self { family, first, last }
    }

    /// The range that holds this address alone.
    pub const fn single(address: Address) -> Self {
        Self::from_ordered(address.family(), address.value(), address.value())
    }

    /// All addresses of a family.
    pub const fn everything(family: Family) -> Self {
        Self::from_ordered(family, 0, family.max())
    }

    /// The family of every address in the range.
    pub const fn family(&self) -> Family {
        self.family
    }

    /// The lowest address.
    pub const fn first(&self) -> Address {
        Address::from_fitting(self.family, self.first)
    }

    /// The highest address.
    pub const fn last(&self) -> Address {
        Address::from_fitting(self.family, self.last)
    }

    /// Whether the address lies in the range; never so for an address of the other family.
    pub fn contains(&self, address: Address) -> bool {
        address.family() == self.family && (self.first..=self.last).contains(&address.value())
    }

    /// Whether all of `other` lies in this range.
    pub fn contains_range(&self, other: &Self) -> bool {
        other.family == self.family && self.first <= other.first && other.last <= self.last
    }

    /// The number of addresses, at least 1. All of IPv6 has 2^128, one more than fits, and counts as `u128::MAX`.
    pub const fn len_saturating(&self) -> u128 {
        (self.last - self.first).saturating_add(1)
    }

    /// The addresses in both ranges; none if there are none, or if the families differ.
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        (self.family == other.family && first <= last).then_some(Self { family: self.family, first, last })
    }
}

impl From<Address> for AddressRange {
    fn from(address: Address) -> Self {
        Self::single(address)
    }
}

impl FromStr for AddressRange {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        refuse_strays(text)?;
        if text.contains('/') {
            return Err(refuse_prefix(text));
        }
        match text.split_once('-') {
            None => Ok(Self::single(text.parse()?)),
            Some((_, last)) if last.contains('-') => Err(RangeError::TooManyParts { input: text.to_owned() }),
            Some((first, last)) if first.is_empty() || last.is_empty() => {
                Err(RangeError::MissingPart { input: text.to_owned() })
            }
            Some((first, last)) => Self::new(first.parse()?, last.parse()?),
        }
    }
}

/// Says how to write as a range what was written with a prefix length.
fn refuse_prefix(text: &str) -> RangeError {
    let input = text.to_owned();
    let instead = match text.split_once('-') {
        None => text.parse::<InterfaceAddress>().map(|written| {
            let (address, network) = (written.address(), written.network());
            if network.network() == address {
                format!("`{}`", network.range())
            } else {
                format!("`{address}` for the one address, `{}` for all of the network", network.range())
            }
        }),
        Some((first, last)) => without_prefix(first)
            .and_then(|first| AddressRange::new(first, without_prefix(last)?))
            .map(|range| format!("`{range}`")),
    };
    match instead {
        Ok(instead) => RangeError::CidrNotation { input, instead },
        // To say what is wrong with the network would invite to write it as a right one.
        Err(RangeError::NotANetwork { .. } | RangeError::PrefixTooLong { .. }) => {
            RangeError::NotAnAddress { input }
        }
        Err(error) => error,
    }
}

fn without_prefix(text: &str) -> Result<Address, RangeError> {
    text.split_once('/').map_or(text, |(address, _)| address).parse()
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first())
        } else {
            write!(f, "{}-{}", self.first(), self.last())
        }
    }
}

impl fmt::Debug for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Cidr> for AddressRange {
    fn from(network: Cidr) -> Self {
        network.range()
    }
}

serde_as_text!(AddressRange, "an IP address or a range `first-last`");
