//! Addresses, ranges, networks and sets of addresses, IPv4 and IPv6 alike.
//!
//! Every address is a [`Family`] and a 128-bit value. A [range](AddressRange) is written as upstream writes it
//! (`10.0.0.1` or `10.0.0.1-10.0.0.9`), a [network](Cidr) in CIDR notation, and an [`IpSet`] holds any number of
//! addresses of one family. Nothing here ever walks the addresses of a range: a /64, or the whole of IPv6, costs
//! as much as one address.

mod address;
mod cidr;
mod error;
mod family;
mod interface;
mod range;
mod set;
mod text;

pub use address::Address;
pub use cidr::Cidr;
pub use error::RangeError;
pub use family::Family;
pub use interface::InterfaceAddress;
pub use range::AddressRange;
pub use set::{IpSet, Ranges};
