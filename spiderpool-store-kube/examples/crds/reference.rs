//! The definitions as a page to look things up in: every field, what it may be and what it means.

use std::fmt::Write as _;

use serde_json::Value;
use spiderpool_store_kube::{CustomResource, crd};

/// The page.
pub(crate) fn page() -> String {
    let mut text = String::from(
        "<!-- Written by `cargo xtask crds`. Do not edit. -->\n\n# Every field of the custom resources\n\n\
         What they are for is told in [Custom resources](../custom-resources.md). The rules are those that the API server holds every \
         manifest against by itself; the webhook knows more. `refused:` is followed by the words of the refusal.\n",
    );
    for resource in CustomResource::ALL {
        kind(&mut text, &crd::definition(&resource));
    }
    text
}

fn kind(text: &mut String, definition: &Value) {
    let (names, spec) = (&definition["spec"]["names"], &definition["spec"]);
    let version = &spec["versions"][0];
    let schema = &version["schema"]["openAPIV3Schema"];
    let short = names["shortNames"][0].as_str().map(|short| format!(", `{short}`")).unwrap_or_default();
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "\n## {}\n\n`{}/{}`, `{}`{short}; {}. {}\n\n| field | type | default | |\n|---|---|---|---|\n",
        word(&names["kind"]),
        word(&spec["group"]),
        word(&version["name"]),
        word(&names["plural"]),
        if spec["scope"] == "Namespaced" { "in a namespace" } else { "one for the whole cluster" },
        word(&schema["description"]),
    );
    fields(text, schema, "");
    let rules = rules(schema);
    if !rules.is_empty() {
        let _ = writeln!(text, "\nThe whole object is {}.", rules.join("; "));
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn fields(text: &mut String, schema: &Value, prefix: &str) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        if prefix.is_empty() && ["apiVersion", "kind", "metadata"].contains(&name.as_str()) {
            continue;
        }
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        row(text, schema, name, &path, field);
        let inner =
            if field["items"].is_object() { (&field["items"], format!("{path}[]")) } else { (field, path) };
        fields(text, inner.0, &inner.1);
    }
}

fn row(text: &mut String, parent: &Value, name: &str, path: &str, field: &Value) {
    let required = parent["required"].as_array().into_iter().flatten().any(|one| one == name);
    let mut told = vec![word(&field["description"]).trim_end_matches('.').to_owned()];
    told.extend(required.then(|| "required".to_owned()));
    told.extend(bounds(field));
    told.extend(rules(field));
    told.extend(rules(&field["items"]).into_iter().map(|rule| format!("each: {rule}")));
    told.retain(|part| !part.is_empty());
    let default = field.get("default").map(|default| format!("`{default}`")).unwrap_or_default();
    let line = format!("| `{path}` | {} | {default} | {} |", kind_of(field), told.join("; "));
    text.push_str(&line.replace('\n', " "));
    text.push('\n');
}

fn kind_of(field: &Value) -> String {
    match word(&field["type"]) {
        "array" => format!("list of {}", kind_of(&field["items"])),
        "object" if field["additionalProperties"].is_object() => "map".into(),
        "" => "any".into(),
        kind => kind.into(),
    }
}

/// What a value may be, where the schema says so by numbers.
fn bounds(field: &Value) -> Vec<String> {
    let number = |key: &str, words: &str| field[key].as_i64().map(|number| format!("{words} {number}"));
    let choice = field["enum"].as_array().map(|choice| {
        let choice: Vec<String> = choice.iter().map(|one| format!("`{one}`")).collect();
        format!("one of {}", choice.join(", "))
    });
    let found = [
        number("minimum", "at least"),
        number("maximum", "at most"),
        number("maxItems", "entries: at most"),
        number("maxLength", "characters: at most"),
        choice,
    ];
    found.into_iter().flatten().collect()
}

/// What else it is held against, in the words of the refusal.
fn rules(field: &Value) -> Vec<String> {
    let rules = field["x-kubernetes-validations"].as_array().into_iter().flatten();
    rules.map(|rule| format!("refused: *{}*", word(&rule["message"]).replace('|', "\\|"))).collect()
}
