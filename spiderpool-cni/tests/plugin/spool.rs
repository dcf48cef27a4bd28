//! DEL without an agent, or with one that dies.

use crate::support::{Node, http, refusal};
use rstest::rstest;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

fn entry(node: &Node) -> PathBuf {
    node.path("spool/c0ffee:eth0.json")
}

fn done() -> Vec<u8> {
    http(200, &json!({}))
}

#[test]
fn without_an_agent_the_release_is_noted() {
    let node = Node::new();
    let args = "K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0;K8S_POD_UID=0b9e";
    let del = || node.call("DEL").set("CNI_ARGS", args).stdin(node.conf("1.0.0").to_string()).run();
    del().assert_silent_success();
    del().assert_silent_success();
    let noted: Value = serde_json::from_slice(&std::fs::read(entry(&node)).unwrap()).unwrap();
    assert_eq!(
        noted,
        json!({
            "containerID": "c0ffee", "ifName": "eth0", "netNamespace": "/var/run/netns/test",
            "podNamespace": "default", "podName": "web-0", "podUID": "0b9e", "networkName": "macvlan-conf",
        })
    );
    assert_eq!(std::fs::metadata(entry(&node)).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(node.path("spool")).unwrap().count(), 1, "no other file is left");
}

#[test]
fn the_spool_can_be_elsewhere() {
    let node = Node::new();
    let mut conf = node.conf("1.0.0");
    conf["ipam"]["spool_dir"] = json!(node.path("elsewhere"));
    node.run("DEL", &conf).assert_silent_success();
    assert!(node.path("elsewhere/c0ffee:eth0.json").exists());
    assert!(!node.path("spool").exists());
}

#[test]
fn an_agent_at_the_second_try_takes_it() {
    let node = Node::new();
    // The first connection is closed without a word, as by an agent that is being stopped.
    let agent = node.agent(vec![Vec::new(), done()]);
    node.run("DEL", &node.conf("1.0.0")).assert_silent_success();
    let seen = agent.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].body, seen[1].body);
    assert!(!entry(&node).exists(), "the release is confirmed");
}

#[rstest]
#[case::closed(Vec::new())]
#[case::half_an_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{".to_vec())]
#[case::nonsense(b"nonsense\r\n\r\n".to_vec())]
#[case::no_agent_of_ours(b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n".to_vec())]
fn without_a_good_answer_the_entry_stays(#[case] bytes: Vec<u8>) {
    let node = Node::new();
    let agent = node.agent(vec![bytes.clone(), bytes]);
    node.run("DEL", &node.conf("1.0.0")).assert_silent_success();
    assert_eq!(agent.seen().len(), 2);
    assert!(entry(&node).exists());
}

#[rstest]
#[case("NotFound", 404)]
#[case("Gone", 410)]
fn what_is_gone_already_is_released(#[case] word: &str, #[case] status: u16) {
    let node = Node::new();
    let _agent = node.agent(vec![refusal(status, word)]);
    node.run("DEL", &node.conf("1.0.0")).assert_silent_success();
    assert!(!node.path("spool").exists());
}

#[rstest]
#[case("Unavailable", 503, 11)]
#[case("WrongInput", 422, 102)]
fn a_refusal_goes_to_the_runtime_which_comes_again(
    #[case] word: &str,
    #[case] status: u16,
    #[case] code: u64,
    #[values(false, true)] at_the_second_try: bool,
) {
    let node = Node::new();
    let first = if at_the_second_try { vec![Vec::new()] } else { Vec::new() };
    let _agent = node.agent([first, vec![refusal(status, word)]].concat());
    node.run("DEL", &node.conf("1.0.0")).assert_error(code);
    assert_eq!(entry(&node).exists(), at_the_second_try);
}

#[test]
fn a_release_that_can_neither_be_done_nor_noted_is_not_reported_as_done() {
    let node = Node::new();
    std::fs::write(node.path("spool"), "a file where a directory should be").unwrap();
    let msg = node.run("DEL", &node.conf("1.0.0")).assert_error(11);
    assert!(msg.contains("cannot be noted in"), "{msg}");

    let _agent = node.agent(vec![Vec::new(), done()]);
    node.run("DEL", &node.conf("1.0.0")).assert_silent_success();
}

#[test]
fn a_broken_configuration_is_an_error_and_notes_nothing() {
    let node = Node::new();
    let mut conf = node.conf("1.0.0");
    conf["name"] = json!("");
    node.run("DEL", &conf).assert_error(7);
    assert!(!node.path("spool").exists());
}
