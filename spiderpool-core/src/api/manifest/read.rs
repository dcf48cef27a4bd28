//! JSON into a type, with paths for what is wrong and for what is unknown.

use serde::de::DeserializeOwned;
use serde_ignored::Path;
use serde_json::Value;
use serde_path_to_error::Track;

use crate::api::Warning;

/// `value` as a `T`; every field that `T` does not have is warned of. On failure path and message.
pub(super) fn read<T: DeserializeOwned>(
    value: Value,
    warnings: &mut Vec<Warning>,
) -> Result<T, (String, String)> {
    if let Some(path) = positional(&value, String::new()) {
        return Err((path, "an object with named fields is wanted here, not a list".into()));
    }
    let mut track = Track::new();
    let tracked = serde_path_to_error::Deserializer::new(value, &mut track);
    let mut warn = |path: Path<'_>| {
        let mut field = String::new();
        write_path(&path, &mut field);
        let message = match suggestion(&field) {
            Some(known) => format!("this field is unknown and left out; is `{known}` meant?"),
            None => "this field is unknown and left out".into(),
        };
        warnings.push(Warning::new(field, message));
    };
    let result = serde_ignored::deserialize(tracked, &mut warn);
    result.map_err(|error: serde_json::Error| {
        let path = track.path().to_string();
        let mut message = error.to_string();
        if message.ends_with("expected a string") {
            message.push_str(" (put it in quotes)");
        }
        (if path == "." { String::new() } else { path }, message)
    })
}

/// Fields that hold an object.
const OBJECTS: [&str; 7] =
    ["metadata", "spec", "status", "podAffinity", "namespaceAffinity", "nodeAffinity", "current"];
/// Fields that hold a list, of texts or objects.
const LISTS: [&str; 6] = ["ownerReferences", "routes", "matchExpressions", "ips", "excludeIPs", "claims"];

/// Where a list stands in place of an object. Derived deserializers take its items for the fields in their order,
/// which nobody means in a manifest.
fn positional(value: &Value, path: String) -> Option<String> {
    if value.is_array() {
        return Some(path);
    }
    value.as_object()?.iter().find_map(|(key, value)| {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match value {
            _ if OBJECTS.contains(&key.as_str()) => positional(value, path),
            Value::Array(items) if LISTS.contains(&key.as_str()) => {
                items.iter().enumerate().find_map(|(i, item)| positional(item, format!("{path}[{i}]")))
            }
            _ => None,
        }
    })
}

/// As `spec.routes[0].metric`.
fn write_path(path: &Path<'_>, text: &mut String) {
    match path {
        Path::Root => {}
        Path::Seq { parent, index } => {
            write_path(parent, text);
            text.push_str(&format!("[{index}]"));
        }
        Path::Map { parent, key } => {
            write_path(parent, text);
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(key);
        }
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => {
            write_path(parent, text);
        }
    }
}

/// The fields that people write.
const WRITTEN: [&str; 24] = [
    "metadata",
    "spec",
    "name",
    "labels",
    "annotations",
    "ipVersion",
    "subnet",
    "ips",
    "excludeIPs",
    "gateway",
    "routes",
    "dst",
    "gw",
    "vlan",
    "podAffinity",
    "namespaceAffinity",
    "namespaceName",
    "nodeAffinity",
    "nodeName",
    "multusName",
    "matchLabels",
    "matchExpressions",
    "default",
    "disable",
];

/// The known field that the last part of `path` looks like.
fn suggestion(path: &str) -> Option<&'static str> {
    let last = path.rsplit('.').next()?;
    let lower = last.to_ascii_lowercase();
    let distance = |known: &str| edits(&lower, &known.to_ascii_lowercase());
    let near = WRITTEN.iter().map(|known| (distance(known), *known)).min()?;
    // Two slips in a long word, one in a short one.
    (near.0 <= (lower.len() / 4).min(2)).then_some(near.1)
}

/// How many letters have to be put in, taken out or changed (Levenshtein distance); long words are not looked at.
fn edits(a: &str, b: &str) -> usize {
    const LONGEST: usize = 32;
    if a.len().max(b.len()) > LONGEST {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

/// The items of a list, each with kind and version (the API server leaves them out); anything else comes back.
pub(super) fn typed_list(value: Value) -> Result<Vec<Value>, Value> {
    let Some(kind) = value.get("kind").and_then(Value::as_str).and_then(|kind| kind.strip_suffix("List"))
    else {
        return Err(value);
    };
    let (kind, version) = (kind.to_owned(), value.get("apiVersion").cloned());
    let Value::Object(mut fields) = value else { return Err(value) };
    match fields.remove("items") {
        Some(Value::Array(mut items)) => {
            for item in items.iter_mut().filter(|_| !kind.is_empty()) {
                if let Some(item) = item.as_object_mut() {
                    item.entry("kind").or_insert_with(|| kind.clone().into());
                    item.entry("apiVersion").or_insert_with(|| version.clone().unwrap_or_default());
                }
            }
            Ok(items)
        }
        // Go writes an empty list as null.
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(other) => {
            fields.insert("items".into(), other);
            Err(Value::Object(fields))
        }
    }
}
