//! The files of the definitions, and the fields that they must have.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;
use spiderpool_store_kube::{CustomResource, crd};

#[path = "../../examples/crds/main.rs"]
#[allow(dead_code, reason = "the example's main")]
mod generator;

fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = |path: &Path| fs::read_to_string(path).unwrap();
    entries.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), text(&path))).collect()
}

#[test]
fn the_tree_holds_what_the_generator_writes() {
    let fresh = tempfile::tempdir().unwrap();
    generator::write(fresh.path()).unwrap();
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/spiderpool/files/crds");
    let (fresh, tree) = (files(fresh.path()), files(&tree));
    assert_eq!(fresh.keys().collect::<Vec<_>>(), tree.keys().collect::<Vec<_>>(), "run `cargo xtask crds`");
    for (name, text) in fresh {
        assert!(tree[&name] == text, "{name} is out of date: run `cargo xtask crds`");
    }
}

#[test]
fn the_page_of_all_fields_is_up_to_date() {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/crds.md");
    let tree = fs::read_to_string(tree).unwrap();
    assert!(tree == generator::page(), "docs/reference/crds.md is out of date: run `cargo xtask crds`");
}

/// Fields of `value` that `schema` does not know: the API server would drop them without a word.
fn unknown(schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if schema.get("additionalProperties").is_some() {
                return;
            }
            for (name, value) in fields {
                match schema["properties"].get(name) {
                    Some(schema) => unknown(schema, value, &format!("{at}.{name}"), found),
                    None => found.push(format!("{at}.{name}")),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| unknown(&schema["items"], item, at, found)),
        _ => {}
    }
}

/// How many fields `schema` has.
fn count(schema: &Value) -> usize {
    let fields = schema["properties"].as_object().into_iter().flatten();
    fields.map(|(_, schema)| 1 + count(schema)).sum::<usize>()
        + schema.get("items").map(count).unwrap_or_default()
}

/// How many different fields `value` has, in all entries of a list together.
fn used(value: &Value, at: &str, seen: &mut std::collections::BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let at = format!("{at}.{name}");
                seen.insert(at.clone());
                if name != "matchLabels" {
                    used(value, &at, seen);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| used(item, at, seen)),
        _ => {}
    }
}

/// Every field that core writes is in the schema, and every field of the schema is one that core knows: a field that it
/// does not know would be lost at its next write.
#[test]
fn the_schemas_have_the_fields_of_the_types() {
    use spiderpool_core::api;

    fn round<T: serde::Serialize + serde::de::DeserializeOwned>(text: Value) -> Value {
        serde_json::to_value(serde_json::from_value::<T>(text).unwrap()).unwrap()
    }
    let selector = serde_json::json!({
        "matchLabels": { "a": "b" },
        "matchExpressions": [{ "key": "k", "operator": "In", "values": ["v"] }],
    });
    let network = serde_json::json!({
        "ipVersion": 4, "subnet": "10.0.0.0/24", "ips": ["10.0.0.1"], "excludeIPs": ["10.0.0.1"],
        "gateway": "10.0.0.1", "vlan": 1, "routes": [{ "dst": "10.1.0.0/16", "gw": "10.0.0.1" }],
    });
    let mut pool = network.clone();
    for field in ["podAffinity", "namespaceAffinity", "nodeAffinity"] {
        pool[field] = selector.clone();
    }
    for field in ["namespaceName", "nodeName", "multusName"] {
        pool[field] = serde_json::json!(["x"]);
    }
    for field in ["default", "disable"] {
        pool[field] = true.into();
    }
    let condition = serde_json::json!({
        "type": "Ready", "status": "True", "reason": "r", "message": "m", "lastTransitionTime": "t",
    });
    let counts = serde_json::json!({ "totalIPCount": 1, "allocatedIPCount": 1, "conditions": [condition] });
    let with = |mut status: Value, fields: &[&str]| {
        fields.iter().for_each(|field| status[*field] = "x".into());
        status
    };
    let address = serde_json::json!({
        "interface": "eth0", "ipv4": "a", "ipv6": "a", "ipv4Pool": "a", "ipv6Pool": "a", "vlan": 1, "ipv4Gateway": "a",
        "ipv6Gateway": "a", "cleanGateway": true, "mac": "a", "routes": [{ "dst": "a", "gw": "b" }],
    });
    let endpoint = serde_json::json!({
        "current": { "uid": "u", "node": "n", "ips": [address] },
        "ownerControllerType": "t", "ownerControllerName": "n",
        "claims": [{ "interface": "eth0", "ipVersion": 4, "address": "10.0.0.1", "state": "holds" }],
    });
    let object = |spec: Value, status: Value| serde_json::json!({ "spec": spec, "status": status });
    let all = [
        (
            CustomResource::POOL,
            round::<api::SpiderIPPool>(object(pool, with(counts.clone(), &["allocatedIPs", "fence"]))),
        ),
        (
            CustomResource::SUBNET,
            round::<api::SpiderSubnet>(object(network, with(counts, &["controlledIPPools"]))),
        ),
        (
            CustomResource::RESERVED_IP,
            round::<api::SpiderReservedIP>(object(
                serde_json::json!({ "ipVersion": 4, "ips": ["10.0.0.1"] }),
                serde_json::json!({ "fence": "x" }),
            )),
        ),
        (CustomResource::ENDPOINT, round::<api::SpiderEndpoint>(serde_json::json!({ "status": endpoint }))),
    ];
    for (resource, mut value) in all {
        value.as_object_mut().unwrap().remove("metadata");
        let definition = crd::definition(&resource);
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let mut lost = Vec::new();
        unknown(schema, &value, resource.kind, &mut lost);
        assert_eq!(lost, Vec::<String>::new());
        let mut seen = std::collections::BTreeSet::new();
        used(&value, "", &mut seen);
        // apiVersion, kind and metadata are no fields of the types' own.
        assert_eq!(count(schema) - 3, seen.len(), "{}: {seen:#?}", resource.kind);
    }
}
