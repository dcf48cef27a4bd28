//! Manifests of any kind, as JSON and as YAML.

use serde_json::Value;
use spiderpool_core::api::Warning;
use spiderpool_core::api::manifest::{Manifest, parse, parse_all};

/// Any text as JSON and as YAML, each document of it as a manifest.
///
/// Laws: what is read is written in a form that reads as the same, with nothing odd about it; a field that is not in
/// what is written was warned of; a field put in that no kind has is warned of; a refusal names what it is about.
pub fn manifests(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        manifest(&value);
    }
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap_or_default();
    for value in &documents {
        manifest(value);
    }
}

fn manifest(value: &Value) {
    let all = parse_all(value.clone());
    let Ok(one) = parse(value.clone()) else {
        // Perhaps a list, whose items are manifests.
        match all {
            Ok(items) => items.iter().for_each(reads_as_written),
            Err(error) => {
                assert!(!error.message.is_empty());
                assert!(error.to_string().ends_with(&error.message), "{error}");
            }
        }
        return;
    };
    if let Ok(items) = all {
        let is_list = one.object.kind().ends_with("List");
        assert!(is_list || items == [one.clone()], "{value}");
    }
    reads_as_written(&one);
    let written = write(&one);
    nothing_is_lost_in_silence(value, &written, "", &one.warnings);
    unknown_fields_are_warned_of(&written);
}

fn write(manifest: &Manifest) -> Value {
    manifest.object.to_value().unwrap_or_else(|error| panic!("{:?}: {error}", manifest.object))
}

fn reads_as_written(manifest: &Manifest) {
    let written = write(manifest);
    let again = parse(written.clone()).unwrap_or_else(|error| panic!("{written}: {error}"));
    assert_eq!(again.object, manifest.object, "{written}");
    assert_eq!(write(&again), written);
    // Only that a kind has no effect is still said.
    assert!(again.warnings.iter().all(|warning| warning.field == "kind"), "{:?}", again.warnings);
}

/// Every field of `value` that holds something is in `written`, or a warning says of it, or of what it is in, that it
/// is left out.
fn nothing_is_lost_in_silence(value: &Value, written: &Value, path: &str, warnings: &[Warning]) {
    if says_nothing(value) || warnings.iter().any(|warning| warning.field == path) {
        return;
    }
    match value {
        // An object of which nothing is known is left out whole.
        Value::Object(fields) => {
            for (key, field) in fields {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let kept = written.get(key).unwrap_or(&Value::Null);
                nothing_is_lost_in_silence(field, kept, &path, warnings);
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                let kept = written.get(i).unwrap_or(&Value::Null);
                nothing_is_lost_in_silence(item, kept, &format!("{path}[{i}]"), warnings);
            }
        }
        Value::Number(number) => assert_eq!(written.as_f64(), number.as_f64(), "{path}: {warnings:?}"),
        _ => assert_eq!(value, written, "{path}: {warnings:?}"),
    }
}

/// Absent, null, empty and the default are the same.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) | Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(says_nothing),
    }
}

/// Wherever a field is put that no object of ours has, there it is warned of.
fn unknown_fields_are_warned_of(written: &Value) {
    const UNKNOWN: &str = "neverHeardOf";
    let ours = written["kind"].as_str().is_some_and(|kind| {
        ["SpiderIPPool", "SpiderSubnet", "SpiderReservedIP", "SpiderEndpoint"].contains(&kind)
    }) && written["apiVersion"]
        .as_str()
        .is_some_and(|version| version.starts_with("spiderpool.spidernet.io/"));
    for place in ["metadata", "spec", "status"].into_iter().take(if ours { 3 } else { 1 }) {
        let mut changed = written.clone();
        let Some(fields) = changed.get_mut(place).and_then(Value::as_object_mut) else { continue };
        fields.insert(UNKNOWN.into(), 1.into());
        let read = parse(changed).unwrap_or_else(|error| panic!("{place}: {error}"));
        let path = format!("{place}.{UNKNOWN}");
        assert!(read.warnings.iter().any(|warning| warning.field == path), "{path}: {:?}", read.warnings);
    }
}
