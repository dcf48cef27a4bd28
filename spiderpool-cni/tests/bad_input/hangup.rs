//! Connections that break off in the middle, and plugins that do.

use crate::proxy::{Kill, Proxy, message};
use crate::support::Node;
use rstest::rstest;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

/// What a plugin that was killed leaves is found by the runtime's next ADD, or freed by its DEL.
#[rstest]
#[tokio::test]
async fn a_plugin_killed_in_an_add_loses_no_address(
    #[values(Kill::BeforeTheRequest, Kill::InTheRequest, Kill::BeforeTheAnswer, Kill::InTheAnswer)]
    kill: Kill,
    #[values("ADD", "DEL")] next: &str,
) {
    let node = Node::new();
    let agent = node.start();
    // One address: one that is lost or granted twice is missed at once.
    node.apply_pool("10.6.0.0/16", "10.6.0.10").await;
    let proxy = Proxy::new(&node);
    proxy.kill(&node, "ADD", "c1", kill);
    if next == "ADD" {
        let again = node.plugin("ADD", "c1", None);
        assert_eq!(again.address(), "10.6.0.10/16", "{kill:?}");
        assert_eq!(node.plugin("ADD", "c2", None).answer["code"], 100);
    }
    assert!(node.plugin("DEL", "c1", None).success, "{kill:?}");
    assert_eq!(node.plugin("ADD", "c2", None).address(), "10.6.0.10/16", "{kill:?}");
    agent.stopped();
}

/// A runtime repeats a DEL that was not answered; until then the address is held or free, not in between.
#[rstest]
#[tokio::test]
async fn a_plugin_killed_in_a_del_is_repeated(
    #[values(Kill::BeforeTheRequest, Kill::InTheRequest, Kill::BeforeTheAnswer, Kill::InTheAnswer)]
    kill: Kill,
) {
    let node = Node::new();
    let agent = node.start();
    node.apply_pool("10.6.0.0/16", "10.6.0.10").await;
    let granted = node.plugin("ADD", "c1", None);
    Proxy::new(&node).kill(&node, "DEL", "c1", kill);
    let done = matches!(kill, Kill::BeforeTheAnswer | Kill::InTheAnswer);
    let check = node.plugin("CHECK", "c1", Some(&granted));
    assert_eq!(check.success, !done, "{kill:?}: {check:?}");
    assert!(node.plugin("DEL", "c1", None).success);
    assert_eq!(node.plugin("ADD", "c2", None).address(), "10.6.0.10/16", "{kill:?}");
    agent.stopped();
}

#[tokio::test]
async fn an_agent_that_hangs_up_gets_the_release_later() {
    let node = Node::new();
    let agent = node.start();
    node.apply_pool("10.6.0.0/16", "10.6.0.10").await;
    let granted = node.plugin("ADD", "c1", None);
    let proxy = Proxy::new(&node);
    let refused = proxy.hang_up(&node, "ADD", "c2");
    assert_eq!((refused.success, refused.answer["code"].as_u64()), (false, Some(11)), "{refused:?}");
    assert!(proxy.hang_up(&node, "DEL", "c1").success, "it is noted");
    assert!(node.path("spool/c1:eth0.json").exists());
    // Its own ADD or DEL, or the start of an agent, brings the release about.
    agent.stopped();
    let agent = node.start();
    // An ADD of the same container waits until its release is replayed.
    assert_eq!(node.plugin("ADD", "c1", None).answer["code"], 104);
    assert_eq!(node.plugin("ADD", "c2", None).address(), "10.6.0.10/16");
    assert_eq!(node.plugin("CHECK", "c1", Some(&granted)).answer["code"], 3);
    agent.stopped();
}

/// Requests that break off anywhere, and bytes that are none, do nothing and hold nobody up.
#[tokio::test]
async fn broken_requests_do_nothing() {
    let node = Node::new();
    let agent = node.start();
    node.apply_pool("10.6.0.0/16", "10.6.0.10").await;
    let body = r#"{"containerID":"c9","ifName":"eth0","networkName":"net"}"#;
    let length = body.len();
    let request = format!(
        "POST /v1/ipam/ip HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    for cut in 0..request.len() {
        let mut stream = UnixStream::connect(node.socket()).unwrap();
        stream.write_all(&request.as_bytes()[..cut]).unwrap();
    }
    for garbage in [&b"\0\0\0\0"[..], b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", &[b'A'; 100_000]] {
        let mut stream = UnixStream::connect(node.socket()).unwrap();
        // The agent may hang up before it has read everything.
        let _ = stream.write_all(garbage);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    // A whole one, of which the answer is not taken: it counts.
    let mut stream = UnixStream::connect(node.socket()).unwrap();
    assert_eq!(node.plugin("ADD", "c1", None).address(), "10.6.0.10/16", "nothing was granted so far");
    assert!(node.plugin("DEL", "c1", None).success);
    stream.write_all(request.as_bytes()).unwrap();
    assert!(message(&mut stream).starts_with(b"HTTP/1.1 200"));
    let log = agent.stopped();
    assert!(log.iter().all(|line| line["level"] != "ERROR"), "{log:?}");
}
