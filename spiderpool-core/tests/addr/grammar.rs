//! What may be written, and what people are told about what may not.

use proptest::prelude::*;
use rstest::rstest;
use spiderpool_core::addr::{Address, AddressRange, Cidr, Family, InterfaceAddress, RangeError};

use crate::support::*;

#[rstest]
#[case("10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1")]
#[case("10.0.0.1-10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1")]
#[case("10.0.0.1-10.0.1.0", "10.0.0.1", "10.0.1.0", "10.0.0.1-10.0.1.0")]
#[case("0.0.0.0-255.255.255.255", "0.0.0.0", "255.255.255.255", "0.0.0.0-255.255.255.255")]
#[case("FD00::A-fd00:0:0::000b", "fd00::a", "fd00::b", "fd00::a-fd00::b")]
#[case("::-::1", "::", "::1", "::-::1")]
#[case(
    "::ffff:10.0.0.1-::ffff:10.0.0.2",
    "::ffff:10.0.0.1",
    "::ffff:a00:2",
    "::ffff:10.0.0.1-::ffff:10.0.0.2"
)]
fn ranges_are_read_and_written(
    #[case] text: &str,
    #[case] first: &str,
    #[case] last: &str,
    #[case] canonical: &str,
) {
    let range = range(text);
    assert_eq!((range.first(), range.last()), (address(first), address(last)));
    assert_eq!(range.to_string(), canonical);
}

#[test]
fn a_mapped_address_stays_ipv6() {
    assert_eq!(address("::ffff:1.2.3.4").family(), Family::V6);
    assert_eq!(address("::ffff:1.2.3.4").value(), 0xffff_0102_0304);
}

#[rstest]
#[case("10.0.0.0/24", "10.0.0.0-10.0.0.255")]
#[case("10.0.0.7/32", "10.0.0.7")]
#[case("0.0.0.0/0", "0.0.0.0-255.255.255.255")]
#[case("128.0.0.0/1", "128.0.0.0-255.255.255.255")]
#[case("fd00::/64", "fd00::-fd00::ffff:ffff:ffff:ffff")]
#[case("::/0", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
#[case("fd00::1/128", "fd00::1")]
fn networks_are_ranges(#[case] text: &str, #[case] expected: &str) {
    let network: Cidr = text.parse().unwrap();
    assert_eq!(network.to_string(), text);
    assert_eq!(network.range(), range(expected));
    assert_eq!(Cidr::new(network.network(), network.prefix_len()), Ok(network));
}

/// Each text with what is said about it.
fn told<T: std::str::FromStr<Err = RangeError> + std::fmt::Debug>(texts: &[&str]) -> String {
    texts.iter().map(|text| format!("{text:?}\n    {}\n", text.parse::<T>().unwrap_err())).collect()
}

#[test]
fn refused_ranges() {
    let told = told::<AddressRange>(&[
        "",
        " ",
        "10.0.0.1 ",
        "10.0.0.1 - 10.0.0.5",
        "10.0.0.1 10.0.0.2",
        "10.0.0.1, 10.0.0.2",
        "10.0.0",
        "10.0.0.256",
        "010.0.0.1",
        "10.0.0.1:80",
        "[fd00::1]",
        "fe80::1%eth0",
        "fd00:::1",
        "pool-a",
        "10.0.0.1-",
        "-10.0.0.1",
        "-",
        "10.0.0.1-10.0.0.5-10.0.0.9",
        "10.0.0.1--10.0.0.9",
        "10.0.0.1-9",
        "10.0.0.9-10.0.0.1",
        "10.0.0.1-fd00::1",
        "10.0.0.0/30",
        "10.0.0.5/24",
        "fd00::/126",
        "10.0.0.1/24-10.0.0.5/24",
        "10.0.0.9/24-10.0.0.5/24",
        "10.0.0.0/33",
        "10.0.0.0/",
        "/24",
    ]);
    insta::assert_snapshot!(told);
}

