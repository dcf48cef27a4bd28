//! Keeping the tasks of one process from choosing the same addresses.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;

use crate::{addr::IpSet, name::ObjectName};

/// What this process is about to claim in which Subnet. Only a hint: the Subnet's record decides. Without it a hundred
/// pools that are made at once would all choose the lowest addresses, and all but one choose again.
#[derive(Clone, Debug, Default)]
pub struct Carver(Arc<Mutex<Chosen>>);

#[derive(Debug, Default)]
struct Chosen {
    next: u64,
    sets: BTreeMap<(ObjectName, u64), IpSet>,
}

/// Addresses that nobody else in this process chooses until it is dropped.
#[derive(Debug)]
pub(super) struct Choice {
    carver: Carver,
    key: (ObjectName, u64),
}

impl Drop for Choice {
    fn drop(&mut self) {
        self.carver.0.lock().sets.remove(&self.key);
    }
}

impl Carver {
    /// Lets `choose` pick from what is left of `free`, and keeps what it picked.
    pub(super) fn choose<T>(
        &self,
        subnet: &ObjectName,
        free: &IpSet,
        choose: impl FnOnce(&IpSet) -> (T, IpSet),
    ) -> (T, Choice) {
        let mut chosen = self.0.lock();
        let all = (subnet.clone(), 0)..=(subnet.clone(), u64::MAX);
        let left = chosen.sets.range(all).fold(free.clone(), |left, (_, set)| left.difference(set));
        let (answer, picked) = choose(&left);
        let key = (subnet.clone(), chosen.next);
        chosen.next += 1;
        chosen.sets.insert(key.clone(), picked);
        (answer, Choice { carver: self.clone(), key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_chooses_what_somebody_else_is_about_to_claim() {
        let carver = Carver::default();
        let (a, b) = (ObjectName::new("a").unwrap(), ObjectName::new("b").unwrap());
        let mut free = IpSet::new(crate::addr::Family::V4);
        free.insert_range(&"10.0.0.1-10.0.0.3".parse().unwrap());
        let lowest = |left: &IpSet| {
            let first = left.first().unwrap();
            let mut picked = IpSet::new(left.family());
            picked.insert(first);
            (first.to_string(), picked)
        };
        let (first, _held) = carver.choose(&a, &free, lowest);
        let (second, held) = carver.choose(&a, &free, lowest);
        let (elsewhere, _other) = carver.choose(&b, &free, lowest);
        assert_eq!([first.as_str(), &second, &elsewhere], ["10.0.0.1", "10.0.0.2", "10.0.0.1"]);
        drop(held);
        assert_eq!(carver.choose(&a, &free, lowest).0, "10.0.0.2");
    }
}
