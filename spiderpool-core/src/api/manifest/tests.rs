use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{name::Namespace, store::Key};

fn pool(extra: Value) -> Value {
    let mut value = json!({
        "apiVersion": "spiderpool.spidernet.io/v2beta1", "kind": "SpiderIPPool",
        "metadata": {"name": "blue"}, "spec": {"subnet": "10.0.0.0/24"},
    });
    merge(&mut value, extra);
    value
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            from.into_iter().for_each(|(key, value)| merge(into.entry(key).or_insert(Value::Null), value));
        }
        (into, from) => *into = from,
    }
}

#[test]
fn unknown_fields_are_reported_with_their_path() {
    let manifest = parse(pool(json!({
        "metadata": {"managedFields": [{"x": 1}], "label": {}},
        "spec": {
            "excludeIps": ["10.0.0.1"], "routes": [{"dst": "10.1.0.0/16", "gw": "10.0.0.1", "metric": 5}],
            "podAffinity": {"matchlabels": {"a": "b"}, "matchExpressions": [{"key": "a", "operator": "In", "value": "b"}]},
            "gatway": "10.0.0.1", "somethingElse": {"deep": [1]},
        },
        "status": {"allocatedIPs": null, "autoDesiredIPCount": 3},
        "extra": null,
    })))
    .unwrap();
    let warnings: Vec<_> = manifest.warnings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(warnings.join("\n"));
}

#[test]
fn errors_name_the_place() {
    let mut told = String::new();
    for value in [
        json!(null),
        json!([]),
        json!({}),
        json!({"apiVersion": 1}),
        json!({"apiVersion": "v1"}),
        json!({"apiVersion": "v1", "kind": "Pod"}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "web-"}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {"a": 1}}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": []}),
        json!({"apiVersion": "v1", "kind": "List", "items": []}),
        pool(json!({"apiVersion": "spiderpool.spidernet.io/v3"})),
        pool(json!({"spec": {"ips": ["10.0.0.1", 7]}})),
        pool(json!({"spec": {"ips": "10.0.0.1"}})),
        pool(json!({"spec": {"default": "true"}})),
        pool(json!({"spec": {"routes": [{"dst": "10.0.0.0/8"}]}})),
        pool(json!({"spec": {"podAffinity": {"matchExpressions": [{"key": "a"}]}}})),
        pool(json!({"spec": []})),
        pool(json!({"spec": {"podAffinity": {"matchExpressions": [["a", "In", ["b"]]]}}})),
        pool(json!({"spec": {"routes": [["10.0.0.0/8", "10.0.0.1"]]}})),
        pool(json!({"metadata": {"name": ""}})),
    ] {
        told += &format!("{value}\n    {}\n", parse(value.clone()).unwrap_err());
    }
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [pool(json!({})), pool(json!({"spec": {"ips": [7]}}))]});
    told += &format!("in a list\n    {}\n", parse_all(list).unwrap_err());
    insta::assert_snapshot!(told);
}

#[test]
fn lists_are_expanded() {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [
        pool(json!({})), {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}},
    ]});
    let kinds: Vec<_> = parse_all(list).unwrap().iter().map(|m| m.object.kind().to_owned()).collect();
    assert_eq!(kinds, ["SpiderIPPool", "Pod"]);
    // As the API server lists: the items do not say what they are.
    let list = json!({
        "apiVersion": "spiderpool.spidernet.io/v2beta1", "kind": "SpiderIPPoolList",
        "items": [{"metadata": {"name": "a"}, "spec": {"subnet": "10.0.0.0/24"}}],
    });
    assert!(matches!(&parse_all(list).unwrap()[..], [Manifest { object: Object::Pool(_), .. }]));
    let empty = json!({"apiVersion": "v1", "kind": "PodList", "items": null});
    assert_eq!(parse_all(empty).unwrap(), []);
    assert_eq!(parse_all(pool(json!({}))).unwrap().len(), 1);
    // A kind that merely sounds like a list.
    let wait_list =
        json!({"apiVersion": "x/v1", "kind": "WaitList", "metadata": {"name": "w"}, "items": "none"});
    assert_eq!(parse_all(wait_list).unwrap()[0].object.kind(), "WaitList");
}

