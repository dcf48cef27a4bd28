//! A disk that is full, under the agent and under the plugin.

use crate::proxy::message;
use crate::support::{AgentProcess, Node, Ran};
use crate::tiny::{Tiny, skipped};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Asks the agent itself: status and body of its answer.
fn ask(node: &Node, line: &str, body: &Value) -> (u16, Value) {
    let body = body.to_string();
    let head = format!(
        "{line} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}",
        body.len()
    );
    let mut stream = UnixStream::connect(node.socket()).unwrap();
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
    let answer = String::from_utf8(message(&mut stream)).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

fn has_room(ballast: &Path) {
    fs::remove_file(ballast).unwrap();
}

#[tokio::test]
async fn a_full_disk_under_the_database_is_said_and_forgets_nothing() {
    let node = Node::new();
    let Some(tiny) = Tiny::mount(node.path("db"), "8m") else { return skipped("cni::disk") };
    let agent = node.start();
    node.apply_pool("10.0.0.0/8", "10.0.0.1-10.0.255.254").await;
    let mut granted = vec![("c0".to_owned(), node.plugin("ADD", "c0", None))];
    granted[0].1.address();
    let probes = ["startup", "liveness", "readiness"];
    let probe = |agent: &AgentProcess, which: &str| agent.get("health", &format!("/v1/runtime/{which}"));
    for which in probes {
        assert!(probe(&agent, which).starts_with("HTTP/1.1 200"), "{which}");
    }
    let ballast = tiny.fill();
    // What was set aside already is used up first. The plugin would wait for 100 s.
    let refused = loop {
        let container = format!("c{}", granted.len());
        let body = json!({
            "containerID": container, "ifName": "eth0", "networkName": "net", "deadlineMillis": 2000,
        });
        let (status, answer) = ask(&node, "POST /v1/ipam/ip", &body);
        if status != 200 {
            break answer;
        }
        let result = json!({"cniVersion": "1.1.0", "ips": [{"address": answer["ips"][0]["address"]}]});
        granted.push((container, Ran { success: true, answer: result }));
    };
    assert_eq!(refused["retryable"], true, "{refused}");
    assert!(refused["details"].as_str().unwrap().contains("see the agent's log"), "{refused}");
    // From now on everybody is told what to do.
    for command in ["STATUS", "CHECK"] {
        let told = node.plugin(command, "c0", Some(&granted[0].1));
        assert!(!told.success && told.answer["msg"].as_str().unwrap().contains("make room"), "{told:?}");
    }
    // It is for good, whatever becomes of the disk, so whoever watches over the agent is to start it again.
    let ballast = {
        has_room(&ballast);
        tiny.fill()
    };
    for which in probes {
        let answer = probe(&agent, which);
        assert!(answer.starts_with("HTTP/1.1 503"), "{which}: {answer}");
        assert!(answer.contains("make room or mend the disk, then start again"), "{which}: {answer}");
    }
    assert!(probe(&agent, "liveness").contains("The agent does not go on by itself: restart it"));
    agent.signal(Signal::SIGTERM);
    let (_, log) = agent.ended();
    let said =
        |line: &Value| line["level"] == "ERROR" && line.to_string().contains("make room or mend the disk");
    assert!(log.iter().any(said), "{log:?}");

    has_room(&ballast);
    let agent = node.start();
    for (container, granted) in &granted {
        assert!(node.plugin("CHECK", container, Some(granted)).success, "{container} is forgotten");
    }
    let next = format!("c{}", granted.len());
    let next = node.plugin("ADD", &next, None).address();
    assert!(granted.iter().all(|(_, other)| other.address() != next), "{next} is granted twice");
    agent.stopped();
}

#[tokio::test]
async fn a_release_that_cannot_be_noted_is_not_reported_as_done() {
    let node = Node::new();
    let Some(tiny) = Tiny::mount(node.path("spool"), "64k") else { return skipped("cni::disk") };
    let agent = node.start();
    node.apply_pool("10.6.0.0/16", "10.6.0.10").await;
    node.plugin("ADD", "c1", None).address();
    agent.stopped();
    let ballast = tiny.fill();
    let refused = node.plugin("DEL", "c1", None);
    let msg = refused.answer["msg"].as_str().unwrap();
    assert_eq!(refused.answer["code"], 11, "{refused:?}");
    assert!(msg.contains("cannot be noted in") && msg.contains("No space left"), "{msg}");
    assert!(refused.answer["details"].as_str().unwrap().contains("make room"), "{refused:?}");

    has_room(&ballast);
    assert!(node.plugin("DEL", "c1", None).success);
    let agent = node.start();
    // An ADD of the same container waits until its release is replayed.
    assert_eq!(node.plugin("ADD", "c1", None).answer["code"], 104);
    assert_eq!(node.plugin("ADD", "c2", None).address(), "10.6.0.10/16");
    agent.stopped();
}
