//! The lease as it is stored: a `coordination.k8s.io/v1` Lease.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value, json};

use super::{Holder, LeaseTiming};
use crate::{
    api::{ObjectMeta, Resource},
    name::{NameError, Namespace, ObjectName},
    store::{Document, Key, ResourceName},
    time::Timestamp,
};

const GROUP: &str = "coordination.k8s.io";
const VERSION: &str = "coordination.k8s.io/v1";

/// Where the lease `name` is.
///
/// # Errors
/// It cannot be a name.
pub fn lease_key(namespace: &Namespace, name: &str) -> Result<Key, NameError> {
    Ok(Key::Resource(ResourceName {
        kind: ObjectName::new("Lease")?,
        group: Some(ObjectName::new(GROUP)?),
        namespace: Some(namespace.clone()),
        name: ObjectName::new(name)?,
    }))
}

/// What a lease says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Record {
    /// Who has it; none: nobody.
    pub(super) holder: Option<String>,
    /// For how long after each change.
    pub(super) duration: Duration,
}

pub(super) fn read(document: &Document) -> Record {
    let spec = spec(document);
    let holder = spec.and_then(|spec| spec.get("holderIdentity")?.as_str()).unwrap_or_default();
    let seconds = spec.and_then(|spec| spec.get("leaseDurationSeconds")?.as_u64()).unwrap_or_default();
    Record {
        holder: Some(holder.to_owned()).filter(|holder| !holder.is_empty()),
        duration: Duration::from_secs(seconds),
    }
}

fn spec(document: &Document) -> Option<&Map<String, Value>> {
    document.as_resource()?.rest.get("spec")?.as_object()
}

/// The lease under `key` as held by `holder` from `now` on, after what `before` says.
pub(super) fn held(
    key: &Key,
    before: Option<&Document>,
    holder: &Holder,
    timing: LeaseTiming,
    now: Timestamp,
) -> Resource {
    let mut resource = match before.and_then(Document::as_resource) {
        Some(before) => Resource::clone(before),
        None => empty(key),
    };
    let old = before.and_then(spec);
    let field = |name: &str| old.and_then(|spec| spec.get(name)).cloned();
    let was = field("holderIdentity");
    let own = was.as_ref().and_then(Value::as_str) == Some(holder.as_str());
    let time = json!(micro_time(now));
    let transitions = field("leaseTransitions").and_then(|count| count.as_u64()).unwrap_or_default();
    let mut spec = old.cloned().unwrap_or_default();
    spec.insert("holderIdentity".into(), holder.as_str().into());
    spec.insert("leaseDurationSeconds".into(), timing.duration.as_secs().into());
    let acquired = field("acquireTime").filter(|_| own).unwrap_or_else(|| time.clone());
    spec.insert("acquireTime".into(), acquired);
    spec.insert("renewTime".into(), time);
    spec.insert("leaseTransitions".into(), (transitions + u64::from(before.is_some() && !own)).into());
    resource.rest.insert("spec".into(), spec.into());
    resource
}

/// The lease without a holder, if `holder` has it.
pub(super) fn resigned(document: &Document, holder: &Holder) -> Option<Resource> {
    let own = read(document).holder.as_deref() == Some(holder.as_str());
    let mut resource =
        document.as_resource().filter(|_| own).map(|resource: &Arc<Resource>| Resource::clone(resource))?;
    let spec = resource.rest.get_mut("spec")?.as_object_mut()?;
    spec.insert("holderIdentity".into(), "".into());
    Some(resource)
}

fn empty(key: &Key) -> Resource {
    let (name, namespace) = match key {
        Key::Resource(name) => (name.name.to_string(), name.namespace.as_ref().map(ToString::to_string)),
        other => (other.to_string(), None),
    };
    Resource {
        api_version: VERSION.into(),
        kind: "Lease".into(),
        metadata: ObjectMeta { name, namespace, ..ObjectMeta::default() },
        rest: Map::new(),
    }
}

/// As Kubernetes' MicroTime: RFC 3339 with exactly six digits.
fn micro_time(time: Timestamp) -> String {
    match jiff::Timestamp::from_millisecond(time.as_millis()) {
        Ok(time) => format!("{time:.6}"),
        Err(_) => time.to_string(),
    }
}

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn times_have_six_digits() {
        let shown = [0, 1_700_000_000_120].map(|millis| micro_time(Timestamp::from_millis(millis)));
        assert_eq!(shown, ["1970-01-01T00:00:00.000000Z", "2023-11-14T22:13:20.120000Z"]);
    }
}
