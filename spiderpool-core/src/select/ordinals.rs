//! Which pods a stateful controller runs, by the numbers in their names.

use std::ops::RangeInclusive;

use serde_json::Value;

use crate::{api::Resource, name::ObjectName};

/// The ordinals that a stateful controller runs: as many as it has replicas, from the first one on, without those that it passes
/// over.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Ordinals {
    start: u64,
    replicas: u64,
    /// Ascending by their first; none is empty.
    reserved: Vec<RangeInclusive<u64>>,
}

impl Ordinals {
    /// `start` to `start + replicas − 1`.
    #[must_use]
    pub const fn new(start: u64, replicas: u64) -> Self {
        Self { start, replicas, reserved: Vec::new() }
    }

    /// As many others instead of these.
    #[must_use]
    pub fn passing_over(mut self, reserved: impl IntoIterator<Item = RangeInclusive<u64>>) -> Self {
        self.reserved.extend(reserved.into_iter().filter(|range| !range.is_empty()));
        self.reserved.sort_by_key(|range| *range.start());
        self
    }

    /// The ordinals of a controller object: `spec.ordinals.start` (default 0), `spec.replicas` (default 1), and, of OpenKruise's
    /// StatefulSet, `spec.reserveOrdinals`: numbers, and texts such as `"3"` and `"5-7"`. What cannot be read is passed over.
    #[must_use]
    pub fn of(controller: &Resource) -> Self {
        let spec = controller.rest.get("spec");
        let number = |value: Option<&Value>| value.and_then(Value::as_u64);
        let start = number(spec.and_then(|spec| spec.get("ordinals")?.get("start"))).unwrap_or(0);
        let replicas = number(spec.and_then(|spec| spec.get("replicas"))).unwrap_or(1);
        let reserved = spec.and_then(|spec| spec.get("reserveOrdinals")?.as_array());
        Self::new(start, replicas).passing_over(reserved.into_iter().flatten().filter_map(range))
    }

    /// Whether `ordinal` is one of them.
    #[must_use]
    pub fn contains(&self, ordinal: u64) -> bool {
        self.runs().any(|run| run.contains(&ordinal))
    }

    /// All of them, ascending. Cost: what is passed over costs nothing.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.runs().flatten()
    }

    /// They in one piece each.
    fn runs(&self) -> impl Iterator<Item = RangeInclusive<u64>> {
        let (mut next, mut left) = (Some(self.start), self.replicas);
        let gaps = self.reserved.iter().map(Some).chain([None]);
        gaps.filter_map(move |gap| {
            let first = next.filter(|_| left > 0)?;
            let Some(gap) = gap else { return Some(first..=first.saturating_add(left - 1)) };
            if first > *gap.end() {
                return None;
            }
            next = gap.end().checked_add(1);
            let count = gap.start().saturating_sub(first).min(left);
            left -= count;
            (count > 0).then(|| first..=first + (count - 1))
        })
    }
}

fn range(entry: &Value) -> Option<RangeInclusive<u64>> {
    if let Some(one) = entry.as_u64() {
        return Some(one..=one);
    }
    let text = entry.as_str()?.trim();
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
}

/// The ordinal in the name of a pod of `controller`: 3 for `web-3` of `web`. Leading zeros make another name.
#[must_use]
pub fn ordinal(controller: &ObjectName, pod: &ObjectName) -> Option<u64> {
    let digits = pod.as_str().strip_prefix(controller.as_str())?.strip_prefix('-')?;
    let ordinal: u64 = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())??;
    (ordinal.to_string() == digits).then_some(ordinal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn of(spec: Value) -> Vec<u64> {
        let set = serde_json::from_value(json!({"metadata": {"name": "web"}, "spec": spec})).unwrap();
        Ordinals::of(&set).iter().collect()
    }

    #[rstest]
    #[case::one_by_default(json!({}), &[0])]
    #[case::none(json!({"replicas": 0}), &[])]
    #[case::from_elsewhere(json!({"replicas": 3, "ordinals": {"start": 5}}), &[5, 6, 7])]
    #[case::passed_over(json!({"replicas": 4, "reserveOrdinals": [0, 2]}), &[1, 3, 4, 5])]
    #[case::written_as_text(json!({"replicas": 3, "reserveOrdinals": ["1", "3 - 5"]}), &[0, 2, 6])]
    #[case::what_cannot_be_read(json!({"replicas": 2, "reserveOrdinals": ["x", -1, "7-x", {}, "5-3"]}), &[0, 1])]
    #[case::a_whole_lot(json!({"replicas": 2, "reserveOrdinals": ["0-18446744073709551613"]}), &[18_446_744_073_709_551_614, u64::MAX])]
    #[case::as_far_as_numbers_go(json!({"replicas": 5, "ordinals": {"start": u64::MAX}}), &[u64::MAX])]
    fn they_are_read_from_a_controller(#[case] spec: Value, #[case] wanted: &[u64]) {
        assert_eq!(of(spec), wanted);
    }

    proptest! {
        #[test]
        fn they_are_the_first_that_are_not_passed_over(
            start in 0..6u64,
            replicas in 0..6u64,
            reserved in prop::collection::vec((0..9u64, 0..4u64), 0..4),
        ) {
            let reserved: Vec<_> = reserved.into_iter().map(|(first, more)| first..=first + more).collect();
            let passed = |n: &u64| reserved.iter().any(|range| range.contains(n));
            let wanted: Vec<u64> = (start..).filter(|n| !passed(n)).take(replicas as usize).collect();
            let ordinals = Ordinals::new(start, replicas).passing_over(reserved.clone());
            prop_assert_eq!(&ordinals.iter().collect::<Vec<_>>(), &wanted);
            for n in 0..40 {
                prop_assert_eq!(ordinals.contains(n), wanted.contains(&n));
            }
        }
    }
}
