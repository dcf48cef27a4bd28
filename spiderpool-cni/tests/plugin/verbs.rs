//! Every verb when all is well, in every version.

use crate::support::{Node, Ran, grant, http};
use rstest::rstest;
use serde_json::{Value, json};

const K8S: &str = "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0;\
                   K8S_POD_INFRA_CONTAINER_ID=c0ffee;K8S_POD_UID=0b9e";

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[rstest]
fn add_answers_in_the_layout_that_was_asked_for(
    #[values("0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")] version: &str,
) {
    let node = Node::new();
    let agent = node.agent(vec![grant()]);
    let ran = node.run("ADD", &node.conf(version));
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert_eq!(agent.seen().len(), 1);
    insta::assert_snapshot!(format!("add_{version}"), pretty(&ran.json()));
}

#[test]
fn add_hands_on_everything_that_is_known() {
    let node = Node::new();
    let agent = node.agent(vec![grant()]);
    let mut conf = node.conf("1.0.0");
    for (key, value) in [
        ("default_ipv4_ippool", json!(["p4", "backup-*"])),
        ("default_ipv6_ippool", json!(["p6"])),
        ("clean_gateway", json!(true)),
        ("match_master_subnet", json!(true)),
    ] {
        conf["ipam"][key] = value;
    }
    conf["master"] = json!("lo");
    conf["runtimeConfig"] = json!({"ips": ["10.6.0.5/16"]});
    conf["args"] = json!({"cni": {"ips": ["fd00::5"]}});
    let ran = node.call("ADD").set("CNI_ARGS", format!("{K8S};IP=10.6.0.5")).stdin(conf.to_string()).run();
    assert_eq!(ran.exit, 0, "{ran:?}");

    let mut seen = agent.seen();
    assert_eq!(seen.len(), 1);
    let mut request = seen.remove(0);
    let deadline = request.body["deadlineMillis"].take().as_u64().unwrap();
    assert!((1..=99_000).contains(&deadline), "{deadline}");
    let of_master = request.body["masterAddresses"].take();
    assert!(of_master.as_array().unwrap().contains(&json!("127.0.0.1")), "{of_master}");
    insta::assert_snapshot!(format!("{}\n{}", request.line, pretty(&request.body)), @r#"
    POST /v1/ipam/ip
    {
      "cleanGateway": true,
      "containerID": "c0ffee",
      "deadlineMillis": null,
      "defaultIPv4IPPool": [
        "p4",
        "backup-*"
      ],
      "defaultIPv6IPPool": [
        "p6"
      ],
      "ifName": "eth0",
      "masterAddresses": null,
      "matchMasterSubnet": true,
      "netNamespace": "/var/run/netns/test",
      "networkName": "macvlan-conf",
      "podName": "web-0",
      "podNamespace": "default",
      "podUID": "0b9e",
      "requestedIPs": [
        "10.6.0.5/16",
        "fd00::5"
      ]
    }
    "#);
}

#[rstest]
#[case::unnamed(json!({}), "the network configuration names no parent interface")]
#[case::absent(json!({"master": "absent0"}), "there is no interface absent0 on this node")]
#[case::device(json!({"master": "lo", "deviceID": "0000:ff:1f.7"}), "there is no PCI device \"0000:ff:1f.7\"")]
#[case::given_at_run_time(json!({"runtimeConfig": {"deviceID": "0000:ff:1f.7"}}), "there is no PCI device")]
fn a_parent_interface_that_is_to_match_has_to_be_there(#[case] more: Value, #[case] says: &str) {
    let node = Node::new();
    let agent = node.agent(vec![]);
    let mut conf = node.conf("1.0.0");
    conf["ipam"]["match_master_subnet"] = json!(true);
    conf.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let ran = node.run("ADD", &conf);
    let error = ran.json();
    assert_eq!(error["code"], 7, "{error}");
    assert!(error["msg"].as_str().unwrap().contains(says), "{error}");
    assert!(agent.seen().is_empty(), "nobody was asked");
}

#[test]
fn add_works_for_a_container_that_is_no_pod() {
    let node = Node::new();
    let agent = node.agent(vec![grant()]);
    assert_eq!(node.run("ADD", &node.conf("1.1.0")).exit, 0);
    let request = agent.seen().remove(0);
    for key in ["podNamespace", "podName", "podUID", "requestedIPs"] {
        assert_eq!(request.body.get(key), None, "{key}");
    }
    assert_eq!(request.body["containerID"], "c0ffee");
}

#[test]
fn dns_is_handed_on() {
    let node = Node::new();
    let dns = json!({"nameservers": ["10.96.0.10"], "domain": "example.org", "search": ["a", "b"], "options": ["ndots:5"]});
    let _agent = node.agent(vec![http(
        200,
        &json!({"ips": [{"version": 4, "address": "10.6.0.5/16", "nic": "eth0", "ipPool": "p4"}], "dns": dns}),
    )]);
    let ran = node.run("ADD", &node.conf("1.1.0"));
    assert_eq!(ran.json()["dns"], dns);
    assert_eq!(ran.json().get("routes"), None);
}

#[rstest]
#[case::with_netns(true)]
#[case::after_a_reboot(false)]
fn del_releases(#[case] netns: bool) {
    let node = Node::new();
    let agent = node.agent(vec![http(200, &json!({}))]);
    let mut call = node.call("DEL").set("CNI_ARGS", K8S).stdin(node.conf("0.3.1").to_string());
    if !netns {
        call = call.unset("CNI_NETNS");
    }
    call.run().assert_silent_success();
    let request = agent.seen().remove(0);
    assert_eq!(request.line, "DELETE /v1/ipam/ip");
    let mut expected = json!({
        "containerID": "c0ffee", "ifName": "eth0", "netNamespace": "/var/run/netns/test",
        "podNamespace": "default", "podName": "web-0", "podUID": "0b9e", "networkName": "macvlan-conf",
    });
    if !netns {
        expected.as_object_mut().unwrap().remove("netNamespace");
    }
    assert_eq!(request.body, expected);
    assert!(!node.path("spool").exists(), "nothing to note");
}

#[test]
fn check_compares_with_the_addresses_of_this_interface() {
    let node = Node::new();
    let agent = node.agent(vec![http(200, &json!({}))]);
    let mut conf = node.conf("0.4.0");
    conf["prevResult"] = json!({
        "cniVersion": "0.4.0",
        "interfaces": [
            {"name": "eth0", "sandbox": "/var/run/netns/test"},
            {"name": "eth0"},
            {"name": "net1", "sandbox": "/var/run/netns/test"},
        ],
        "ips": [
            {"version": "4", "address": "10.6.0.5/16", "gateway": "10.6.0.1", "interface": 0},
            {"version": "4", "address": "192.168.0.1/16", "interface": 1},
            {"version": "4", "address": "10.7.0.5/16", "interface": 2},
            {"version": "6", "address": "fd00::5/64"},
        ],
    });
    node.run("CHECK", &conf).assert_silent_success();
    let request = agent.seen().remove(0);
    assert_eq!(request.line, "POST /v1/ipam/check");
    assert_eq!(request.body["expectedIPs"], json!(["10.6.0.5/16", "fd00::5/64"]));
}

#[rstest]
#[case(json!({"cni.dev/valid-attachments": [{"containerID": "a", "ifname": "eth0"}]}), json!([{"containerID": "a", "ifname": "eth0"}]))]
#[case(json!({"cni.dev/valid-attachments": []}), json!([]))]
#[case(json!({"cni.dev/valid-attachments": null}), json!([]))]
#[case(json!({"cni.dev/attachments": [{"containerID": "b", "ifname": "eth0"}]}), json!([{"containerID": "b", "ifname": "eth0"}]))]
fn gc_passes_network_and_list(#[case] extra: Value, #[case] list: Value) {
    let node = Node::new();
    let freed = json!({"address": "10.6.0.9", "ipPool": "p4", "containerID": "dead", "ifName": "eth0"});
    let kept = json!({"address": "10.6.0.8", "ipPool": "p4", "ifName": "eth0", "reason": "its pod is alive"});
    let agent = node.agent(vec![http(200, &json!({"freed": [freed], "kept": [kept]}))]);
    let mut conf = node.conf("1.1.0");
    conf.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let call = node.call("GC").unset("CNI_CONTAINERID").unset("CNI_IFNAME").unset("CNI_NETNS");
    call.stdin(conf.to_string()).run().assert_silent_success();
    let request = agent.seen().remove(0);
    assert_eq!(request.line, "POST /v1/ipam/gc");
    assert_eq!(request.body, json!({"networkName": "macvlan-conf", "validAttachments": list}));
    let messages: Vec<_> = node.log().iter().map(|line| line["msg"].clone()).collect();
    assert_eq!(
        messages,
        ["freed 10.6.0.9 of pool p4, interface eth0", "kept 10.6.0.8 of pool p4: its pod is alive"]
    );
}

#[test]
fn status_is_silent_when_an_agent_is_ready() {
    let node = Node::new();
    let answer = json!({"version": "0.1.0", "node": "n1", "store": "sled", "pendingReleases": 0});
    let agent = node.agent(vec![http(200, &answer)]);
    let call = node.call("STATUS").unset("CNI_CONTAINERID").unset("CNI_IFNAME").unset("CNI_NETNS");
    call.stdin(node.conf("1.1.0").to_string()).run().assert_silent_success();
    assert_eq!(agent.seen().remove(0).line, "GET /v1/ipam/status");
}

#[rstest]
#[case::asked(r#"{"cniVersion": "0.4.0"}"#, "0.4.0")]
#[case::asked_unknown(r#"{"cniVersion": "9.0.0"}"#, "1.1.0")]
#[case::not_asked("", "1.1.0")]
#[case::garbage("{", "1.1.0")]
fn version_needs_nothing(#[case] stdin: &str, #[case] answered: &str) {
    let ran: Ran = Node::new().call("VERSION").stdin(stdin).run();
    assert_eq!(ran.exit, 0);
    let expected =
        json!({"cniVersion": answered, "supportedVersions": ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]});
    assert_eq!(ran.json(), expected);
}
