//! Nodes, where they stand for the second source.

use std::{collections::BTreeMap, time::Duration};

use parking_lot::Mutex;
use serde_json::Value;

use crate::{api::Resource, name::NodeName, time::Moment};

/// The taint by which an administrator, or a machine's manager, declares that a node is powered off.
pub const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

/// Whether a node is declared to be out of service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Service {
    /// It is not.
    In,
    /// It carries [`OUT_OF_SERVICE`].
    Out,
}

impl Service {
    /// As the taints of `node` say.
    #[must_use]
    pub fn of(node: &Resource) -> Self {
        let taints = node.rest.get("spec").and_then(|spec| spec.get("taints")?.as_array());
        let key = |taint: &Value| taint.get("key").and_then(Value::as_str).map(str::to_owned);
        match taints.into_iter().flatten().any(|taint| key(taint).as_deref() == Some(OUT_OF_SERVICE)) {
            true => Self::Out,
            false => Self::In,
        }
    }
}

/// A node as the sweep sees it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct NodeFacts {
    /// For how long its lease has not been renewed, as far as the observer saw.
    pub silent: Duration,
    /// Whether it is out of service.
    pub service: Service,
}

/// When each node's lease was seen to change. Its age is counted from there on the observer's monotonic clock: a wall
/// clock that jumps makes no node silent, and neither does a sweep that has just begun.
#[derive(Debug, Default)]
pub struct Leases(Mutex<BTreeMap<NodeName, (String, Moment)>>);

impl Leases {
    /// The lease of `node` says `renewed` (any text that changes with each renewal). How long it has said so.
    pub fn observe(&self, node: &NodeName, renewed: &str, moment: Moment) -> Duration {
        let mut seen = self.0.lock();
        match seen.get_mut(node) {
            Some((before, since)) if before == renewed => moment.left(*since),
            Some(entry) => {
                *entry = (renewed.to_owned(), moment);
                Duration::ZERO
            }
            None => {
                seen.insert(node.clone(), (renewed.to_owned(), moment));
                Duration::ZERO
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_lease_ages_only_while_it_is_watched_and_does_not_change() {
        let (leases, node) = (Leases::default(), NodeName::new("n").unwrap());
        let at = |seconds: u64| Moment::from_millis(seconds * 1000);
        let ages = [(1000, "a"), (1299, "a"), (1300, "a"), (1301, "b"), (1400, "b"), (1401, "a")]
            .map(|(moment, renewed)| leases.observe(&node, renewed, at(moment)).as_secs());
        assert_eq!(ages, [0, 299, 300, 0, 99, 0]);
        // Another node's is another.
        assert_eq!(leases.observe(&NodeName::new("m").unwrap(), "a", at(9999)), Duration::ZERO);
    }

    #[test]
    fn the_taint_is_read() {
        let of = |node| Service::of(&serde_json::from_value::<Resource>(node).unwrap());
        assert_eq!(
            of(json!({"spec": {"taints": [{"key": "x"}, {"key": OUT_OF_SERVICE, "value": "nodeshutdown"}]}})),
            Service::Out
        );
        assert_eq!(of(json!({"spec": {"taints": [{"key": "node.kubernetes.io/unreachable"}]}})), Service::In);
        assert_eq!(of(json!({})), Service::In);
    }
}
