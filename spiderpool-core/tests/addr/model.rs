//! Sets against the naive model, through every operation that changes a set.

use proptest::prelude::*;
use spiderpool_core::addr::{AddressRange, IpSet};

use crate::support::*;

proptest! {
    #[test]
    fn a_set_is_what_its_changes_made_it(model in models()) {
        let mut set = IpSet::new(model.family);
        apply(&mut set, &model.changes);
        prop_assert_eq!(values(&set), model.ranges());
    }

    #[test]
    fn single_changes_answer_whether_they_changed_anything(model in models(), picks in any::<[u16; 8]>()) {
        let mut set = IpSet::new(model.family);
        apply(&mut set, &model.changes);
        for value in probes(&model, &picks) {
            let address = at(model.family, value);
            prop_assert_eq!(set.contains(address), model.contains(value));
            let mut more = set.clone();
            prop_assert_eq!(more.insert(address), !model.contains(value));
            prop_assert!(more.contains(address));
            let mut fewer = set.clone();
            prop_assert_eq!(fewer.remove(address), model.contains(value));
            prop_assert!(!fewer.contains(address));
            // And back, so that pieces that were cut are joined again.
            if model.contains(value) {
                fewer.insert(address);
                prop_assert_eq!(&fewer, &set);
            } else {
                more.remove(address);
                prop_assert_eq!(&more, &set);
            }
        }
    }

    #[test]
    fn contains_range_is_containing_all_of_it(model in models(), ends in proptest::collection::vec(any::<[u16; 2]>(), 8)) {
        let mut set = IpSet::new(model.family);
        apply(&mut set, &model.changes);
        let ranges = model.ranges();
        for picks in ends {
            let [a, b] = probes(&model, &picks)[..] else { unreachable!("as many probes as picks") };
            let (first, last) = (a.min(b), a.max(b));
            let expected = ranges.iter().any(|&(from, to)| from <= first && last <= to);
            prop_assert_eq!(set.contains_range(&between(model.family, first, last)), expected);
        }
        for range in set.ranges() {
            prop_assert!(set.contains_range(&range));
            prop_assert!(wider(&range).all(|wider| !set.contains_range(&wider)));
        }
    }
}

/// Values at and beside the ends of the model's changes.
fn probes(model: &Model, picks: &[u16]) -> Vec<u128> {
    let mut ends = vec![0, model.family.max()];
    for change in &model.changes {
        let (Change::Insert(range) | Change::Remove(range)) = change;
        ends.extend([range.first().value(), range.last().value()]);
    }
    let pick = |pick: &u16| {
        let end = ends[usize::from(*pick) % ends.len()];
        end.saturating_add_signed(i128::from(pick >> 14) - 1).min(model.family.max())
    };
    picks.iter().map(pick).collect()
}

/// The range with one address more at either side.
fn wider(range: &AddressRange) -> impl Iterator<Item = AddressRange> {
    let (first, last) = (range.first(), range.last());
    let lower = first.checked_sub(1).and_then(|first| AddressRange::new(first, last).ok());
    let higher = last.checked_add(1).and_then(|last| AddressRange::new(first, last).ok());
    lower.into_iter().chain(higher)
}
