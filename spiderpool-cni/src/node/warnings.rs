//! Warnings on pods that get no address: each reason at once, and then once a minute, however often a runtime asks.

use super::ask::Ask;
use super::{Node, PodSource};
use crate::api::{ErrorBody, ErrorCode};
use parking_lot::Mutex;
use spiderpool_core::env::Env;
use spiderpool_core::name::{NamespacedName, OwnerUid};
use spiderpool_core::time::Moment;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// How often the same is told again.
const AGAIN: Duration = Duration::from_secs(60);
/// So many are remembered; then all are forgotten, and told once more.
const REMEMBERED: usize = 1_024;

/// What is told of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which pod.
    pub pod: NamespacedName,
    /// Which incarnation.
    pub uid: OwnerUid,
    /// One word.
    pub reason: String,
    /// What was refused and why, for each candidate.
    pub message: String,
}

/// What was told, and when.
#[derive(Debug, Default)]
pub(super) struct Warnings(Mutex<HashMap<(OwnerUid, String), (Moment, String)>>);

impl Warnings {
    /// Whether it is time to tell this.
    fn is_due(&self, refused: &Refused, now: Moment) -> bool {
        let mut told = self.0.lock();
        let key = (refused.uid.clone(), refused.reason.clone());
        if let Some((at, message)) = told.get(&key)
            && *message == refused.message
            && now < at.after(AGAIN)
        {
            return false;
        }
        if told.len() >= REMEMBERED {
            told.clear();
        }
        told.insert(key, (now, refused.message.clone()));
        true
    }
}

/// Whether people can do something about it. What passes by itself is no warning.
fn is_telling(code: &ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Exhausted
            | ErrorCode::NoPool
            | ErrorCode::Cooling
            | ErrorCode::AddressTaken
            | ErrorCode::WrongInput
    )
}

impl Node {
    /// Tells people that the pod of `ask` was refused an address, in the background.
    pub(super) fn warn(&self, ask: &Ask, body: &ErrorBody) {
        let (Some(pod), Some(uid)) = (&ask.pod, &ask.pod_uid) else { return };
        if !is_telling(&body.code) {
            return;
        }
        let message = match body.details.is_empty() {
            true => body.message.clone(),
            false => format!("{}. {}", body.message, body.details),
        };
        let reason = format!("IPAllocation{}", body.code.as_str());
        let refused = Refused { pod: pod.clone(), uid: uid.clone(), reason, message };
        let env: &Env = self.allocator.env();
        if self.warnings.is_due(&refused, env.clock.monotonic()) {
            let (pods, at): (Arc<dyn PodSource>, _) = (Arc::clone(&self.pods), env.clock.now());
            tokio::spawn(async move { pods.warn(refused, at).await });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_told_once_a_minute_and_something_new_at_once() {
        let warnings = Warnings::default();
        let refused = |uid: &str, message: &str| Refused {
            pod: "default/web".parse().unwrap(),
            uid: OwnerUid::new(uid).unwrap(),
            reason: "IPAllocationExhausted".into(),
            message: message.into(),
        };
        let at = |seconds: u64| Moment::from_millis(seconds * 1_000);
        assert!(warnings.is_due(&refused("a", "full"), at(0)));
        assert!(!warnings.is_due(&refused("a", "full"), at(59)));
        assert!(warnings.is_due(&refused("b", "full"), at(59)));
        assert!(warnings.is_due(&refused("a", "fuller"), at(59)));
        assert!(warnings.is_due(&refused("a", "fuller"), at(120)));
    }
}
