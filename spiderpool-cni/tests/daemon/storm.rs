//! Many plugins at once, and an agent that is killed in the middle.

use crate::support::{Node, Ran};
use std::collections::BTreeSet;
use std::sync::mpsc;

/// Runs the plugin for every container, some at a time; gives what each said.
fn all(node: &Node, command: &str, containers: &[String], at_once: usize) -> Vec<(String, Ran)> {
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once)
            .map(|worker| {
                scope.spawn(move || {
                    let own = containers.iter().skip(worker).step_by(at_once);
                    own.map(|container| (container.clone(), node.plugin(command, container, None)))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("c{number}")).collect()
}

#[tokio::test]
async fn n_addresses_for_n_containers_at_once() {
    let node = Node::new();
    let _agent = node.start();
    node.apply_pool("10.6.0.0/16", "10.6.0.7-10.6.0.70").await;
    let answers = all(&node, "ADD", &names(64), 8);
    let addresses: BTreeSet<_> = answers.iter().map(|(_, ran)| ran.address()).collect();
    assert_eq!(addresses.len(), 64);
    assert_eq!(node.plugin("ADD", "one-more", None).answer["code"], 100);
    assert!(all(&node, "DEL", &names(64), 8).iter().all(|(_, ran)| ran.success));
    assert!(
        all(&node, "ADD", &names(64).iter().map(|n| format!("{n}-again")).collect::<Vec<_>>(), 8)
            .iter()
            .all(|(_, ran)| ran.success)
    );
}

#[tokio::test]
async fn what_was_answered_survives_a_kill_in_the_middle() {
    let node = Node::new();
    let agent = node.start();
    node.apply_pool("10.6.0.0/16", "10.6.0.7-10.6.0.70").await;
    let containers = names(48);
    let (send, answered) = mpsc::channel();
    let answers: Vec<(String, Ran)> = std::thread::scope(|scope| {
        let (node, containers) = (&node, &containers);
        let workers: Vec<_> = (0..4)
            .map(|worker| {
                let send = send.clone();
                scope.spawn(move || {
                    let mut answers = Vec::new();
                    for container in containers.iter().skip(worker).step_by(4) {
                        let ran = node.plugin("ADD", container, None);
                        if ran.success {
                            // The test may have heard enough.
                            let _ = send.send(());
                        }
                        answers.push((container.clone(), ran));
                    }
                    answers
                })
            })
            .collect();
        for _ in 0..10 {
            answered.recv().unwrap();
        }
        agent.killed();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    let (good, bad): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(_, ran)| ran.success);
    assert!(good.len() >= 10);
    assert!(bad.iter().all(|(_, ran)| ran.answer["code"] == 11), "{bad:?}");

    let _agent = node.start();
    for (container, granted) in &good {
        assert!(node.plugin("CHECK", container, Some(granted)).success, "{container} lost {granted:?}");
        let again = node.plugin("ADD", container, None);
        assert_eq!(again.address(), granted.address(), "asked again, the same answer");
    }
    let rest: Vec<_> = bad.iter().map(|(container, _)| container.clone()).collect();
    let rest = all(&node, "ADD", &rest, 4);
    let addresses: BTreeSet<_> = good.iter().chain(&rest).map(|(_, ran)| ran.address()).collect();
    assert_eq!(addresses.len(), 48, "nothing was granted twice");
}

#[tokio::test]
async fn two_plugins_for_the_same_container_at_once_get_the_same_answer() {
    let node = Node::new();
    let _agent = node.start();
    node.apply_pool("10.6.0.0/16", "10.6.0.7-10.6.0.8").await;
    let twice = ["c1".to_owned(), "c1".to_owned()];
    for _ in 0..5 {
        let answers = all(&node, "ADD", &twice, 2);
        assert_eq!(answers[0].1.address(), answers[1].1.address());
    }
    assert!(all(&node, "DEL", &twice, 2).iter().all(|(_, ran)| ran.success));
    let two = names(2).iter().map(|name| format!("{name}-new")).collect::<Vec<_>>();
    assert!(all(&node, "ADD", &two, 2).iter().all(|(_, ran)| ran.success), "both addresses are free again");
}
