//! The words of structural schemas.

use serde_json::{Map, Value, json};

/// Adds `fields` of an object to `schema`.
pub(super) fn with(mut schema: Value, fields: Value) -> Value {
    if let (Value::Object(schema), Value::Object(fields)) = (&mut schema, fields) {
        schema.extend(fields);
    }
    schema
}

/// `schema` with validation rules.
pub(super) fn ruled(schema: Value, rules: impl IntoIterator<Item = Value>) -> Value {
    let rules: Vec<Value> = rules.into_iter().collect();
    with(schema, json!({ "x-kubernetes-validations": rules }))
}

pub(super) fn text(description: &str, longest: u32) -> Value {
    json!({ "type": "string", "description": description, "maxLength": longest })
}

/// Text of any length.
pub(super) fn long_text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

/// Text that is one of `values`.
pub(super) fn one_of(description: &str, values: &[&str]) -> Value {
    json!({ "type": "string", "description": description, "enum": values })
}

pub(super) fn number(description: &str, least: i64, greatest: Option<i64>) -> Value {
    let mut schema =
        json!({ "type": "integer", "format": "int64", "description": description, "minimum": least });
    if let Some(greatest) = greatest {
        schema["maximum"] = greatest.into();
    }
    schema
}

/// A truth value, `false` where nothing is written.
pub(super) fn truth(description: &str) -> Value {
    json!({ "type": "boolean", "description": description, "default": false })
}

/// A truth value that may be absent.
pub(super) fn optional_truth(description: &str) -> Value {
    json!({ "type": "boolean", "description": description })
}

/// 4 or 6.
pub(super) fn ip_version(description: &str) -> Value {
    json!({ "type": "integer", "format": "int64", "description": description, "enum": [4, 6] })
}

/// A list that is one value to server-side apply: who applies it owns all of it.
pub(super) fn list(description: &str, items: Value, most: u32) -> Value {
    json!({
        "type": "array",
        "description": description,
        "items": items,
        "maxItems": most,
        "x-kubernetes-list-type": "atomic",
    })
}

/// A list of objects that are told apart by `key`.
pub(super) fn keyed_list(description: &str, items: Value, most: u32, key: &str) -> Value {
    let keyed = json!({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key] });
    with(list(description, items, most), keyed)
}

pub(super) fn object(description: &str, required: &[&str], fields: Vec<(&str, Value)>) -> Value {
    let properties: Map<String, Value> =
        fields.into_iter().map(|(name, schema)| (name.into(), schema)).collect();
    let mut schema = json!({ "type": "object", "description": description, "properties": properties });
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

/// The whole of a kind.
pub(super) fn root(description: &str, required: &[&str], fields: Vec<(&str, Value)>) -> Value {
    let mut all = vec![
        ("apiVersion", json!({ "type": "string", "description": "Group and version of the kind." })),
        ("kind", json!({ "type": "string", "description": "The kind." })),
        ("metadata", json!({ "type": "object" })),
    ];
    all.extend(fields);
    object(description, required, all)
}

/// A label selector, as Kubernetes has it; one value to server-side apply.
pub(super) fn label_selector(description: &str) -> Value {
    let requirement = object(
        "A requirement.",
        &["key", "operator"],
        vec![
            ("key", text("The label's key.", 317)),
            (
                "operator",
                one_of("How the label relates to values.", &["In", "NotIn", "Exists", "DoesNotExist"]),
            ),
            ("values", list("For In and NotIn.", text("A value.", 63), 1000)),
        ],
    );
    let labels = json!({
        "type": "object",
        "description": "Labels that must be there with this value.",
        "additionalProperties": { "type": "string" },
    });
    let selector = object(
        description,
        &[],
        vec![
            ("matchLabels", labels),
            ("matchExpressions", list("Requirements, all of which must hold.", requirement, 1000)),
        ],
    );
    with(selector, json!({ "x-kubernetes-map-type": "atomic" }))
}
