//! An agent that is killed again and again, at any point of its life.

use crate::support::{Node, Ran};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::sync::mpsc;

/// Containers per worker; as many addresses as there are workers, so that every one is needed all the time.
const CONTAINERS: usize = 12;
const WORKERS: usize = 4;

/// Repeats a command as a runtime does, until it is answered. `told` hears of every answer.
fn insist(node: &Node, command: &str, container: &str, told: &mpsc::Sender<()>) -> Ran {
    loop {
        let ran = node.plugin(command, container, None);
        // The test may have heard enough.
        let _ = told.send(());
        if ran.success {
            return ran;
        }
        // No agent, or one that was killed in the middle; or the address of a DEL that is still to be replayed.
        assert!([11, 100].contains(&ran.answer["code"].as_u64().unwrap()), "{command} {container}: {ran:?}");
    }
}

#[tokio::test]
async fn an_agent_killed_at_any_point_forgets_and_loses_nothing() {
    let node = Node::new();
    let first = node.start();
    node.apply_pool("10.6.0.0/16", &format!("10.6.0.1-10.6.0.{WORKERS}")).await;
    let (tell, told) = mpsc::channel();
    let (agent, last) = std::thread::scope(|scope| {
        let (node, mut agent) = (&node, first);
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let tell = tell.clone();
                scope.spawn(move || {
                    let mut held = None;
                    for n in 0..CONTAINERS {
                        let container = format!("w{worker}-{n}");
                        let granted = insist(node, "ADD", &container, &tell);
                        let again = insist(node, "ADD", &container, &tell);
                        assert_eq!(again.address(), granted.address(), "{container}");
                        if n + 1 < CONTAINERS {
                            insist(node, "DEL", &container, &tell);
                        }
                        held = Some((container, granted));
                    }
                    held.unwrap()
                })
            })
            .collect();
        drop(tell);
        // Killed after more and more answers, until the workers are through.
        for answers in 1.. {
            if (0..answers).any(|_| told.recv().is_err()) {
                break;
            }
            agent.killed();
            agent = node.start();
        }
        let last: BTreeMap<String, Ran> = workers.into_iter().map(|worker| worker.join().unwrap()).collect();
        (agent, last)
    });
    let addresses: BTreeSet<_> = last.values().map(Ran::address).collect();
    assert_eq!(addresses.len(), WORKERS, "nothing was granted twice: {last:?}");
    for (container, granted) in &last {
        assert!(node.plugin("CHECK", container, Some(granted)).success, "{container}");
        assert!(node.plugin("DEL", container, None).success, "{container}");
    }
    for n in 0..WORKERS {
        assert!(node.plugin("ADD", &format!("last-{n}"), None).success, "an address is lost");
    }
    agent.stopped();
}

/// Killed after each line that it logs while it starts, and at once.
#[tokio::test]
async fn an_agent_killed_while_it_starts_is_in_nobodys_way() {
    let node = Node::new();
    let agent = node.start();
    node.apply_pool("10.6.0.0/16", "10.6.0.10").await;
    let granted = node.plugin("ADD", "c1", None);
    agent.killed();
    assert!(node.plugin("DEL", "c1", None).success, "noted");
    for lines in 0.. {
        let mut command = node.command();
        let mut child = command.args(["--log-level", "trace"]).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        for _ in 0..lines {
            line.clear();
            log.read_line(&mut line).unwrap();
            // One that has nothing to replay any more comes here after fewer lines, and may say nothing more.
            if line.contains("\"serving\"") {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if line.contains("\"serving\"") || lines > 100 {
            break;
        }
    }
    // The last of them may have replayed the release before it was killed, and what it had seen died with it. The
    // runtime repeats its DEL, so that the next agent has one to replay in any case.
    assert!(node.plugin("DEL", "c1", None).success, "noted again");
    let agent = node.start();
    // An ADD of the same container waits until its release is replayed.
    assert_eq!(node.plugin("ADD", "c1", None).answer["code"], 104);
    assert_eq!(node.plugin("ADD", "c2", None).address(), granted.address());
    agent.stopped();
}
