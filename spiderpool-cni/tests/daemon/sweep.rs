//! Sandboxes that end without a DEL, and those that do not.

use crate::support::{AgentProcess, Node};
use serde_json::json;
use spiderpool_cni::client::{AgentClient, AgentStore};
use spiderpool_core::api::Resource;
use spiderpool_core::store::{Document, Key, Store};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A process that is all there is of a sandbox; its network namespace is found as long as it lives.
pub(crate) struct Sandbox(Child);

impl Sandbox {
    pub(crate) fn begin() -> Self {
        // It waits for an end of its input that does not come.
        Self(Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap())
    }

    pub(crate) fn namespace(&self) -> PathBuf {
        format!("/proc/{}/ns/net", self.0.id()).into()
    }

    /// Ends it as a machine's runtime may end that tells nobody.
    pub(crate) fn end(self) {
        drop(self);
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn figure(agent: &AgentProcess, line: &str) -> bool {
    agent.get("metrics", "/metrics").lines().any(|other| other == line)
}

const SWEEPING: [&str; 2] = ["--sweep-interval", "1"];
pub(crate) const FREED: &str = "freed by the sweep";

#[tokio::test]
async fn a_sandbox_that_ends_without_a_del_gives_its_address_back() {
    let node = Node::new();
    let mut agent = node.start_with(&SWEEPING);
    node.apply_pool("10.6.0.0/16", "10.6.0.10-10.6.0.12").await;
    let [ended, alive, later] = std::array::from_fn(|_| Sandbox::begin());
    let add = |sandbox: &Sandbox, name| node.plugin_in(&sandbox.namespace(), "", "ADD", name, None);
    assert_eq!(add(&ended, "c1").address(), "10.6.0.10/16");
    let kept = add(&alive, "c2");
    assert_eq!(add(&later, "c3").address(), "10.6.0.12/16");
    assert_eq!(node.plugin("ADD", "c4", None).answer["code"], 100, "all are held");
    ended.end();
    let line = agent.logged(FREED);
    assert_eq!(line["address"], "10.6.0.10");
    assert_eq!(line["owner"], "sandbox c1");
    assert_eq!(line["reason"], "no pod stands for its sandbox, and the sandbox of its container is gone");
    // One that nothing is known of is kept like one that is there.
    let unknown = node.plugin("ADD", "c4", None);
    assert_eq!(unknown.address(), "10.6.0.10/16");
    // Another pass, and whatever it saw, only what has ended went.
    later.end();
    assert_eq!(agent.logged(FREED)["address"], "10.6.0.12");
    for (name, granted) in [("c2", &kept), ("c4", &unknown)] {
        assert!(node.plugin("CHECK", name, Some(granted)).success, "{name} is alive");
    }
    assert!(figure(&agent, "spiderpool_ip_gc_counts_total 2"));
    assert!(figure(&agent, "spiderpool_ip_gc_freed_counts_total{reason=\"no_pod\"} 2"));
    agent.stopped();
}

/// The machine's runtime and the agent go at once; what the agent wrote down is enough for the next one.
#[tokio::test]
async fn what_ended_while_no_agent_was_there_is_found_by_the_next() {
    let node = Node::new();
    let agent = node.start_with(&SWEEPING);
    node.apply_pool("10.6.0.0/16", "10.6.0.10-10.6.0.11").await;
    let [ended, alive] = std::array::from_fn(|_| Sandbox::begin());
    node.plugin_in(&ended.namespace(), "", "ADD", "c1", None).address();
    let kept = node.plugin_in(&alive.namespace(), "", "ADD", "c2", None);
    kept.address();
    agent.killed();
    ended.end();
    let mut agent = node.start_with(&SWEEPING);
    assert_eq!(agent.logged(FREED)["address"], "10.6.0.10");
    assert!(node.plugin("CHECK", "c2", Some(&kept)).success);
    agent.stopped();

    // The machine starts anew: whatever namespaces there are, they are others.
    let boot = node.path("db").join("node/boot");
    let entry = node.path("db").join("node/sandboxes/c2.json");
    let now = std::fs::read_to_string(&boot).unwrap();
    std::fs::write(&boot, "another\nanother\n").unwrap();
    let noted = std::fs::read_to_string(&entry).unwrap().replace(now.lines().next().unwrap(), "another");
    std::fs::write(&entry, noted).unwrap();
    let mut agent = node.start_with(&SWEEPING);
    assert_eq!(agent.logged(FREED)["address"], "10.6.0.11");
    agent.stopped();
}

#[tokio::test]
async fn a_pod_that_is_declared_keeps_its_address_until_it_is_not() {
    let node = Node::new();
    let mut agent = node.start_with(&["--sweep-interval", "1", "--log-level", "debug"]);
    node.apply_pool("10.6.0.0/16", "10.6.0.10").await;
    let store = AgentStore::connect(AgentClient::new(node.socket())).await.unwrap();
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "default", "uid": "u1"}});
    let pod: Resource = serde_json::from_value(pod).unwrap();
    let key = Key::pod(&"default/web".parse().unwrap());
    let token = store.create(&key, Document::from(pod)).await.unwrap();
    let sandbox = Sandbox::begin();
    let args = "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;K8S_POD_UID=u1";
    node.plugin_in(&sandbox.namespace(), args, "ADD", "c1", None).address();
    sandbox.end();
    assert_eq!(agent.logged("kept by the sweep")["reason"], "its pod has not started yet");
    store.delete(&key, &token).await.unwrap();
    let line = agent.logged(FREED);
    assert_eq!(line["owner"], "pod default/web (uid u1)");
    assert_eq!(line["reason"], "no pod of that name exists, and the sandbox of its container is gone");
    agent.stopped();
}
