//! Which addresses an auto pool is to have. Pure.

use crate::addr::{AddressRange, IpSet};

/// What a pool is to become.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Sized {
    /// Its addresses.
    pub(super) ips: IpSet,
    /// So many more are wanted, and the Subnet has none left.
    pub(super) missing: u128,
    /// So many are too many, and held.
    pub(super) surplus: u128,
}

/// The addresses of a pool that has `have`, of which `held` are in use, and is to have `count`; `free` is what the
/// Subnet has left.
///
/// It grows by the lowest free addresses and shrinks by the highest that nobody holds, so that a pool that goes up and
/// down keeps its range. What it cannot grow by or give back it is told.
pub(super) fn sized(have: &IpSet, held: &IpSet, free: &IpSet, count: u128) -> Sized {
    let now = have.len_saturating();
    if now <= count {
        let added = lowest(free, count - now);
        let missing = count - now - added.len_saturating();
        return Sized { ips: have.union(&added), missing, surplus: 0 };
    }
    let idle = have.difference(held);
    let back = highest(&idle, now - count);
    let surplus = now - count - back.len_saturating();
    Sized { ips: have.difference(&back), missing: 0, surplus }
}

/// The `n` lowest addresses of `set`; all where it has no more.
fn lowest(set: &IpSet, n: u128) -> IpSet {
    let last = n.checked_sub(1).and_then(|last| set.nth(last).or_else(|| set.last()));
    between(set, set.first(), last)
}

/// The `n` highest addresses of `set`; all where it has no more.
fn highest(set: &IpSet, n: u128) -> IpSet {
    if n == 0 {
        return IpSet::new(set.family());
    }
    let first = set.nth(set.len_saturating().saturating_sub(n));
    between(set, first, set.last())
}

fn between(set: &IpSet, first: Option<crate::addr::Address>, last: Option<crate::addr::Address>) -> IpSet {
    let mut window = IpSet::new(set.family());
    if let Some(range) = first.zip(last).and_then(|(first, last)| AddressRange::new(first, last).ok()) {
        window.insert_range(&range);
    }
    set.intersection(&window)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::btree_set, prelude::*};
    use rstest::rstest;

    use super::*;
    use crate::addr::{Address, Family};

    fn set(ranges: &[&str]) -> IpSet {
        IpSet::from_ranges(Family::V4, ranges.iter().map(|range| range.parse().unwrap())).unwrap()
    }

    #[rstest]
    #[case::made(&[], &[], &["10.0.0.5-10.0.0.20"], 3, "10.0.0.5-10.0.0.7", 0, 0)]
    #[case::grown(&["10.0.0.5-10.0.0.6"], &[], &["10.0.0.1", "10.0.0.9-10.0.0.20"], 4, "10.0.0.1,10.0.0.5-10.0.0.6,10.0.0.9", 0, 0)]
    #[case::short(&["10.0.0.5"], &[], &["10.0.0.9"], 4, "10.0.0.5,10.0.0.9", 2, 0)]
    #[case::as_it_is(&["10.0.0.5"], &["10.0.0.5"], &["10.0.0.9"], 1, "10.0.0.5", 0, 0)]
    #[case::shrunk(&["10.0.0.1-10.0.0.5"], &["10.0.0.5"], &[], 3, "10.0.0.1-10.0.0.2,10.0.0.5", 0, 0)]
    #[case::held(&["10.0.0.1-10.0.0.3"], &["10.0.0.1-10.0.0.3"], &[], 1, "10.0.0.1-10.0.0.3", 0, 2)]
    #[case::to_nothing(&["10.0.0.1-10.0.0.3"], &["10.0.0.2"], &[], 0, "10.0.0.2", 0, 1)]
    fn pools_grow_from_below_and_shrink_from_above(
        #[case] have: &[&str],
        #[case] held: &[&str],
        #[case] free: &[&str],
        #[case] count: u128,
        #[case] ips: &str,
        #[case] missing: u128,
        #[case] surplus: u128,
    ) {
        let sized = sized(&set(have), &set(held), &set(free), count);
        let shown: Vec<_> = sized.ips.ranges().map(|range| range.to_string()).collect();
        assert_eq!((shown.join(",").as_str(), sized.missing, sized.surplus), (ips, missing, surplus));
    }

    #[test]
    fn the_size_of_a_subnet_costs_nothing() {
        let (none, free) = (IpSet::new(Family::V6), IpSet::everything(Family::V6));
        assert_eq!(sized(&none, &none, &free, 5).ips.len_saturating(), 5);
        let whole = sized(&none, &none, &free, u128::MAX);
        assert_eq!(sized(&whole.ips, &none, &none, 1).ips.len_saturating(), 1);
    }

    proptest! {
        #[test]
        fn a_pool_has_what_it_wants_or_says_how_much_it_lacks(
            have in btree_set(0u32..64, 0..20), free in btree_set(64u32..128, 0..20),
            held in btree_set(0u32..64, 0..40), count in 0u128..40,
        ) {
            let set = |numbers: &std::collections::BTreeSet<u32>| {
                let mut set = IpSet::new(Family::V4);
                for n in numbers {
                    set.insert(Address::from(std::net::Ipv4Addr::from(*n)));
                }
                set
            };
            let (have, free) = (set(&have), set(&free));
            let held = set(&held).intersection(&have);
            let sized = sized(&have, &held, &free, count);
            let len = sized.ips.len_saturating();
            prop_assert_eq!(len + sized.missing, count + sized.surplus);
            prop_assert!(sized.missing == 0 || sized.surplus == 0);
            prop_assert!(held.is_subset(&sized.ips), "nothing that is held is taken away");
            prop_assert!(sized.ips.is_subset(&have.union(&free)));
            prop_assert!(sized.missing == 0 || free.is_subset(&sized.ips));
            prop_assert!(sized.surplus == 0 || sized.ips == held);
            prop_assert!(len < count || have.is_subset(&sized.ips) || sized.ips.is_subset(&have));
        }
    }
}
