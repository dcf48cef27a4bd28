//! An agent that refuses, breaks off, talks nonsense or is not there.

use crate::support::{Node, http, refusal};
use rstest::rstest;
use serde_json::{Value, json};

/// A configuration that every verb can use.
fn conf_for_all(node: &Node) -> Value {
    let mut conf = node.conf("1.1.0");
    conf["prevResult"] = json!({"cniVersion": "1.1.0", "ips": [{"address": "10.6.0.5/16"}]});
    conf["cni.dev/valid-attachments"] = json!([]);
    conf
}

#[rstest]
#[case("Exhausted", 409, 100)]
#[case("NoPool", 409, 101)]
#[case("WrongInput", 422, 102)]
#[case("TooLarge", 413, 102)]
#[case("AddressTaken", 409, 103)]
#[case("Gone", 410, 104)]
#[case("NotFound", 404, 3)]
#[case("Mismatch", 409, 105)]
#[case("Cooling", 409, 11)]
#[case("Busy", 503, 11)]
#[case("Unavailable", 503, 11)]
#[case("Deadline", 504, 11)]
#[case("Internal", 500, 106)]
#[case("SomethingNew", 500, 106)]
#[case("SomethingNewAndTransient", 503, 11)]
fn refusals_of_add_check_and_gc(
    #[case] word: &str,
    #[case] status: u16,
    #[case] code: u64,
    #[values("ADD", "CHECK", "GC")] verb: &str,
) {
    let node = Node::new();
    let _agent = node.agent(vec![refusal(status, word)]);
    let ran = node.run(verb, &conf_for_all(&node));
    assert_eq!(ran.assert_error(code), format!("pool p1: {word}"));
    assert_eq!(ran.json()["details"], "do this");
    let last = node.log().pop().unwrap();
    assert_eq!(
        (&last["level"], &last["code"], &last["CNICommand"]),
        (&json!("ERROR"), &json!(code), &json!(verb))
    );
}

#[test]
fn status_says_50_whatever_is_in_the_way() {
    let node = Node::new();
    assert!(node.run("STATUS", &node.conf("1.1.0")).assert_error(50).contains("no agent listens at"));
    let _agent = node.agent(vec![refusal(503, "Unavailable"), b"nonsense\r\n\r\n".to_vec(), Vec::new()]);
    for _ in 0..3 {
        node.run("STATUS", &node.conf("1.1.0")).assert_error(50);
    }
}

#[rstest]
#[case::no_socket(false)]
#[case::nobody_listens(true)]
fn without_an_agent_try_again(#[case] stale: bool, #[values("ADD", "CHECK", "GC")] verb: &str) {
    let node = Node::new();
    if stale {
        drop(std::os::unix::net::UnixListener::bind(node.socket()).unwrap());
    }
    let msg = node.run(verb, &conf_for_all(&node)).assert_error(11);
    assert!(msg.contains(&format!("no agent listens at {}", node.socket().display())), "{msg}");
}

#[rstest]
#[case::closed_without_a_word(b"".to_vec(), 11, "before it answered")]
#[case::half_a_head(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec(), 11, "in the middle of the head")]
#[case::half_a_body(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"ips\": [".to_vec(), 11, "in the middle of the body")]
#[case::not_http(b"220 mail.example.org ESMTP\r\n".to_vec(), 107, "not HTTP")]
#[case::too_large(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n".to_vec(), 107, "larger than 16 MiB")]
#[case::endless_head([b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &[b'a'; 40_000]].concat(), 107, "longer than 16 KiB")]
#[case::not_json(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec(), 107, "not understood")]
#[case::other_server(b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nNot Found".to_vec(), 107, "HTTP status 404")]
#[case::upstreams_agent(b"HTTP/1.1 500 X\r\nContent-Length: 13\r\n\r\n\"no IP left\"\n".to_vec(), 107, "no IP left")]
#[case::no_address(http(200, &json!({"ips": []})), 107, "no address for interface eth0")]
#[case::others_address(
    http(200, &json!({"ips": [{"version": 4, "address": "10.6.0.5/16", "nic": "net1", "ipPool": "p"}]})),
    107,
    "no address for interface eth0"
)]
#[case::bad_address(
    http(200, &json!({"ips": [{"version": 4, "address": "10.6.0.5", "nic": "eth0", "ipPool": "p"}]})),
    107,
    "not an IP address with a prefix length"
)]
fn answers_that_are_none(#[case] bytes: Vec<u8>, #[case] code: u64, #[case] says: &str) {
    let node = Node::new();
    let agent = node.agent(vec![bytes]);
    let msg = node.run("ADD", &node.conf("1.1.0")).assert_error(code);
    assert!(msg.contains(says), "{msg}");
    assert_eq!(agent.seen().len(), 1, "an ADD is not sent twice");
}
