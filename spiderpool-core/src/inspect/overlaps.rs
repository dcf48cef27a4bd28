//! Which objects of a kind have addresses in common.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    addr::{Address, IpSet},
    name::ObjectName,
};

/// The addresses of objects of one kind, and who shares some with whom. Kept as objects come, change and go.
#[derive(Clone, Debug, Default)]
pub struct Overlaps {
    sets: BTreeMap<ObjectName, Spread>,
    shared: BTreeMap<ObjectName, BTreeSet<ObjectName>>,
}

#[derive(Clone, Debug)]
struct Spread {
    ips: IpSet,
    /// Most pairs are told apart by these alone.
    bounds: Option<(Address, Address)>,
}

impl Spread {
    fn shares(&self, other: &Self) -> bool {
        let (Some((first, last)), Some((others_first, others_last))) = (self.bounds, other.bounds) else {
            return false;
        };
        let near = self.ips.family() == other.ips.family() && first <= others_last && others_first <= last;
        near && !self.ips.is_disjoint(&other.ips)
    }
}

static NOBODY: BTreeSet<ObjectName> = BTreeSet::new();

impl Overlaps {
    /// Takes `ips` for the addresses of `name`. Others of whom something else is true now. Cost: a comparison with each object,
    /// of two numbers mostly; none where nothing changed.
    pub fn put(&mut self, name: &ObjectName, ips: IpSet) -> BTreeSet<ObjectName> {
        if self.sets.get(name).is_some_and(|before| before.ips == ips) {
            return BTreeSet::new();
        }
        let spread = Spread { bounds: ips.first().zip(ips.last()), ips };
        let others = self.sets.iter().filter(|(other, _)| *other != name);
        let now: BTreeSet<ObjectName> =
            others.filter(|(_, other)| spread.shares(other)).map(|(other, _)| other.clone()).collect();
        self.sets.insert(name.clone(), spread);
        self.link(name, now)
    }

    /// Takes `name` for gone. Others of whom something else is true now.
    pub fn remove(&mut self, name: &ObjectName) -> BTreeSet<ObjectName> {
        self.sets.remove(name);
        self.link(name, BTreeSet::new())
    }

    /// Who has addresses in common with `name`.
    #[must_use]
    pub fn of(&self, name: &ObjectName) -> &BTreeSet<ObjectName> {
        self.shared.get(name).unwrap_or(&NOBODY)
    }

    fn link(&mut self, name: &ObjectName, now: BTreeSet<ObjectName>) -> BTreeSet<ObjectName> {
        let before = self.shared.remove(name).unwrap_or_default();
        let changed: BTreeSet<ObjectName> = before.symmetric_difference(&now).cloned().collect();
        for other in &changed {
            if now.contains(other) {
                self.shared.entry(other.clone()).or_default().insert(name.clone());
            } else if let Some(theirs) = self.shared.get_mut(other) {
                theirs.remove(name);
                if theirs.is_empty() {
                    self.shared.remove(other);
                }
            }
        }
        if !now.is_empty() {
            self.shared.insert(name.clone(), now);
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::addr::Family;

    fn name(n: u8) -> ObjectName {
        ObjectName::new(format!("p{n}")).unwrap()
    }

    fn set(first: u8, length: u8) -> IpSet {
        let mut ips = IpSet::new(Family::V4);
        if length > 0 {
            ips.insert_range(&format!("10.0.0.{first}-10.0.0.{}", first + length - 1).parse().unwrap());
        }
        ips
    }

    proptest! {
        /// Against all pairs; and whoever changed is named.
        #[test]
        fn they_are_what_all_pairs_say(steps in prop::collection::vec((0u8..6, 0u8..40, 0u8..12, 0u8..4), 1..40)) {
            let (mut overlaps, mut sets) = (Overlaps::default(), BTreeMap::new());
            for (who, first, length, gone) in steps {
                let before: Vec<_> = (0..6).map(|n| overlaps.of(&name(n)).clone()).collect();
                let changed = if gone == 0 {
                    sets.remove(&who);
                    overlaps.remove(&name(who))
                } else {
                    sets.insert(who, set(first, length));
                    overlaps.put(&name(who), set(first, length))
                };
                for n in 0..6 {
                    let wanted: BTreeSet<_> = sets
                        .iter()
                        .filter(|(other, ips)| **other != n && sets.get(&n).is_some_and(|own| !own.is_disjoint(ips)))
                        .map(|(other, _)| name(*other))
                        .collect();
                    prop_assert_eq!(overlaps.of(&name(n)), &wanted);
                    let differs = before[usize::from(n)] != wanted;
                    prop_assert!(n == who || differs == changed.contains(&name(n)));
                }
            }
        }
    }
}
