//! Variables and configurations that are wrong.

use crate::support::Node;
use rstest::rstest;
use serde_json::{Value, json};
use std::os::unix::ffi::OsStringExt;

#[rstest]
#[case::command("CNI_COMMAND", None, "CNI_COMMAND is missing")]
#[case::command("CNI_COMMAND", Some("add"), "CNI_COMMAND \"add\" is unknown")]
#[case::container("CNI_CONTAINERID", None, "ADD needs CNI_CONTAINERID, which is missing")]
#[case::container("CNI_CONTAINERID", Some("a/b"), "CNI_CONTAINERID: container ID \"a/b\" must be letters")]
#[case::interface("CNI_IFNAME", None, "ADD needs CNI_IFNAME, which is missing")]
#[case::interface("CNI_IFNAME", Some(""), "ADD needs CNI_IFNAME, which is missing")]
#[case::interface("CNI_IFNAME", Some(".."), "CNI_IFNAME: interface name \"..\" is not allowed")]
#[case::interface("CNI_IFNAME", Some("a23456789012345678"), "longer than 15 bytes")]
#[case::netns("CNI_NETNS", None, "ADD needs CNI_NETNS, which is missing")]
#[case::args("CNI_ARGS", Some("K8S_POD_NAME"), "not a KEY=VALUE pair")]
#[case::args("CNI_ARGS", Some("IP=1.2.3"), "not an IP address")]
fn variables(#[case] name: &'static str, #[case] value: Option<&str>, #[case] says: &str) {
    let node = Node::new();
    let call = node.call("ADD").stdin(node.conf("1.0.0").to_string());
    let ran = match value {
        None => call.unset(name).run(),
        Some(value) => call.set(name, value).run(),
    };
    let msg = ran.assert_error(4);
    assert!(msg.contains(says), "{msg}");
    if name != "CNI_COMMAND" {
        assert_eq!(ran.json()["cniVersion"], "1.0.0");
    }
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    let node = Node::new();
    let call = node.call("ADD").unset("CNI_CONTAINERID").unset("CNI_NETNS").unset("CNI_IFNAME");
    let msg = call.stdin(node.conf("1.0.0").to_string()).run().assert_error(4);
    assert_eq!(msg, "ADD needs CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME, which is missing");
}

#[test]
fn a_variable_that_is_no_text() {
    let node = Node::new();
    let bytes = std::ffi::OsString::from_vec(vec![b'a', 0xff]);
    let call = node.call("ADD").set("CNI_ARGS", bytes).stdin(node.conf("1.0.0").to_string());
    assert_eq!(call.run().assert_error(4), "CNI_ARGS is not UTF-8");
}

#[rstest]
#[case::empty("", "it is empty")]
#[case::cut("{\"cniVersion\": \"1.0.0\", \"na", "EOF while parsing")]
#[case::twice("{} {}", "trailing characters")]
#[case::array("[]", "it is JSON, but no object")]
#[case::version("{\"cniVersion\": 1}", "cniVersion is not a string")]
#[case::binary("\u{0}\u{1}", "expected value")]
#[case::bomb(&"[".repeat(100_000), "recursion limit")]
fn what_is_no_configuration(
    #[case] stdin: &str,
    #[case] says: &str,
    #[values("ADD", "DEL", "STATUS")] verb: &str,
) {
    let msg = Node::new().call(verb).stdin(stdin).run().assert_error(6);
    assert!(msg.contains(says), "{msg}");
}

#[rstest]
#[case::unknown("ADD", json!("2.0.0"))]
#[case::too_old("DEL", json!("0.2.0"))]
#[case::missing("ADD", Value::Null)]
#[case::check("CHECK", json!("0.3.1"))]
#[case::gc("GC", json!("1.0.0"))]
#[case::status("STATUS", json!("0.4.0"))]
fn versions_that_are_not_spoken(#[case] verb: &str, #[case] version: Value) {
    let node = Node::new();
    let mut conf = node.conf("1.0.0");
    conf["cniVersion"] = version.clone();
    let ran = node.run(verb, &conf);
    let msg = ran.assert_error(1);
    let spoken = ["0.3.1", "0.4.0", "1.0.0"].contains(&version.as_str().unwrap_or_default());
    assert_eq!(msg.contains("0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0"), !spoken, "{msg}");
    assert_eq!(ran.json()["cniVersion"], if version.is_null() { json!("0.1.0") } else { version });
}

