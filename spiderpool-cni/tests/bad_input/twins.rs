//! Two plugins for the same container at once.

use crate::proxy::{conf, ended, spawn};
use crate::support::{Node, Ran};
use std::collections::BTreeSet;

/// Starts all at once, then waits for each.
fn at_once(node: &Node, commands: &[&str], container: &str) -> Vec<Ran> {
    let conf = conf(node, &node.socket());
    let plugins: Vec<_> = commands.iter().map(|command| spawn(command, container, "", &conf)).collect();
    plugins.into_iter().map(ended).collect()
}

#[tokio::test]
async fn adds_of_one_container_get_one_address() {
    let node = Node::new();
    let agent = node.start();
    node.apply_pool("10.6.0.0/16", "10.6.0.10-10.6.0.19").await;
    for round in 0..10 {
        let container = format!("c{round}");
        let granted = at_once(&node, &["ADD"; 4], &container);
        let addresses: BTreeSet<_> = granted.iter().map(Ran::address).collect();
        assert_eq!(addresses.len(), 1, "{addresses:?}");
    }
    assert_eq!(node.plugin("ADD", "one-more", None).answer["code"], 100, "ten addresses for ten containers");
    agent.stopped();
}

/// Whoever comes first: a container whose DEL was answered holds nothing, and gets nothing any more.
#[tokio::test]
async fn an_add_and_a_del_at_once_leave_nothing_behind() {
    let node = Node::new();
    let agent = node.start();
    node.apply_pool("10.6.0.0/16", "10.6.0.10").await;
    for round in 0..20 {
        let container = format!("c{round}");
        let order = if round % 2 == 0 { ["ADD", "DEL"] } else { ["DEL", "ADD"] };
        for (command, ran) in order.iter().zip(at_once(&node, &order, &container)) {
            let gone = ran.answer["code"] == 104;
            assert!(ran.success || (*command == "ADD" && gone), "{command} of {container}: {ran:?}");
        }
        assert_eq!(node.plugin("ADD", &container, None).answer["code"], 104, "it is gone");
        let next = format!("next-{round}");
        assert_eq!(node.plugin("ADD", &next, None).address(), "10.6.0.10/16", "round {round}");
        assert!(node.plugin("DEL", &next, None).success);
    }
    agent.stopped();
}

#[tokio::test]
async fn dels_of_one_container_all_succeed() {
    let node = Node::new();
    let agent = node.start();
    node.apply_pool("10.6.0.0/16", "10.6.0.10").await;
    node.plugin("ADD", "c1", None).address();
    assert!(at_once(&node, &["DEL"; 5], "c1").iter().all(|ran| ran.success));
    assert_eq!(node.plugin("ADD", "c2", None).address(), "10.6.0.10/16");
    // A late one does not take away what somebody else holds by now.
    assert!(node.plugin("DEL", "c1", None).success);
    assert_eq!(node.plugin("ADD", "c3", None).answer["code"], 100);
    agent.stopped();
}
