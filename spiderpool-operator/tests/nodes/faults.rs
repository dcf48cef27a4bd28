//! Everything that can fail does, while pods start: a pool of exactly as many addresses as there are pods serves all of them
//! in the end, each address once.

use spiderpool_testbed::{MACVLAN, in_hub};

use super::{
    cluster::Cluster,
    workload::{addresses, annotation, pool, workload},
};

/// Pods, and addresses.
const EXACTLY: usize = 20;

#[test]
#[ignore = "takes the images: cargo xtask test --only nodes"]
fn whatever_fails_every_pod_gets_its_address_in_the_end() {
    in_hub("faults::whatever_fails_every_pod_gets_its_address_in_the_end", || {
        let mut cluster = Cluster::start(MACVLAN);
        cluster.install(&["feature.enableIPv6=false"]);
        cluster.at("installed");
        cluster.apply(&pool("exact", "10.200.0.0/16", "10.200.1.1-10.200.1.20"));
        cluster.apply(&workload(
            "Deployment",
            "all",
            EXACTLY,
            &annotation("ippool", r#"{"ipv4": ["exact"]}"#),
        ));
        served(&cluster, "at first");
        renewed(&cluster, "agents upgraded", |cluster| {
            cluster.kubectl(&["rollout", "restart", "-n", "kube-system", "ds/spiderpool-agent"]);
        });
        cluster.kubectl(&["rollout", "status", "-n", "kube-system", "ds/spiderpool-agent", "--timeout=180s"]);
        upgrade_under_load(&cluster);
        renewed(&cluster, "the plugin taken away and put back by an agent that starts", |cluster| {
            cluster.nodes.nodes()[0].machine().run(&["rm", "/opt/cni/bin/spiderpool"]).unwrap();
            let field = "--field-selector=spec.nodeName=node1";
            let agents = "app.kubernetes.io/component=spiderpool-agent";
            cluster.kubectl(&["delete", "pod", "-n", "kube-system", "-l", agents, field, "--wait=false"]);
        });
        renewed(&cluster, "the controller killed", |cluster| {
            let controllers = "app.kubernetes.io/component=spiderpool-controller";
            cluster.kubectl(&[
                "delete",
                "pod",
                "-n",
                "kube-system",
                "-l",
                controllers,
                "--force",
                "--grace-period=0",
            ]);
        });
        recreate(&cluster);
        let node = &mut cluster.nodes.nodes_mut()[0];
        node.kill_containerd().unwrap();
        node.kill_kubelet().unwrap();
        node.start_containerd().unwrap();
        node.start_kubelet().unwrap();
        served(&cluster, "containerd and kubelet killed");
        recreate(&cluster);
        cluster.nodes.plane_mut().restart_apiserver().unwrap();
        served(&cluster, "the API server killed");
        etcd_dies(&mut cluster);
        power_loss(&mut cluster);
        nothing_is_left(&cluster);
    });
}

/// All pods are deleted at once, something happens meanwhile, and all are served.
fn renewed(cluster: &Cluster, what: &str, happens: impl FnOnce(&Cluster)) {
    recreate(cluster);
    happens(cluster);
    served(cluster, what);
}

fn recreate(cluster: &Cluster) {
    cluster.kubectl(&["delete", "pod", "-l", "app=all", "--wait=false"]);
}

fn served(cluster: &Cluster, what: &str) {
    let pods = cluster.ready("all", EXACTLY);
    assert_eq!(addresses(&pods).len(), EXACTLY, "{pods:?}");
    cluster.at(what);
}

/// Agents are exchanged, one node after the other; until all are, pods that serve are deleted, and others take their place.
fn upgrade_under_load(cluster: &Cluster) {
    cluster.kubectl(&["rollout", "restart", "-n", "kube-system", "ds/spiderpool-agent"]);
    let mut deleted = 0;
    cluster.until("all agents to be exchanged", |cluster| {
        let mut serving = cluster.pods("all");
        serving.retain(|pod| pod.ready && !pod.ends);
        addresses(&serving);
        serving.truncate(EXACTLY / 4);
        if !serving.is_empty() {
            let names = serving.iter().map(|pod| pod.name.as_str());
            let words = ["delete", "pod", "--wait=false"].into_iter().chain(names);
            cluster.kubectl(&words.collect::<Vec<_>>());
            deleted += serving.len();
        }
        let agents = cluster.json(&["get", "ds", "-n", "kube-system", "spiderpool-agent"]);
        let status = &agents["status"];
        let is_seen = status["observedGeneration"] == agents["metadata"]["generation"];
        let are_new = ["updatedNumberScheduled", "numberAvailable"].iter().all(|count| status[*count] == 2);
        (is_seen && are_new).then_some(())
    });
    served(cluster, &format!("agents upgraded while {deleted} pods were deleted"));
}

/// The store of the API server is away while pods start, until the API server says so.
fn etcd_dies(cluster: &mut Cluster) {
    let ready = |cluster: &Cluster| cluster.nodes.plane().ask(&["get", "--raw", "/readyz"], "").is_ok();
    recreate(cluster);
    cluster.nodes.plane_mut().etcd_mut().kill(0);
    cluster.until("the API server to miss etcd", |cluster| (!ready(cluster)).then_some(()));
    cluster.nodes.plane_mut().etcd_mut().restart(0).unwrap();
    cluster.until("the API server to be ready again", |cluster| ready(cluster).then_some(()));
    served(cluster, "etcd killed");
}

/// With the pods go all their addresses, and the books are in order.
fn nothing_is_left(cluster: &Cluster) {
    cluster.kubectl(&["delete", "deployment", "all"]);
    cluster.gone("all");
    cluster.free("exact");
    cluster.at("nothing is left: fsck");
    let said = cluster.spiderpoolctl(&["fsck"]);
    cluster.at(said.trim_end());
}

/// A node is gone for good, and said to be: its addresses serve on the other one. It comes back with nothing.
fn power_loss(cluster: &mut Cluster) {
    cluster.nodes.nodes_mut()[1].lose_power();
    let taint = "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute";
    cluster.until("the node to be missed", |cluster| {
        let path = "-o=jsonpath={.status.conditions[?(@.type==\"Ready\")].status}";
        (cluster.kubectl(&["get", "node", "node2", path]) == "Unknown").then_some(())
    });
    cluster.at("the node is missed");
    cluster.kubectl(&["taint", "node", "node2", taint]);
    let pods = cluster.until("all pods on the other node", |cluster| {
        let pods = cluster.pods("all");
        let here = pods.iter().all(|pod| pod.ready && !pod.ends && pod.node == "node1");
        (pods.len() == EXACTLY && here).then_some(pods)
    });
    assert_eq!(addresses(&pods).len(), EXACTLY);
    cluster.at("a node lost its power: all its addresses serve on the other one");
    cluster.nodes.nodes_mut()[1].boot().unwrap();
    cluster.nodes.all_ready().unwrap();
    cluster.kubectl(&["taint", "node", "node2", "node.kubernetes.io/out-of-service-"]);
    cluster.kubectl(&["rollout", "status", "-n", "kube-system", "ds/spiderpool-agent", "--timeout=180s"]);
    recreate(cluster);
    served(cluster, "the node is back");
    assert!(cluster.pods("all").iter().any(|pod| pod.node == "node2"));
}
