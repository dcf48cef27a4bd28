//! Whether a pod object still is a pod that may hold addresses.

use std::fmt;

use crate::api::Resource;

/// Why a pod gets no address any more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Death {
    /// It is being deleted.
    Terminating,
    /// It has run to completion and is not started again.
    Succeeded,
    /// It has failed and is not started again.
    Failed,
    /// It was evicted.
    Evicted,
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Terminating => "is being deleted",
            Self::Succeeded => "has run to completion",
            Self::Failed => "has failed and is not restarted",
            Self::Evicted => "was evicted",
        })
    }
}

/// Why `pod` is dead; none while it is alive. Dead is: a deletion timestamp; Succeeded, unless it always restarts;
/// Failed, if it never restarts or was evicted.
#[must_use]
pub fn death(pod: &Resource) -> Option<Death> {
    if pod.metadata.deletion_timestamp.is_some() {
        return Some(Death::Terminating);
    }
    let text = |object: &str, key: &str| pod.rest.get(object)?.get(key)?.as_str();
    let restarts = text("spec", "restartPolicy").unwrap_or("Always");
    match text("status", "phase") {
        Some("Succeeded") if restarts != "Always" => Some(Death::Succeeded),
        Some("Failed") if text("status", "reason") == Some("Evicted") => Some(Death::Evicted),
        Some("Failed") if restarts == "Never" => Some(Death::Failed),
        _ => None,
    }
}

/// Whether `pod` is alive, see [`death`].
#[must_use]
pub fn is_alive(pod: &Resource) -> bool {
    death(pod).is_none()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::running("Running", "", "Always", None)]
    #[case::pending("Pending", "", "Never", None)]
    #[case::no_status("", "", "", None)]
    #[case::done("Succeeded", "", "Never", Some(Death::Succeeded))]
    #[case::done_on_failure("Succeeded", "", "OnFailure", Some(Death::Succeeded))]
    #[case::done_but_restarts("Succeeded", "", "Always", None)]
    #[case::failed("Failed", "", "Never", Some(Death::Failed))]
    #[case::failed_but_restarts("Failed", "", "OnFailure", None)]
    #[case::evicted("Failed", "Evicted", "Always", Some(Death::Evicted))]
    fn by_phase(
        #[case] phase: &str,
        #[case] reason: &str,
        #[case] restart: &str,
        #[case] expected: Option<Death>,
    ) {
        let pod = json!({"spec": {"restartPolicy": restart}, "status": {"phase": phase, "reason": reason}});
        let pod: Resource = serde_json::from_value(pod).unwrap();
        assert_eq!((death(&pod), is_alive(&pod)), (expected, expected.is_none()));
    }

    #[test]
    fn a_terminating_pod_is_dead_whatever_its_phase() {
        let metadata = json!({"deletionTimestamp": "2026-01-01T00:00:00Z"});
        let pod = json!({"metadata": metadata, "status": {"phase": "Running"}});
        assert_eq!(death(&serde_json::from_value(pod).unwrap()), Some(Death::Terminating));
    }
}