#[test]
fn the_old_version_becomes_the_present_one() {
    let old = pool(json!({
        "apiVersion": "spiderpool.spidernet.io/v1",
        "spec": {"vlan": 0},
        "status": {"allocatedIPs": {"10.0.0.1": {"containerID": "x"}}},
    }));
    let manifest = parse(old).unwrap();
    let fields: Vec<_> = manifest.warnings.iter().map(|warning| warning.field.as_str()).collect();
    assert_eq!(fields, ["apiVersion", "status"]);
    assert_eq!(manifest.object.to_value().unwrap(), pool(json!({"spec": {"vlan": 0}})));
}

#[test]
fn other_kinds_of_our_group_are_kept_with_a_word() {
    let coordinator = pool(json!({"kind": "SpiderCoordinator", "spec": {"mode": "auto"}}));
    let manifest = parse(coordinator.clone()).unwrap();
    assert_eq!(manifest.warnings.len(), 1);
    assert_eq!(manifest.object.to_value().unwrap(), coordinator);
}

#[test]
fn kind_stands_in_front_when_written() {
    let text = serde_json::to_string(&parse(pool(json!({}))).unwrap().object).unwrap();
    assert!(
        text.starts_with(
            r#"{"apiVersion":"spiderpool.spidernet.io/v2beta1","kind":"SpiderIPPool","metadata":"#
        )
    );
    let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {}});
    let text = serde_json::to_string(&parse(config).unwrap().object).unwrap();
    assert!(text.starts_with(r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":"#));
}

#[test]
fn an_object_has_a_place_in_the_store() {
    let home = Namespace::new("default").unwrap();
    let key = |value: Value| {
        let mut object = parse(value).unwrap().object;
        object.place_in(&home);
        object.key().unwrap()
    };
    assert_eq!(key(pool(json!({"metadata": {"namespace": "x"}}))).to_string(), "pool blue");
    let pod = key(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}));
    assert_eq!(pod, Key::pod(&"default/web".parse().unwrap()));
    let node = key(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}));
    assert_eq!(node.to_string(), "Node n1");
    let clone_set =
        json!({"apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet", "metadata": {"name": "c"}});
    let Key::Resource(name) = key(clone_set) else { panic!("a resource") };
    assert_eq!(name.group.unwrap().as_str(), "apps.kruise.io");
}

fn json_value() -> impl Strategy<Value = Value> {
    let text = prop::sample::select(vec![
        "spiderpool.spidernet.io/v2beta1",
        "spiderpool.spidernet.io/v1",
        "v1",
        "SpiderIPPool",
        "SpiderSubnetList",
        "SpiderEndpoint",
        "List",
        "x",
        "",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "apiVersion",
        "kind",
        "metadata",
        "name",
        "spec",
        "status",
        "items",
        "ips",
        "routes",
        "podAffinity",
        "x",
    ]);
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Nothing panics, and what was read is read again as the same.
    #[test]
    fn any_json_is_read_or_refused(value in json_value(), api in 0usize..3, kind in 0usize..4) {
        let mut value = value;
        if let Value::Object(fields) = &mut value {
            let api = ["spiderpool.spidernet.io/v2beta1", "v1", "spiderpool.spidernet.io/v1"][api];
            fields.insert("apiVersion".into(), api.into());
            fields.insert("kind".into(), ["SpiderIPPool", "SpiderReservedIP", "Pod", "List"][kind].into());
            if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
                metadata.insert("name".into(), "n".into());
            }
        }
        for manifest in parse_all(value).into_iter().flatten() {
            let written = manifest.object.to_value().unwrap();
            let again = parse(written).unwrap();
            prop_assert_eq!(again.object, manifest.object);
        }
    }
}
