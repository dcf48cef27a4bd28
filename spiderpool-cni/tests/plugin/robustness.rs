//! Whatever comes in, one CNI object goes out.

use crate::support::Node;
use proptest::prelude::*;
use serde_json::{Map, Value};
use spiderpool_cni::cni::Environment;
use spiderpool_cni::plugin;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// Any JSON, often with the keys that mean something.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof![
            ".*",
            Just("1.1.0".to_owned()),
            Just("0.3.1".to_owned()),
            Just("spiderpool".to_owned()),
            Just("10.6.0.5/16".to_owned()),
            Just("eth0".to_owned()),
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key(), inner, 0..6)
                .prop_map(|map| Value::from(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => ".*",
        6 => proptest::sample::select(vec![
            "cniVersion", "name", "ipam", "type", "runtimeConfig", "args", "cni", "ips", "prevResult", "interfaces",
            "interface", "address", "sandbox", "cni.dev/valid-attachments", "containerID", "ifname", "log_level",
            "log_file_max_size", "default_ipv4_ippool", "clean_gateway", "spool_dir",
        ])
        .prop_map(str::to_owned),
    ]
}

fn bytes() -> impl Strategy<Value = OsString> {
    prop_oneof![
        proptest::collection::vec(1_u8..=255, 0..40).prop_map(OsString::from_vec),
        "((K8S_POD_NAME|K8S_POD_NAMESPACE|K8S_POD_UID|IP|IgnoreUnknown)=?[a-z0-9.:/=]{0,8};?){0,4}"
            .prop_map(OsString::from),
    ]
}

fn stdin() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        json().prop_map(|json| json.to_string().into_bytes()),
        (json(), 0.0..1.0).prop_map(|(json, part)| {
            let mut text = json.to_string().into_bytes();
            text.truncate((text.len() as f64 * part) as usize);
            text
        }),
    ]
}

fn assert_object(stdout: &[u8], success: bool) {
    if success && stdout.is_empty() {
        return;
    }
    let object: Value = serde_json::from_slice(stdout).expect("one JSON object");
    assert!(object["cniVersion"].is_string(), "{object}");
    if !success {
        assert!(object["code"].as_u64().is_some_and(|code| code != 0 && code != 199), "{object}");
        assert!(object["msg"].as_str().is_some_and(|msg| !msg.is_empty() && msg.len() < 2000), "{object}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_input_gives_an_object(
        command in proptest::sample::select(vec!["ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION", "", "X"]),
        container in proptest::option::of(prop_oneof![bytes(), Just(OsString::from("c0ffee"))]),
        interface in proptest::option::of(prop_oneof![bytes(), Just(OsString::from("eth0"))]),
        args in proptest::option::of(bytes()),
        stdin in stdin(),
        whole in any::<bool>(),
        extra in json(),
    ) {
        let node = Node::new();
        // Half of the inputs are good configurations with something odd in them, so that the verbs are reached.
        let stdin = if whole {
            let mut conf = node.conf("1.1.0");
            for (key, value) in extra.as_object().into_iter().flatten().filter(|(key, _)| *key != "ipam") {
                conf[key] = value.clone();
            }
            conf.to_string().into_bytes()
        } else {
            stdin
        };
        let environment = Environment {
            command: Some(command.into()),
            container_id: container,
            netns: Some("/var/run/netns/x".into()),
            if_name: interface,
            args,
        };
        // Nothing outside of the node's directory may be touched: configurations without its paths stop early.
        prop_assume!(whole || serde_json::from_slice::<Value>(&stdin).map_or(true, |conf| conf["ipam"].is_null()));
        let output = plugin::run(&environment, stdin.as_slice());
        assert_object(&output.stdout, output.success);
    }
}

#[test]
fn the_binary_says_the_same_as_the_library() {
    // A few of the above through a real process, for what only a process can do wrong.
    for (verb, stdin) in [("ADD", ""), ("DEL", "{"), ("GC", "[]"), ("VERSION", "\u{0}"), ("X", "{}")] {
        let ran = Node::new().call(verb).stdin(stdin).run();
        assert_object(ran.stdout.as_bytes(), ran.exit == 0);
        assert_eq!(ran.stderr, "");
    }
}

#[test]
fn the_object_of_a_defect_is_one() {
    let object: Value = serde_json::from_slice(&plugin::panic_object("src/x.rs:1")).unwrap();
    assert_eq!(object["code"], 199);
}
