//! What an object leaves out, filled in as a patch.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use spiderpool_core::{
    admin::Editor,
    alloc::Allocator,
    api::{ObjectMeta, SpiderIPPool, SpiderReservedIP, SpiderSubnet},
    validate,
};
use spiderpool_store_kube::FINALIZER;

use super::review::{Change, Operation, Request};

/// What to change of the object; none where nothing can be said about it. What the controller itself writes is complete but
/// for the finalizer.
pub(super) async fn patch(allocator: &Allocator, request: &Request, by: Editor) -> Option<Vec<Change>> {
    if !matches!(request.operation, Operation::Create | Operation::Update) {
        return None;
    }
    let object = &request.object;
    match request.kind.kind.as_str() {
        "SpiderIPPool" => {
            let mut pool: SpiderIPPool = read(object)?;
            if by == Editor::Person {
                allocator.complete_pool(&mut pool).await.ok()?;
            }
            held(&mut pool.metadata);
            Some(changes(object, &pool))
        }
        "SpiderSubnet" => {
            let mut subnet: SpiderSubnet = read(object)?;
            validate::subnet::set_defaults(&mut subnet);
            held(&mut subnet.metadata);
            Some(changes(object, &subnet))
        }
        "SpiderReservedIP" => {
            let mut reservation: SpiderReservedIP = read(object)?;
            validate::reservation::set_defaults(&mut reservation);
            Some(changes(object, &reservation))
        }
        _ => None,
    }
}

fn read<T: DeserializeOwned>(object: &Value) -> Option<T> {
    serde_json::from_value(object.clone()).ok()
}

/// A finalizer, so that it does not vanish while addresses depend on it. One that is going keeps what it has.
fn held(meta: &mut ObjectMeta) {
    if meta.deletion_timestamp.is_none() && !meta.finalizers.iter().any(|own| own == FINALIZER) {
        meta.finalizers.push(FINALIZER.into());
    }
}

/// The fields of `after` that are not so in `before`: those of `spec`, the labels and the finalizers.
fn changes(before: &Value, after: &impl Serialize) -> Vec<Change> {
    let Ok(after) = serde_json::to_value(after) else { return Vec::new() };
    let mut changes = Vec::new();
    let fields = |object: &'_ Value, path: &str| object.pointer(path).and_then(Value::as_object).cloned();
    let had = fields(before, "/spec").unwrap_or_default();
    for (key, value) in fields(&after, "/spec").unwrap_or_default() {
        if had.get(&key) != Some(&value) {
            changes.push(Change::add(format!("/spec/{}", escaped(&key)), value));
        }
    }
    let labels = fields(&after, "/metadata/labels").unwrap_or_default();
    match fields(before, "/metadata/labels") {
        None if labels.is_empty() => {}
        None => changes.push(Change::add("/metadata/labels".into(), Value::Object(labels))),
        Some(had) => {
            for (key, value) in labels.into_iter().filter(|(key, value)| had.get(key) != Some(value)) {
                changes.push(Change::add(format!("/metadata/labels/{}", escaped(&key)), value));
            }
        }
    }
    let finalizers = after.pointer("/metadata/finalizers").cloned().unwrap_or(json!([]));
    if before.pointer("/metadata/finalizers").unwrap_or(&json!([])) != &finalizers {
        changes.push(Change::add("/metadata/finalizers".into(), finalizers));
    }
    changes
}

/// A key in a JSON pointer (RFC 6901).
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_filled_in_is_changed() {
        let before = json!({
            "metadata": {"name": "p", "labels": {"team": "x"}},
            "spec": {"subnet": "10.0.0.0/24", "ips": ["10.0.0.2", "10.0.0.1"], "futureField": 1},
        });
        let mut pool: SpiderIPPool = read(&before).unwrap();
        validate::pool::set_defaults(&mut pool, &validate::Context::default());
        held(&mut pool.metadata);
        let changes = serde_json::to_value(changes(&before, &pool)).unwrap();
        let expected = json!([
            {"op": "add", "path": "/spec/ipVersion", "value": 4},
            {"op": "add", "path": "/spec/ips", "value": ["10.0.0.1-10.0.0.2"]},
            {"op": "add", "path": "/metadata/labels/ipam.spidernet.io~1ippool-cidr", "value": "10-0-0-0-24"},
            {"op": "add", "path": "/metadata/finalizers", "value": [FINALIZER]},
        ]);
        assert_eq!(changes, expected);
    }
}
