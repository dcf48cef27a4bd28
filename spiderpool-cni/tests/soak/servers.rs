//! Agents of two nodes on a store of many machines, whose servers are killed and started again under load.

use crate::load::{self, Answers};
use crate::settings;
use crate::support::Node;

/// How often a server dies in an ordinary test run.
const ORDINARY: u64 = 4;

/// Lets clients work on the agents of `nodes` while `kill` kills a server of `servers` and starts it again, and checks what
/// they saw.
fn survive<T>(test: &str, nodes: &[Node; 2], servers: T, kill: impl Fn(&mut T)) {
    let deaths = settings::times("SPIDERPOOL_SOAK_SERVER_DEATHS", ORDINARY);
    let mut dice = settings::dice(test);
    let agents = nodes.each_ref().map(Node::start);
    load::apply(&nodes[0]);
    let disturb = |mut servers, answers: &Answers, dice: &mut crate::dice::Dice| {
        for _ in 0..deaths {
            answers.wait_for(50 + dice.below(100));
            kill(&mut servers);
        }
        answers.wait_for(50);
        servers
    };
    let (_servers, history) = load::work(nodes, servers, &mut dice, disturb);
    let checked = load::checked_without_refusals(&history);
    println!(
        "{test}: {deaths} deaths of servers, {} calls answered, {} without an answer, at most {} possible pasts of an address",
        checked.answered, checked.lost, checked.widest
    );
    for agent in agents {
        agent.stopped();
    }
}

#[cfg(feature = "etcd")]
mod etcd {
    use super::{Node, survive};
    use rstest::rstest;
    use spiderpool_testbed::{Etcd, EtcdOptions, or_skip};

    #[rstest]
    #[case::of_one_member(1)]
    #[case::of_three_members(3)]
    fn what_clients_saw_can_be_true(#[case] members: usize) {
        let started = Etcd::start(&EtcdOptions::members(members));
        let Some(etcd) = or_skip("soak: clients on etcd", started) else { return };
        let nodes = ["n1", "n2"].map(|name| Node::sharing(name, format!("{}/soak", etcd.url())));
        survive(&format!("etcd {members}"), &nodes, etcd, |etcd| {
            let leader = etcd.leader().unwrap();
            etcd.kill(leader);
            etcd.restart(leader).unwrap();
        });
    }
}

#[cfg(feature = "kube")]
mod kube {
    use super::{Node, survive};
    use spiderpool_testbed::{ControlPlane, ControlPlaneOptions, or_skip};
    use std::path::Path;

    const DEFINITIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/spiderpool/files/crds");

    #[test]
    fn what_clients_saw_can_be_true() {
        let started = ControlPlane::start(&ControlPlaneOptions::default());
        let Some(plane) = or_skip("soak: clients on Kubernetes", started) else { return };
        plane.install(Path::new(DEFINITIONS)).unwrap();
        let nodes = ["n1", "n2"].map(|name| Node::of_cluster(name, plane.kubeconfig()));
        survive("kube", &nodes, plane, |plane| plane.restart_apiserver().unwrap());
    }
}
