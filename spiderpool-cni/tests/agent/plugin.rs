//! The real plugin against the real shell.

use crate::support::{FakeIpam, Node, serve};
use serde_json::{Value, json};
use std::process::Stdio;
use std::sync::Arc;

/// Runs the plugin; gives its exit code and what it printed.
async fn plugin(node: &Node, command: &str) -> (i32, String) {
    let conf = json!({
        "cniVersion": "1.1.0", "name": "net",
        "ipam": {
            "type": "spiderpool", "ipam_unix_socket_path": node.socket(), "log_file_path": node.path("plugin.log"),
        },
        "prevResult": {"cniVersion": "1.1.0", "ips": [{"address": "10.6.0.5/16"}]},
        "cni.dev/valid-attachments": [],
    });
    let command = std::process::Command::new(env!("CARGO_BIN_EXE_spiderpool"))
        .env_clear()
        .envs([
            ("CNI_COMMAND", command),
            ("CNI_CONTAINERID", "c1"),
            ("CNI_IFNAME", "eth0"),
            ("CNI_NETNS", "/run/netns/x"),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let run = move || {
        use std::io::Write;
        let mut child = command.unwrap();
        child.stdin.take().unwrap().write_all(conf.to_string().as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn every_verb() {
    let (node, ipam) = (Node::new(), FakeIpam::new());
    let agent = node.start(&ipam).await;
    let (exit, result) = plugin(&node, "ADD").await;
    let result: Value = serde_json::from_str(&result).unwrap();
    assert_eq!((exit, &result["ips"][0]["address"]), (0, &json!("10.6.0.5/16")));
    for verb in ["CHECK", "STATUS", "GC", "DEL"] {
        assert_eq!(plugin(&node, verb).await, (0, String::new()), "{verb}");
    }
    assert_eq!(ipam.calls(), ["add c1/eth0", "check [\"10.6.0.5/16\"]", "status", "gc net 0", "del c1/eth0"]);
    agent.stop().await;
}

#[tokio::test]
async fn a_del_without_an_agent_is_done_by_the_next_one() {
    let (node, ipam) = (Node::new(), FakeIpam::new());
    assert_eq!(plugin(&node, "DEL").await, (0, String::new()));
    assert_eq!(node.names(&node.spool()), ["c1:eth0.json"]);
    let agent = node.start(&ipam).await;
    // The ADD of the same container waits for it.
    assert_eq!(plugin(&node, "ADD").await.0, 0);
    assert_eq!(ipam.calls(), ["del c1/eth0", "add c1/eth0"]);
    assert!(node.names(&node.spool()).is_empty());
    agent.stop().await;
}

#[tokio::test]
async fn a_del_while_the_agent_starts_is_taken_by_it() {
    let (node, ipam) = (Arc::new(Node::new()), FakeIpam::new());
    let agent = node.bind().await;
    let del = tokio::spawn({
        let node = Arc::clone(&node);
        async move { plugin(&node, "DEL").await }
    });
    let running = serve(agent, &ipam);
    assert_eq!(del.await.unwrap(), (0, String::new()));
    assert_eq!(ipam.calls(), ["del c1/eth0"]);
    assert!(node.names(&node.spool()).is_empty());
    running.stop().await;
}
