//! The ends of the address space, and sizes at which anything that walks addresses would not return.

use rstest::rstest;
use spiderpool_core::addr::{Address, AddressRange, Cidr, Family, IpSet};

use crate::support::*;

#[rstest]
#[case(Family::V4, 1 << 32)]
#[case(Family::V6, u128::MAX)]
fn everything_is_the_complement_of_nothing(#[case] family: Family, #[case] len: u128) {
    let all = IpSet::everything(family);
    assert_eq!(all, IpSet::new(family).complement());
    assert_eq!(all.complement(), IpSet::new(family));
    assert_eq!(all, IpSet::from(AddressRange::everything(family)));
    assert_eq!(all.len_saturating(), len);
    assert_eq!(all.ranges().collect::<Vec<_>>(), [AddressRange::everything(family)]);
    assert_eq!((all.first(), all.last()), (Some(Address::lowest(family)), Some(Address::highest(family))));
    assert_eq!(all.next_absent_at_or_after(Address::lowest(family)), None);
    assert_eq!(all.nth(family.max()), Some(Address::highest(family)));
    assert_eq!(all.rank(Address::highest(family)), family.max());
    assert_eq!(all.nth(family.max().wrapping_add(1)).is_some(), family == Family::V6, "2^128 wraps to 0");
    assert_eq!(all.window_mask(family.max() & !63, 6), u64::MAX);
}

#[rstest]
#[case(Family::V4)]
#[case(Family::V6)]
fn one_address_less_than_everything(#[case] family: Family) {
    for value in [0, 1, 0xffff, 0x1_0000, family.max() - 0x1_0000, family.max()] {
        let mut most = IpSet::everything(family);
        assert!(most.remove(at(family, value)));
        assert!(!most.remove(at(family, value)));
        assert_eq!(most.len_saturating(), family.max());
        assert_eq!(most.complement(), IpSet::from(AddressRange::single(at(family, value))));
        assert_eq!(most.next_absent_at_or_after(Address::lowest(family)), Some(at(family, value)));
        assert_eq!(most.nth(family.max()), None);
        assert!(most.insert(at(family, value)));
        assert_eq!(most, IpSet::everything(family));
    }
}

#[test]
fn thousands_of_reservations_scattered_over_a_64_are_taken_out_of_everything() {
    let network = "fd00:1:2:3::/64".parse::<Cidr>().unwrap();
    let mut reserved = IpSet::new(Family::V6);
    // An odd factor runs through all 64-bit values, and without any order to speak of.
    for i in 0..10_000u64 {
        let host = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        assert!(reserved.insert(network.network().checked_add(host.into()).unwrap()));
    }

    let free = IpSet::everything(Family::V6).difference(&reserved);
    assert_eq!(free.len_saturating(), u128::MAX - 9_999);
    assert_eq!(free.complement(), reserved);
    assert!(free.is_disjoint(&reserved));

    let pool = IpSet::from(network.range());
    let usable = pool.difference(&reserved);
    assert_eq!(usable.len_saturating(), (1 << 64) - 10_000);
    assert_eq!(usable, pool.intersection(&free));
    for held in reserved.ranges() {
        assert!(!usable.contains(held.first()));
    }
    for held in reserved.ranges().step_by(97) {
        assert_eq!(usable.nth(usable.rank(held.first())), usable.next_at_or_after(held.first()));
    }
}

#[test]
fn a_full_chunk_joins_its_neighbours_wherever_it_lies() {
    for middle in [1u128 << 16, 1 << 32, 1 << 64, 1 << 127, u128::MAX - 0x1_ffff] {
        let mut joined = IpSet::from(between(Family::V6, middle - 0x1_0000, middle - 1));
        joined.insert_range(&between(Family::V6, middle + 0x1_0000, middle + 0x1_ffff));
        assert_eq!(joined.ranges().count(), 2);
        for offset in (0..0x1_0000).rev() {
            assert!(joined.insert(at(Family::V6, middle + offset)));
        }
        assert_eq!(values(&joined), [(middle - 0x1_0000, middle + 0x1_ffff)]);
        assert_eq!(joined, IpSet::from(between(Family::V6, middle - 0x1_0000, middle + 0x1_ffff)));
    }
}

#[test]
fn a_count_beyond_u128_saturates() {
    assert_eq!(AddressRange::everything(Family::V6).len_saturating(), u128::MAX);
    assert_eq!(between(Family::V6, 1, u128::MAX).len_saturating(), u128::MAX);
    assert_eq!("::/0".parse::<Cidr>().unwrap().range(), AddressRange::everything(Family::V6));
    assert_eq!("0.0.0.0/0".parse::<Cidr>().unwrap().range(), AddressRange::everything(Family::V4));
}

#[test]
fn addresses_end_with_their_family() {
    for family in [Family::V4, Family::V6] {
        let (lowest, highest) = (Address::lowest(family), Address::highest(family));
        assert_eq!(lowest.checked_add(family.max()), Some(highest));
        assert_eq!(highest.checked_sub(family.max()), Some(lowest));
        assert_eq!(highest.checked_add(1), None);
        assert_eq!(lowest.checked_sub(1), None);
        assert_eq!(lowest.checked_add(u128::MAX).is_some(), family == Family::V6);
    }
    assert_eq!(Address::new(Family::V4, 1 << 32), None);
    assert!(Address::highest(Family::V4) < Address::lowest(Family::V6));
}

#[test]
fn debug_is_short_however_large_the_set() {
    let odd = (0..1_000).map(|i| AddressRange::single(at(Family::V4, 0x0a00_0001 + 2 * i)));
    let set = IpSet::from_ranges(Family::V4, odd).unwrap();
    insta::assert_snapshot!(format!("{set:?}"), @"IpSet(IPv4, 1000 addresses: 10.0.0.1, 10.0.0.3, 10.0.0.5, 10.0.0.7, …)");
    insta::assert_snapshot!(format!("{:?}", IpSet::new(Family::V6)), @"IpSet(IPv6, 0 addresses)");
    insta::assert_snapshot!(IpSet::new(Family::V6), @"none");
}