#[test]
fn refused_networks() {
    let told = told::<Cidr>(&[
        "",
        "10.0.0.0",
        "10.0.0.0 /24",
        "10.0.0.0/24/8",
        "10.0.0.0/024",
        "10.0.0.0/+24",
        "10.0.0.0/-1",
        "10.0.0.0/33",
        "fd00::/129",
        "fd00::/99999999999999999999",
        "10.0.0.0/255.255.255.0",
        "10.0.0.5/24",
        "fd00::5/64",
        "1.0.0.0/0",
        "network/24",
    ]);
    insta::assert_snapshot!(told);
}

#[test]
fn refusals_of_values() {
    let wrong_family = spiderpool_core::addr::IpSet::from_ranges(Family::V6, [range("10.0.0.1-10.0.0.2")]);
    insta::assert_snapshot!(wrong_family.unwrap_err(), @"`10.0.0.1-10.0.0.2` is IPv4, but IPv6 is wanted here: write IPv6 and IPv4 into separate objects");
    insta::assert_snapshot!(InterfaceAddress::new(address("10.0.0.1"), 33).unwrap_err(), @"`10.0.0.1/33` has a prefix length above 32, the longest of IPv4");
    insta::assert_snapshot!(Cidr::new(address("10.0.0.1"), 8).unwrap_err(), @"`10.0.0.1/8` has host bits set: the network is written `10.0.0.0/8`");
    insta::assert_snapshot!(Family::try_from(5).unwrap_err(), @"5 is not an address family: write 4 or 6");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in "[0-9a-f.:/% -]{0,40}|\\PC{0,20}") {
        let refused = [
            text.parse::<Address>().err(),
            text.parse::<AddressRange>().err(),
            text.parse::<Cidr>().err(),
            text.parse::<InterfaceAddress>().err(),
        ];
        for error in refused.into_iter().flatten() {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn what_is_written_is_read_back(
        (range, prefix) in families().prop_flat_map(|f| (awkward_range(f), 0..=f.bits())),
    ) {
        prop_assert_eq!(range.to_string().parse(), Ok(range));
        prop_assert_eq!(range.first().to_string().parse(), Ok(range.first()));
        let interface = InterfaceAddress::new(range.first(), prefix).unwrap();
        prop_assert_eq!(interface.to_string().parse(), Ok(interface));
        let network = interface.network();
        prop_assert_eq!(network.to_string().parse(), Ok(network));
        let std: std::net::IpAddr = range.last().into();
        prop_assert_eq!(Address::from(std), range.last());
        prop_assert_eq!(std.to_string(), range.last().to_string());
    }

    #[test]
    fn a_network_is_the_addresses_that_share_its_prefix(
        (a, b, prefix) in families().prop_flat_map(|f| (awkward(f).prop_map(move |v| at(f, v)), awkward(f).prop_map(move |v| at(f, v)), 0..=f.bits())),
    ) {
        let network = InterfaceAddress::new(a, prefix).unwrap().network();
        let host_bits = u32::from(a.family().bits() - prefix);
        let same_prefix = (a.value() ^ b.value()).checked_shr(host_bits).unwrap_or(0) == 0;
        prop_assert!(network.contains(a));
        prop_assert_eq!(network.contains(b), same_prefix);
        prop_assert_eq!(network.overlaps(&InterfaceAddress::new(b, prefix).unwrap().network()), same_prefix);
        prop_assert_eq!(AddressRange::new(a.min(b), a.max(b)).is_ok_and(|range| network.contains_range(&range)), same_prefix);
        prop_assert_eq!(network.range().first(), network.network());
        prop_assert_eq!(network.network() == a, a.to_string() == network.network().to_string());
    }

    #[test]
    fn intersections_of_ranges_are_what_both_contain((a, b, c) in families().prop_flat_map(|f| (awkward_range(f), awkward_range(f), awkward(f).prop_map(move |v| at(f, v))))) {
        let both = a.intersect(&b);
        prop_assert_eq!(both, b.intersect(&a));
        prop_assert_eq!(both.is_some_and(|both| both.contains(c)), a.contains(c) && b.contains(c));
        prop_assert!(both.is_none_or(|both| a.contains_range(&both) && b.contains_range(&both)));
        prop_assert_eq!(a.contains_range(&b), both == Some(b));
    }
}
