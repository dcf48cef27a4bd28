//! Agents of several nodes on one etcd cluster.

use std::collections::BTreeSet;

use nix::sys::signal::Signal;
use spiderpool_testbed::{Etcd, EtcdOptions, or_skip};

use crate::support::{Node, Ran};

const ADDRESSES: usize = 8;

/// Two nodes whose agents are on `etcd`.
fn nodes(etcd: &Etcd) -> [Node; 2] {
    ["n1", "n2"].map(|name| Node::sharing(name, format!("{}/lab", etcd.url())))
}

fn add_all(nodes: &[Node; 2], round: &str) -> Vec<Ran> {
    let adds = (0..ADDRESSES).map(|pod| (&nodes[pod % 2], format!("{round}{pod}")));
    let adds: Vec<_> = adds.collect();
    std::thread::scope(|scope| {
        let adding = adds.iter().map(|(node, container)| scope.spawn(|| node.plugin("ADD", container, None)));
        let adding: Vec<_> = adding.collect();
        adding.into_iter().map(|adding| adding.join().unwrap()).collect()
    })
}

fn addresses(added: &[Ran]) -> BTreeSet<String> {
    added.iter().map(Ran::address).collect()
}

#[tokio::test]
async fn two_nodes_share_a_pool_to_its_last_address() {
    let started = Etcd::start(&EtcdOptions::members(1));
    let Some(etcd) = or_skip("daemon: two nodes on etcd", started) else { return };
    let nodes = nodes(&etcd);
    let [first, second] = &nodes;
    let agents = [first.start(), second.start()];
    first.apply_pool("10.9.0.0/24", "10.9.0.1-10.9.0.8").await;
    let held = add_all(&nodes, "a");
    assert_eq!(addresses(&held).len(), ADDRESSES);
    // Asked of one node alone: what it has proven it believes for a second, whatever the other one gives back.
    let refused = first.plugin("ADD", "one-too-many", None);
    assert!(!refused.success && refused.answer.to_string().contains("pool p"), "{refused:?}");
    // Its agent dies, and the next one knows what the node holds.
    let [agent, other] = agents;
    agent.killed();
    let _agent = first.start();
    assert_eq!(first.plugin("ADD", "a0", None).address(), held[0].address());
    // What one node gives back, the other one gets.
    assert!(first.plugin("DEL", "a0", None).success);
    assert_eq!(second.plugin("ADD", "b0", None).address(), held[0].address());
    other.stopped();
}

#[tokio::test]
async fn a_dead_leader_is_not_noticed_and_a_lost_majority_is_waited_for() {
    let started = Etcd::start(&EtcdOptions::members(3));
    let Some(mut etcd) = or_skip("daemon: etcd that fails", started) else { return };
    let nodes = nodes(&etcd);
    let [first, second] = &nodes;
    let _agents = [first.start(), second.start()];
    first.apply_pool("10.9.0.0/24", "10.9.0.1-10.9.0.8").await;
    let leader = etcd.leader().unwrap();
    etcd.kill(leader);
    let held = add_all(&nodes, "a");
    assert_eq!(addresses(&held).len(), ADDRESSES);
    // Without a majority nothing can be given back; it is, once there is one again.
    let another = (leader + 1) % etcd.size();
    etcd.kill(another);
    let deleted = std::thread::scope(|scope| {
        let deleting = scope.spawn(|| first.plugin("DEL", "a0", None));
        etcd.restart(leader).unwrap();
        etcd.restart(another).unwrap();
        deleting.join().unwrap()
    });
    assert!(deleted.success, "{deleted:?}");
    assert_eq!(second.plugin("ADD", "b0", None).address(), held[0].address());
}

/// One agent leads; when it dies, or stops, another one does.
#[tokio::test]
async fn one_agent_leads() {
    let started = Etcd::start(&EtcdOptions::members(1));
    let Some(etcd) = or_skip("daemon: a leader on etcd", started) else { return };
    let nodes = nodes(&etcd);
    let [first, second] = &nodes;
    let short = ["--lease-duration", "2"];
    let mut agent = first.start_with(&short);
    agent.logged("leading");
    let mut other = second.start_with(&short);
    let following = other.logged("following");
    assert!(following["leader"].as_str().unwrap().starts_with("n1_"), "{following}");
    // One that is paused is followed, and knows it when it wakes up.
    agent.signal(Signal::SIGSTOP);
    other.logged("leading");
    agent.signal(Signal::SIGCONT);
    agent.logged("following");
    // One that stops is not waited for; one that dies is.
    other.stopped();
    agent.logged("leading");
    let mut other = second.start_with(&short);
    other.logged("following");
    agent.killed();
    other.logged("leading");
}
