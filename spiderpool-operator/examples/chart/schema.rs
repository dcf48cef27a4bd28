//! values.schema.json: what is not a parameter is refused.

use serde_json::{Map, Value, json};

use super::parameter::{Kind, Parameter, Parameters};

/// The schema of `parameters`.
pub(crate) fn schema(parameters: &Parameters) -> Value {
    let mut root = object();
    for parameter in parameters.all() {
        put(&mut root, parameter.path(), of(parameter));
    }
    for later in &parameters.later {
        if let Some(parameter) = parameters.named(&later.of) {
            let mut schema = of(parameter);
            schema["description"] = format!("The same as {}, and goes before it", later.of).into();
            put(&mut root, later.name.split('.'), schema);
        }
    }
    root["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    root["title"] = "Values of the chart spiderpool".into();
    root
}

fn object() -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": Map::new()})
}

fn put<'a>(root: &mut Value, path: impl Iterator<Item = &'a str>, schema: Value) {
    let mut at = root;
    for key in path {
        if at.get("properties").is_none() {
            *at = object();
        }
        at = &mut at["properties"][key];
    }
    *at = schema;
}

fn of(parameter: &Parameter) -> Value {
    let mut schema = match (&parameter.kind, &parameter.default) {
        (Kind::OneOf(words), _) => json!({"type": "string", "enum": words}),
        (Kind::Object, _) => json!({"type": "object"}),
        (Kind::Array, _) | (Kind::AsDefault, Value::Array(_)) => json!({"type": "array"}),
        (Kind::Quantity, _) => json!({"type": ["string", "number"]}),
        (Kind::Port, _) => json!({"type": "integer", "minimum": 1, "maximum": 65535}),
        (Kind::IntegerOrString, _) => json!({"type": ["integer", "string"]}),
        (Kind::AsDefault, Value::Bool(_)) => json!({"type": "boolean"}),
        (Kind::AsDefault, Value::Number(_)) => json!({"type": "integer", "minimum": 0}),
        (Kind::AsDefault, _) => json!({"type": "string"}),
    };
    schema["description"] = parameter.what.clone().into();
    schema
}
