//! What the API server itself refuses, with no webhook running.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::cluster::{apply, delete, get, post, put, shared};

const ROOT: &str = "/apis/spiderpool.spidernet.io/v2beta1";

fn object(kind: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "spiderpool.spidernet.io/v2beta1", "kind": kind, "metadata": { "name": "x" }, "spec": spec,
    })
}

fn path_of(kind: &str) -> String {
    format!("{ROOT}/{}s", kind.to_lowercase())
}

/// A v4 spec with one field changed or added.
fn v4(field: &str, value: Value) -> Value {
    let mut spec = json!({ "subnet": "10.0.0.0/24" });
    spec[field] = value;
    spec
}

/// A bad spec, and words of the refusal that tell its writer what to do.
fn bad_networks() -> Vec<(Value, &'static str)> {
    let subnet = |text: &str| json!({ "subnet": text });
    vec![
        (json!({}), "spec.subnet: Required value"),
        (subnet("10.0.0.0"), "write a network in CIDR notation"),
        (subnet(""), "write a network in CIDR notation"),
        (subnet("10.0.0.0/33"), "write a network in CIDR notation"),
        (subnet("10.0.0.1/24"), "in its canonical form"),
        (subnet("FD00::/64"), "in its canonical form"),
        (subnet("fd00:0::/64"), "in its canonical form"),
        (v4("ipVersion", json!(5)), "supported values: \"4\", \"6\""),
        (v4("ipVersion", json!(6)), "not the family of subnet"),
        (v4("ips", json!(["10.0.0.0/25"])), "not written in CIDR notation"),
        (v4("ips", json!(["10.0.0.1 - 10.0.0.2"])), "without blanks"),
        (v4("ips", json!(["10.0.0.01"])), "write one address"),
        (v4("ips", json!(["10.0.0.1-"])), "write one address"),
        (v4("ips", json!(["-10.0.0.1"])), "write one address"),
        (v4("ips", json!(["10.0.0.1-10.0.0.2-10.0.0.3"])), "write one address"),
        (v4("ips", json!(["10.0.0.1,10.0.0.2"])), "write one address"),
        (v4("ips", json!(["eth0"])), "write one address"),
        (v4("ips", json!(["10.0.0.1-fd00::1"])), "of one family"),
        (v4("ips", json!(["10.0.0.1", "10.0.1.1"])), "spec.ips: Invalid value"),
        (v4("ips", json!(["10.0.0.1-10.0.1.1"])), "not inside subnet"),
        (v4("ips", json!(["9.255.255.255-10.0.0.1"])), "not inside subnet"),
        (v4("ips", json!(["fd00::1"])), "not inside subnet"),
        (v4("ips", json!("10.0.0.1")), "must be of type array"),
        (v4("excludeIPs", json!(["10.0.1.1"])), "spec.excludeIPs: Invalid value"),
        (v4("excludeIPs", json!(["10.0.0.0/25"])), "not written in CIDR notation"),
        (v4("gateway", json!("10.0.1.1")), "spec.gateway: Invalid value"),
        (v4("gateway", json!("10.0.0.1/24")), "write one address"),
        (v4("gateway", json!("fd00::1")), "not inside subnet"),
        (v4("vlan", json!(4095)), "less than or equal to 4094"),
        (v4("vlan", json!(-1)), "greater than or equal to 0"),
        (v4("routes", json!([{ "dst": "0.0.0.0/0", "gw": "10.0.0.1" }])), "comes from gateway"),
        (v4("routes", json!([{ "dst": "10.1.0.0", "gw": "10.0.0.1" }])), "write a network"),
        (v4("routes", json!([{ "dst": "10.1.0.0/16" }])), "gw: Required value"),
        (v4("routes", json!([{ "gw": "10.0.0.1" }])), "dst: Required value"),
        (v4("routes", json!([{ "dst": "10.1.0.0/16", "gw": "10.9.0.1" }])), "gw is not inside subnet"),
        (v4("routes", json!([{ "dst": "10.1.0.0/16", "gw": "gateway" }])), "write one address"),
        (v4("routes", json!([{ "dst": "fd01::/64", "gw": "10.0.0.1" }])), "another family"),
        (
            v4(
                "routes",
                json!([{ "dst": "10.1.0.0/16", "gw": "10.0.0.1" }, { "dst": "10.1.0.0/16", "gw": "10.0.0.2" }]),
            ),
            "Duplicate value",
        ),
    ]
}

