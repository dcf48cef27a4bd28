//! Warnings about pods and other objects, for people: Events.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use spiderpool_core::{store::StoreError, time::Timestamp};

use crate::{
    KubeStore,
    answer::{Intent, failure, silence},
    labels::encoded,
    object::parse,
};

/// What the API server takes as a message, in bytes.
const LONGEST: usize = 1_024;
/// So much of an object's name goes into the name of its Event.
const LONGEST_NAME: usize = 200;

/// The object that a warning is about.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Regarding {
    /// Group and version.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace; none for what belongs to the cluster, whose Events are in `default`.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// Its uid, by which `kubectl describe` finds its Events.
    pub uid: String,
}

/// A warning about an object. The same reason again is the same Event, counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Warning {
    /// About what.
    pub regarding: Regarding,
    /// Which program says so: `spiderpool-agent`.
    pub component: &'static str,
    /// Where it runs: the node, or the pod.
    pub host: String,
    /// One word, `AddressesExhausted`.
    pub reason: String,
    /// For people; what is longer than 1,024 bytes is cut off.
    pub message: String,
    /// When.
    pub at: Timestamp,
}

impl Warning {
    /// One for each incarnation and reason.
    fn name(&self) -> String {
        let key = format!("{}/{}", self.regarding.uid, self.reason);
        // FNV-1a: the same in every process.
        let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let name =
            cut(&self.regarding.name, LONGEST_NAME).trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        format!("{name}.{hash:016x}")
    }

    fn namespace(&self) -> &str {
        self.regarding.namespace.as_deref().unwrap_or("default")
    }

    fn object(&self) -> Value {
        let at = self.at.to_string();
        let Regarding { api_version, kind, namespace, name, uid } = &self.regarding;
        let mut involved = json!({ "apiVersion": api_version, "kind": kind, "name": name, "uid": uid });
        if let Some(namespace) = namespace {
            involved["namespace"] = namespace.as_str().into();
        }
        json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": { "name": self.name(), "namespace": self.namespace() },
            "involvedObject": involved,
            "type": "Warning",
            "reason": self.reason,
            "message": cut(&self.message, LONGEST),
            "source": { "component": self.component, "host": self.host },
            "firstTimestamp": at,
            "lastTimestamp": at,
            "count": 1,
        })
    }
}

/// The longest beginning of `text` that has at most so many bytes.
fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    text.get(..end).unwrap_or_default()
}

impl KubeStore {
    /// Writes `warning` as an Event; counts it where there is one already.
    ///
    /// Cost: one request, three where there is one already.
    ///
    /// # Errors
    /// The API server does not answer or refuses. Nothing hangs on it: log it and go on.
    pub async fn warn(&self, warning: &Warning) -> Result<(), StoreError> {
        let api = self.api();
        let collection = format!("/api/v1/namespaces/{}/events", encoded(warning.namespace()));
        let path = format!("{collection}/{}", encoded(&warning.name()));
        let mut object = warning.object();
        let lost = |lost| silence(Intent::Create, lost);
        let answer = api.call(Method::POST, &collection, Some(&object)).await.map_err(lost)?;
        if answer.status.is_success() {
            return Ok(());
        }
        if answer.status != StatusCode::CONFLICT {
            return Err(failure(None, "events", &warning.name(), Intent::Create, &answer));
        }
        let found: Value = parse("an event", &api.read(&path, "events").await?)?;
        object["count"] = (found["count"].as_u64().unwrap_or(1) + 1).into();
        object["firstTimestamp"] = found["firstTimestamp"].clone();
        object["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"].clone();
        let answer = api.call(Method::PUT, &path, Some(&object)).await.map_err(lost)?;
        // Whoever was faster counted, too.
        match answer.status.is_success() || answer.status == StatusCode::CONFLICT {
            true => Ok(()),
            false => Err(failure(None, "events", &warning.name(), Intent::Update, &answer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warning(pod: &str, message: &str) -> Warning {
        Warning {
            regarding: Regarding {
                api_version: "v1".into(),
                kind: "Pod".into(),
                namespace: Some("default".into()),
                name: pod.into(),
                uid: "u".into(),
            },
            component: "spiderpool-agent",
            host: "n".into(),
            reason: "Exhausted".into(),
            message: message.into(),
            at: Timestamp::default(),
        }
    }

    #[test]
    fn names_and_messages_are_no_longer_than_the_api_server_takes() {
        let name = format!("{}-{}", "a".repeat(199), "b".repeat(53));
        let long = warning(&name, &"é".repeat(600));
        assert_eq!(long.name().len(), 199 + 1 + 16);
        assert_eq!(long.object()["message"].as_str().unwrap().len(), 1_024);
        assert_eq!(warning("web", "").name(), warning("web", "other").name());
        let other = Warning { reason: "NoPool".into(), ..warning("web", "") };
        assert_ne!(warning("web", "").name(), other.name());
    }
}