#[rstest]
#[case(json!({"name": null}), "name is missing")]
#[case(json!({"name": "a b"}), "name: network name \"a b\" must be")]
#[case(json!({"name": 5}), "name is 5, but must be a string")]
#[case(json!({"ipam": null}), "ipam is missing")]
#[case(json!({"ipam": "spiderpool"}), "ipam is \"spiderpool\", but must be an object")]
#[case(json!({"ipam": {"clean_gateway": "yes"}}), "ipam.clean_gateway is \"yes\", but must be true or false")]
#[case(json!({"ipam": {"default_ipv4_ippool": "p4"}}), "ipam.default_ipv4_ippool is \"p4\", but must be an array")]
#[case(json!({"ipam": {"default_ipv4_ippool": ["p4", 5]}}), "ipam.default_ipv4_ippool is 5, but must be an array of strings")]
#[case(json!({"ipam": {"default_ipv4_ippool": [""]}}), "holds an empty pool name")]
#[case(json!({"ipam": {"ipam_unix_socket_path": "agent.sock"}}), "must be an absolute path")]
#[case(json!({"ipam": {"log_file_max_size": -1}}), "ipam.log_file_max_size is -1, but must be a whole number")]
#[case(json!({"ipam": {"log_file_max_age": "a week"}}), "ipam.log_file_max_age is \"a week\", but must be")]
#[case(json!({"ipam": {"log_file_max_count": ""}}), "ipam.log_file_max_count is \"\", but must be")]
#[case(json!({"runtimeConfig": {"ips": ["10.6.0.300"]}}), "runtimeConfig.ips: \"10.6.0.300\" is not an IP address")]
#[case(json!({"runtimeConfig": {"ips": "10.6.0.3"}}), "runtimeConfig.ips is \"10.6.0.3\", but must be an array")]
#[case(json!({"args": {"cni": {"ips": ["x"]}}}), "args.cni.ips: \"x\" is not an IP address")]
#[case(json!({"runtimeConfig": {"ips": ["10.6.0.3", "10.6.0.4/16"]}}), "10.6.0.3 and 10.6.0.4/16 are asked for")]
fn fields_that_are_wrong(#[case] changes: Value, #[case] says: &str) {
    let node = Node::new();
    let mut conf = node.conf("1.0.0");
    conf.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let msg = node.run("ADD", &conf).assert_error(7);
    assert!(msg.contains(says), "{msg}");
}

#[test]
fn an_unsupported_value_is_named_with_its_key() {
    let node = Node::new();
    let mut conf = node.conf("1.0.0");
    conf["ipam"]["log_level"] = json!("chatty");
    let msg = node.run("ADD", &conf).assert_error(2);
    assert!(msg.contains("ipam.log_level \"chatty\""), "{msg}");
}

#[rstest]
#[case(json!(null), "prevResult is missing")]
#[case(json!([]), "prevResult: it is not an object")]
#[case(json!({"ips": [{}]}), "has no address")]
#[case(json!({"ips": [{"address": "x"}]}), "not an IP address")]
#[case(json!({"ips": [{"address": "10.6.0.5/16", "interface": 3}]}), "names an interface that is not listed")]
#[case(json!({"ips": [{"address": "10.6.0.5/16", "interface": -1}]}), "names an interface that is not listed")]
fn check_without_a_good_previous_result(#[case] previous: Value, #[case] says: &str) {
    let node = Node::new();
    let mut conf = node.conf("1.0.0");
    conf["prevResult"] = previous;
    let msg = node.run("CHECK", &conf).assert_error(7);
    assert!(msg.contains(says), "{msg}");
}

#[rstest]
#[case(json!({}), "cni.dev/valid-attachments is missing")]
#[case(json!({"cni.dev/valid-attachments": {}}), "must be an array")]
#[case(json!({"cni.dev/valid-attachments": [{"containerID": "a"}]}), "missing field `ifname`")]
#[case(json!({"cni.dev/valid-attachments": [{"containerID": "a/b", "ifname": "eth0"}]}), "must be letters")]
fn gc_without_a_good_list_asks_nobody(#[case] extra: Value, #[case] says: &str) {
    let node = Node::new();
    let agent = node.agent(vec![]);
    let mut conf = node.conf("1.1.0");
    conf.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let msg = node.run("GC", &conf).assert_error(7);
    assert!(msg.contains(says), "{msg}");
    assert!(agent.seen().is_empty());
}

#[test]
fn input_without_end_is_cut_off() {
    let node = Node::new();
    let mut stdin = node.conf("1.0.0").to_string().into_bytes();
    stdin.resize((16 << 20) + 1, b' ');
    node.call("ADD").stdin(stdin).run().assert_error(7);
}