fn bad() -> Vec<(&'static str, Value, &'static str)> {
    let mut all = Vec::new();
    for kind in ["SpiderIPPool", "SpiderSubnet"] {
        all.extend(bad_networks().into_iter().map(|(spec, words)| (kind, spec, words)));
    }
    let operator = json!({ "matchExpressions": [{ "key": "a", "operator": "Is", "values": ["b"] }] });
    all.extend([
        ("SpiderIPPool", v4("podAffinity", json!({})), "selects nothing"),
        ("SpiderIPPool", v4("podAffinity", json!({ "matchLabels": {} })), "selects nothing"),
        ("SpiderIPPool", v4("nodeAffinity", operator), "supported values: \"In\""),
        ("SpiderIPPool", v4("default", json!("yes")), "must be of type boolean"),
        ("SpiderReservedIP", json!({}), "say which addresses are reserved"),
        ("SpiderReservedIP", json!({ "ips": [] }), "say which addresses are reserved"),
        ("SpiderReservedIP", json!({ "ips": ["10.0.0.0/24"] }), "not written in CIDR notation"),
        ("SpiderReservedIP", json!({ "ips": ["10.0.0.1-fd00::1"] }), "of one family"),
        ("SpiderReservedIP", json!({ "ips": ["10.0.0.1", "fd00::1"] }), "into separate objects"),
        ("SpiderReservedIP", json!({ "ipVersion": 6, "ips": ["10.0.0.1"] }), "another family than ipVersion"),
        (
            "SpiderReservedIP",
            json!({ "ipVersion": 5, "ips": ["10.0.0.1"] }),
            "supported values: \"4\", \"6\"",
        ),
    ]);
    all
}

