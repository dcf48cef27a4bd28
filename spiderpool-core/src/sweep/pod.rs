//! What the sweep reads of a pod object.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{addr::Address, api::Resource, name::OwnerUid, time::Timestamp};

/// Annotations of a mirror pod that hold the uid by which the kubelet, and so the runtime, calls a static pod.
const STATIC_POD_UIDS: [&str; 2] = ["kubernetes.io/config.hash", "kubernetes.io/config.mirror"];

/// The grace period of a pod that names none, as the API server fills it in.
const DEFAULT_GRACE: Duration = Duration::from_secs(30);

/// `status.phase`, with evicted pods told apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PodPhase {
    /// Not all containers run yet; also a pod without a status.
    Pending,
    /// It runs.
    Running,
    /// It has run to completion.
    Succeeded,
    /// It has failed.
    Failed,
    /// It has failed because it was evicted.
    Evicted,
    /// Its node has not reported for a while.
    Unknown,
}

/// A pod as the sweep sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PodFacts {
    /// Its uid; none in a declaration without one, which then stands for any incarnation.
    pub uid: Option<OwnerUid>,
    /// For a static pod: the uids that its runtime knows it by.
    pub static_uids: Vec<OwnerUid>,
    /// Its phase.
    pub phase: PodPhase,
    /// The addresses that its status shows.
    pub addresses: Vec<Address>,
    /// `deletionTimestamp`: when it has to have ended. The API server has added the grace period already.
    pub deletion: Option<Timestamp>,
    /// When its last container finished, as far as its status says.
    pub finished: Option<Timestamp>,
    /// `terminationGracePeriodSeconds`.
    pub grace: Duration,
}

impl PodFacts {
    /// Reads `pod`. A time that cannot be read has not come yet.
    #[must_use]
    pub fn of(pod: &Resource) -> Self {
        let status = pod.rest.get("status");
        let text = |key: &str| status?.get(key)?.as_str();
        let phase = match (text("phase"), text("reason")) {
            (Some("Running"), _) => PodPhase::Running,
            (Some("Succeeded"), _) => PodPhase::Succeeded,
            (Some("Failed"), Some("Evicted")) => PodPhase::Evicted,
            (Some("Failed"), _) => PodPhase::Failed,
            (Some("Unknown"), _) => PodPhase::Unknown,
            _ => PodPhase::Pending,
        };
        let uid = |text: &String| OwnerUid::new(text.as_str()).ok();
        let annotation = |key: &&str| pod.metadata.annotations.get(*key).and_then(uid);
        let grace = pod.rest.get("spec").and_then(|spec| spec.get("terminationGracePeriodSeconds")?.as_u64());
        Self {
            uid: pod.metadata.uid.as_ref().and_then(uid),
            static_uids: STATIC_POD_UIDS.iter().filter_map(annotation).collect(),
            phase,
            addresses: status.map(addresses).unwrap_or_default(),
            deletion: pod.metadata.deletion_timestamp.as_deref().map(|at| time(at).unwrap_or(NEVER)),
            finished: status.and_then(last_finished),
            grace: grace.map_or(DEFAULT_GRACE, Duration::from_secs),
        }
    }

    /// Whether this is the incarnation that `owner` names. A static pod is known by its config hash.
    #[must_use]
    pub fn is_incarnation(&self, owner: &OwnerUid) -> bool {
        self.uid.as_ref().is_none_or(|uid| uid == owner) || self.static_uids.contains(owner)
    }

    /// Whether the kubelet runs it from a file: deleting its mirror object ends nothing.
    #[must_use]
    pub fn is_static(&self) -> bool {
        !self.static_uids.is_empty()
    }
}

const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

/// `podIPs`, and the older `podIP`.
fn addresses(status: &Value) -> Vec<Address> {
    let list = status.get("podIPs").and_then(Value::as_array);
    let of_list = list.into_iter().flatten().filter_map(|entry| entry.get("ip")?.as_str());
    let single = status.get("podIP").and_then(Value::as_str);
    let mut all: Vec<Address> = of_list.chain(single).filter_map(|text| text.parse().ok()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn time(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_millis(time.as_millisecond()))
}

fn last_finished(status: &Value) -> Option<Timestamp> {
    let lists = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"];
    let containers = lists.iter().filter_map(|list| status.get(list)?.as_array()).flatten();
    let finished =
        |container: &Value| time(container.get("state")?.get("terminated")?.get("finishedAt")?.as_str()?);
    containers.filter_map(finished).max()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(pod: Value) -> PodFacts {
        PodFacts::of(&serde_json::from_value(pod).unwrap())
    }

    #[test]
    fn a_pod_is_read_and_what_is_missing_frees_nothing() {
        let full = read(json!({
            "metadata": {"uid": "u", "deletionTimestamp": "2026-01-01T00:00:30Z",
                "annotations": {"kubernetes.io/config.hash": "h"}},
            "spec": {"terminationGracePeriodSeconds": 5},
            "status": {"phase": "Failed", "reason": "Evicted", "podIPs": [{"ip": "10.0.0.1"}], "containerStatuses": [
                {"state": {"terminated": {"finishedAt": "2026-01-01T00:00:01Z"}}},
                {"state": {"terminated": {"finishedAt": "2026-01-01T00:00:02Z"}}},
                {"state": {"running": {}}}]},
        }));
        let at = |seconds: i64| Timestamp::from_millis(1_767_225_600_000 + seconds * 1000);
        let expected = PodFacts {
            uid: OwnerUid::new("u").ok(),
            static_uids: vec![OwnerUid::new("h").unwrap()],
            phase: PodPhase::Evicted,
            addresses: vec!["10.0.0.1".parse().unwrap()],
            deletion: Some(at(30)),
            finished: Some(at(2)),
            grace: Duration::from_secs(5),
        };
        assert_eq!(full, expected);
        assert!(full.is_static() && full.is_incarnation(&OwnerUid::new("h").unwrap()));
        assert!(!full.is_incarnation(&OwnerUid::new("other").unwrap()));
        let empty = read(json!({"metadata": {"deletionTimestamp": "soon"}}));
        assert_eq!((empty.phase, empty.deletion, empty.finished), (PodPhase::Pending, Some(NEVER), None));
        // Declared without a uid: any incarnation.
        assert!(empty.is_incarnation(&OwnerUid::new("other").unwrap()) && !empty.is_static());
    }
}
