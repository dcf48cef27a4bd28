//! The texts that administrators write for addresses, ranges and networks.

use std::net::IpAddr;

use spiderpool_core::addr::{Address, AddressRange, Cidr, InterfaceAddress, RangeError};

/// Any text as a range, as a network and as an interface address.
///
/// Laws: a range is accepted if and only if it is one address, or two of one family in order with a `-` between;
/// what is accepted is written in a form that reads as the same; a network is exactly the addresses that share its
/// prefix; what an error suggests to write instead is accepted, and means what the error says.
pub fn ranges(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let parsed = text.parse::<AddressRange>();
    let ends = parsed.as_ref().ok().map(|range| (IpAddr::from(range.first()), IpAddr::from(range.last())));
    assert_eq!(ends, reference(text), "{text:?} read as {parsed:?}");
    match parsed {
        Ok(range) => {
            assert_eq!(range.to_string().parse(), Ok(range), "{text:?}");
            assert_eq!(AddressRange::new(range.first(), range.last()), Ok(range), "{text:?}");
        }
        Err(error) => suggestions_hold(text, &error),
    }
    if let Ok(interface) = text.parse::<InterfaceAddress>() {
        assert_eq!(interface.to_string().parse(), Ok(interface), "{text:?}");
        assert!(interface.network().contains(interface.address()), "{text:?}");
        network_is_its_prefix(interface.network());
    }
    match text.parse::<Cidr>() {
        Ok(network) => {
            assert_eq!(network.to_string().parse(), Ok(network), "{text:?}");
            network_is_its_prefix(network);
        }
        Err(RangeError::HostBits { canonical, .. }) => {
            assert_eq!(canonical.to_string().parse(), Ok(canonical), "{text:?}");
        }
        Err(error) => assert!(!error.to_string().is_empty(), "{text:?}"),
    }
}

/// The grammar said once more, in terms of the standard library only.
fn reference(text: &str) -> Option<(IpAddr, IpAddr)> {
    let mut parts = text.split('-');
    let first: IpAddr = parts.next()?.parse().ok()?;
    let last: IpAddr = parts.next().map_or(Ok(first), str::parse).ok()?;
    let in_order = first.is_ipv4() == last.is_ipv4() && first <= last;
    (in_order && parts.next().is_none()).then_some((first, last))
}

/// Whoever writes what the error suggests is not refused a second time.
fn suggestions_hold(text: &str, error: &RangeError) {
    match error {
        RangeError::Reversed { first, last } => {
            assert!(AddressRange::new(*last, *first).is_ok(), "{text:?}: {error}");
        }
        RangeError::CidrNotation { instead, .. } => {
            let suggested: Vec<&str> = instead.split('`').skip(1).step_by(2).collect();
            assert!(!suggested.is_empty(), "{text:?}: {error}");
            for suggestion in suggested {
                assert!(suggestion.parse::<AddressRange>().is_ok(), "{text:?}: {error}");
            }
        }
        _ => assert!(!error.to_string().is_empty(), "{text:?}"),
    }
}

/// Its range has the length that the prefix says, begins at a multiple of it, and no neighbour is inside.
fn network_is_its_prefix(network: Cidr) {
    let range = network.range();
    let host_bits = u32::from(network.family().bits() - network.prefix_len());
    let len = 1u128.checked_shl(host_bits);
    assert_eq!(range.len_saturating(), len.unwrap_or(u128::MAX), "{network}");
    assert_eq!(len.map_or(range.first().value(), |len| range.first().value() % len), 0, "{network}");
    let outside = [range.first().checked_sub(1), range.last().checked_add(1)];
    for address in outside.into_iter().flatten() {
        assert!(!network.contains(address), "{network} contains {address}");
        assert_ne!(prefix(address, host_bits), prefix(range.first(), host_bits), "{network}");
    }
    assert_eq!(prefix(range.last(), host_bits), prefix(range.first(), host_bits), "{network}");
}

/// The address without its last `host_bits` bits.
fn prefix(address: Address, host_bits: u32) -> u128 {
    address.value().checked_shr(host_bits).unwrap_or(0)
}