#[test]
fn wrong_manifests_are_refused_in_words() {
    let Some(cluster) = shared() else { return };
    cluster.runtime.block_on(async {
        let client = cluster.client().await;
        let mut wrong = Vec::new();
        for (kind, spec, words) in bad() {
            let body = object(kind, spec.clone());
            match post(&client, &format!("{}?dryRun=All", path_of(kind)), &body).await {
                Ok(_) => wrong.push(format!("{kind} {spec} is taken")),
                Err(refusal) if refusal.code == 422 && refusal.message.contains(words) => {}
                Err(refusal) => wrong.push(format!("{kind} {spec}: no {words:?} in {refusal:?}")),
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn right_manifests_are_taken() {
    let Some(cluster) = shared() else { return };
    let mut manifests = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spiderpool-core/tests/fixtures");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = fs::read_to_string(&path).unwrap();
            let value: Value = serde_saphyr::from_str(&text).unwrap();
            if value["kind"].as_str().is_some_and(|kind| kind.starts_with("Spider")) {
                manifests.push((path.display().to_string(), value));
            }
        }
    }
    assert!(manifests.len() >= 8, "{manifests:?}");
    let edges = [
        json!({ "subnet": "10.0.0.0/24" }),
        json!({ "subnet": "10.0.0.0/24", "ips": [], "routes": [], "excludeIPs": [] }),
        json!({ "subnet": "10.0.0.0/24", "ips": null, "gateway": null }),
        json!({ "subnet": "0.0.0.0/0", "ips": ["0.0.0.0-255.255.255.255"] }),
        json!({ "subnet": "::/0", "ips": ["::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"] }),
        json!({ "subnet": "10.0.0.1/32", "ips": ["10.0.0.1"] }),
        json!({ "ipVersion": 6, "subnet": "fd00::/64", "ips": ["FD00:0:0::1", "fd00::2-fd00::9"] }),
        json!({ "subnet": "10.0.0.0/24", "vlan": 0, "nodeName": ["a"], "multusName": ["kube-system/x"] }),
        json!({ "subnet": "10.0.0.0/24", "podAffinity": { "matchExpressions": [{ "key": "a", "operator": "Exists" }] } }),
        json!({ "subnet": "10.0.0.0/8", "ips": (0..4096).map(|i| format!("10.0.{}.{}", i / 200, i % 200)).collect::<Vec<_>>() }),
    ];
    cluster.runtime.block_on(async {
        let client = cluster.client().await;
        for (n, spec) in edges.into_iter().enumerate() {
            manifests.push((format!("edge {n}"), object("SpiderIPPool", spec)));
        }
        for ips in [json!(["10.0.0.1", "10.0.0.3-10.0.0.9"]), json!(["fd00::1"])] {
            manifests.push(("reservation".into(), object("SpiderReservedIP", json!({ "ips": ips }))));
        }
        for (name, body) in manifests {
            let kind = body["kind"].as_str().unwrap();
            let metadata = &body["metadata"];
            let path = match kind {
                "SpiderEndpoint" => {
                    format!(
                        "{ROOT}/namespaces/{}/spiderendpoints",
                        metadata["namespace"].as_str().unwrap_or("default")
                    )
                }
                _ => path_of(kind),
            };
            let path = format!("{path}?dryRun=All&fieldValidation=Strict");
            let answer = post(&client, &path, &body).await;
            assert!(answer.is_ok(), "{name}: {answer:?}");
        }
    });
}

#[test]
fn what_is_fixed_stays() {
    let Some(cluster) = shared() else { return };
    cluster.runtime.block_on(async {
        let client = cluster.client().await;
        let cases = [
            (
                "SpiderIPPool",
                json!({ "ipVersion": 4, "subnet": "10.0.0.0/24" }),
                vec![
                    (json!({ "ipVersion": 4, "subnet": "10.0.1.0/24" }), Some("a network cannot be changed")),
                    (json!({ "ipVersion": 6, "subnet": "10.0.0.0/24" }), Some("it cannot be changed")),
                    (json!({ "ipVersion": 4, "subnet": "10.0.0.0/24", "ips": ["10.0.0.1"] }), None),
                ],
            ),
            (
                "SpiderSubnet",
                json!({ "subnet": "fd00::/64" }),
                vec![
                    (json!({ "subnet": "fd00::/65" }), Some("a network cannot be changed")),
                    (json!({ "subnet": "fd00::/64", "ipVersion": 6 }), None),
                ],
            ),
            (
                "SpiderReservedIP",
                json!({ "ipVersion": 4, "ips": ["10.0.0.1"] }),
                vec![
                    (json!({ "ipVersion": 6, "ips": ["fd00::1"] }), Some("it cannot be changed")),
                    (json!({ "ipVersion": 4, "ips": ["10.0.0.2"] }), None),
                ],
            ),
        ];
        for (kind, first, edits) in cases {
            let path = format!("{}/x", path_of(kind));
            apply(&client, &path, &object(kind, first)).await.unwrap();
            for (spec, words) in edits {
                let mut body = object(kind, spec.clone());
                body["metadata"]["resourceVersion"] =
                    get(&client, &path).await.unwrap()["metadata"]["resourceVersion"].clone();
                let answer = put(&client, &path, &body).await;
                match words {
                    None => assert!(answer.is_ok(), "{kind} {spec}: {answer:?}"),
                    Some(words) => {
                        let refusal = answer.expect_err(words);
                        assert!(refusal.message.contains(words), "{kind} {spec}: {refusal:?}");
                    }
                }
            }
            delete(&client, &path).await.unwrap();
        }
    });
}

/// Appliers of different fields do not take each other's away, and routes are merged by destination.
#[test]
fn server_side_apply_merges() {
    let Some(cluster) = shared() else { return };
    cluster.runtime.block_on(async {
        let client = cluster.client().await;
        let path = format!("{}/x", path_of("SpiderIPPool"));
        let route = |n: u8| json!({ "dst": format!("10.{n}.0.0/16"), "gw": "10.0.0.1" });
        let first = json!({ "subnet": "10.0.0.0/24", "ips": ["10.0.0.2"], "routes": [route(1)] });
        apply(&client, &path, &object("SpiderIPPool", first)).await.unwrap();
        let second =
            object("SpiderIPPool", json!({ "subnet": "10.0.0.0/24", "default": true, "routes": [route(2)] }));
        let other = format!("{path}?fieldManager=other");
        let merged = crate::cluster::send(
            &client,
            http::Method::PATCH,
            &other,
            "application/apply-patch+yaml",
            Some(&second),
        )
        .await
        .unwrap();
        assert_eq!(merged["spec"]["ips"], json!(["10.0.0.2"]));
        assert_eq!(merged["spec"]["default"], json!(true));
        assert_eq!(merged["spec"]["routes"], json!([route(1), route(2)]));
        delete(&client, &path).await.unwrap();
    });
}
