//! The algebra of sets.

use proptest::prelude::*;
use spiderpool_core::addr::{Family, IpSet};

use crate::support::*;

proptest! {
    #[test]
    fn the_algebra_holds((a, b, c) in three_sets()) {
        let none = IpSet::new(a.family());
        let all = IpSet::everything(a.family());

        prop_assert_eq!(a.union(&b), b.union(&a));
        prop_assert_eq!(a.intersection(&b), b.intersection(&a));
        prop_assert_eq!(a.union(&b).union(&c), a.union(&b.union(&c)));
        prop_assert_eq!(a.intersection(&b).intersection(&c), a.intersection(&b.intersection(&c)));
        prop_assert_eq!(a.intersection(&b.union(&c)), a.intersection(&b).union(&a.intersection(&c)));
        prop_assert_eq!(a.union(&b.intersection(&c)), a.union(&b).intersection(&a.union(&c)));
        prop_assert_eq!(a.union(&a.intersection(&b)), a.clone());
        prop_assert_eq!(a.intersection(&a.union(&b)), a.clone());

        prop_assert_eq!(a.complement().complement(), a.clone());
        prop_assert_eq!(a.union(&a.complement()), all.clone());
        prop_assert_eq!(a.intersection(&a.complement()), none.clone());
        prop_assert_eq!(a.union(&b).complement(), a.complement().intersection(&b.complement()));
        prop_assert_eq!(a.difference(&b), a.intersection(&b.complement()));
        prop_assert_eq!(a.difference(&a), none.clone());
        prop_assert_eq!(a.difference(&none), a.clone());
        prop_assert_eq!(a.difference(&b).union(&a.intersection(&b)), a.clone());
    }

    #[test]
    fn subset_and_disjoint_agree_with_the_algebra((a, b, c) in three_sets()) {
        prop_assert_eq!(a.is_subset(&b), a.difference(&b).is_empty());
        prop_assert_eq!(a.is_disjoint(&b), a.intersection(&b).is_empty());
        prop_assert_eq!(a.is_disjoint(&b), b.is_disjoint(&a));
        // Random sets are seldom subsets of one another; these are.
        let inner = a.intersection(&c);
        prop_assert!(inner.is_subset(&a) && inner.is_subset(&inner.union(&b)));
        prop_assert!(a.difference(&c).is_disjoint(&c));
        prop_assert_eq!(a.is_subset(&inner), a == inner);
    }

    #[test]
    fn equality_and_hash_are_those_of_the_contents((a, b, _) in three_sets()) {
        // The same contents, made in three other ways.
        let from_ranges = IpSet::from_ranges(a.family(), a.ranges()).unwrap();
        let mut backwards: Vec<_> = a.ranges().collect();
        backwards.reverse();
        let backwards = IpSet::from_ranges(a.family(), backwards).unwrap();
        let mut carved = IpSet::everything(a.family());
        a.complement().ranges().for_each(|range| carved.remove_range(&range));
        for same in [from_ranges, backwards, carved] {
            prop_assert_eq!(&same, &a);
            prop_assert_eq!(hash(&same), hash(&a));
        }
        prop_assert_eq!(a == b, a.ranges().eq(b.ranges()));
        prop_assert_eq!(hash(&a) == hash(&b), a == b);
        // No contract asks for this, but a hash that left out the far end would make all large sets collide.
        if let Some(last) = a.last() {
            let mut fewer = a.clone();
            fewer.remove(last);
            prop_assert_ne!(hash(&fewer), hash(&a));
        }
    }

    #[test]
    fn ranges_are_ascending_and_never_touch((a, _, _) in three_sets()) {
        let ranges = values(&a);
        for pair in ranges.windows(2) {
            prop_assert!(pair[0].1 + 1 < pair[1].0, "{:?}", ranges);
        }
    }

    #[test]
    fn a_set_of_the_other_family_counts_as_empty(four in sets(Family::V4), six in sets(Family::V6)) {
        for (own, other) in [(&four, &six), (&six, &four)] {
            prop_assert_eq!(&own.union(other), own);
            prop_assert_eq!(&own.difference(other), own);
            prop_assert_eq!(own.intersection(other), IpSet::new(own.family()));
            prop_assert!(own.is_disjoint(other));
            prop_assert_eq!(own.is_subset(other), own.is_empty());
            let mut changed = own.clone();
            for range in other.ranges() {
                changed.insert_range(&range);
                changed.remove_range(&range);
                prop_assert!(!changed.insert(range.first()) && !changed.remove(range.first()));
                prop_assert!(!own.contains(range.first()) && !own.contains_range(&range));
                prop_assert_eq!(own.next_at_or_after(range.first()), None);
                prop_assert_eq!(own.next_absent_at_or_after(range.first()), None);
                prop_assert_eq!(own.rank(range.last()), 0);
            }
            prop_assert_eq!(&changed, own);
        }
        prop_assert_ne!(IpSet::new(Family::V4), IpSet::new(Family::V6));
    }
}
