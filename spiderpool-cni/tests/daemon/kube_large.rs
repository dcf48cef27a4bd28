//! One agent in a large cluster: what it keeps in memory, and what an ADD costs with few and with many addresses held.
//!
//! A tenth of the size in ordinary runs. All of it:
//! `SPIDERPOOL_PODS=10000 cargo test --release -p spiderpool-cni --features kube --test daemon kube_large -- --nocapture`.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use spiderpool_core::{
    alloc::{AddRequest, Allocator, AllocatorConfig},
    env::Env,
    model::{Binding, Owner},
    name::{ContainerId, InterfaceName, NodeName, OwnerUid},
    store::Store,
};
use spiderpool_store_kube::{KubeConfig, KubeStore};
use spiderpool_testbed::ControlPlane;

use crate::{
    kube::{apply, cluster, nodes, run, says},
    support::Node,
};

/// So many grants of the others are under way.
const AT_ONCE: usize = 16;
/// So many pods of the agent's own node start at once.
const STARTING: usize = 4;

/// How many pods the cluster has; one in forty is on the agent's node.
fn pods() -> usize {
    std::env::var("SPIDERPOOL_PODS").map_or(1_000, |asked| asked.parse().unwrap())
}

/// A pod's number, name and uid.
type Known = (usize, String, String);

fn make_pods(plane: &ControlPlane, count: usize, own: usize) -> Vec<Known> {
    let one = |n| {
        let node = if n < own { "n1".to_owned() } else { format!("other-{}", n % 39) };
        format!(
            "
apiVersion: v1
kind: Pod
metadata: {{name: pod-{n}, namespace: default, labels: {{app: web, tier: front}}}}
spec: {{nodeName: {node}, containers: [{{name: c, image: none.invalid/c}}]}}
"
        )
    };
    plane.create_all(&(0..count).map(one).collect::<Vec<_>>()).unwrap();
    let path = "jsonpath={range .items[*]}{.metadata.name} {.metadata.uid}{\"\\n\"}{end}";
    let told = says(plane, &["get", "pods", "-o", path], "");
    let known = told.lines().filter_map(|line| line.split_once(' ')).map(|(name, uid)| {
        (name.strip_prefix("pod-").unwrap().parse().unwrap(), name.to_owned(), uid.to_owned())
    });
    let mut known: Vec<Known> = known.collect();
    known.sort();
    known
}

/// Agents of the other nodes, in this process, give each of these pods an address.
fn others_grant(plane: &ControlPlane, pods: &[Known]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let config = KubeConfig::from_file(plane.kubeconfig(), None).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(KubeStore::connect(&config).unwrap());
        let config = AllocatorConfig::new(NodeName::new("other").unwrap());
        let agent = Allocator::open(store, Env::system(), config).await.unwrap();
        let pool = agent.pool(&"office".parse().unwrap()).await.unwrap();
        let grant = async |(n, name, uid): &Known| {
            let container = ContainerId::new(format!("other-{n}")).unwrap();
            let mut request =
                AddRequest::of_container(&container, &InterfaceName::new("eth0").unwrap(), &pool);
            request.owner = Owner {
                uid: OwnerUid::new(uid.as_str()).unwrap(),
                pod: format!("default/{name}").parse().ok(),
            };
            (request.binding, request.timeout) = (Binding::Stateless, Duration::from_secs(60));
            agent.add(&request).await.unwrap();
        };
        stream::iter(pods).for_each_concurrent(AT_ONCE, grant).await;
    });
}

/// The mean time of an ADD, as a runtime sees it, in milliseconds.
fn add(node: &Node, pods: &[Known]) -> f64 {
    let clock = Env::system().clock;
    let took: Vec<Duration> = std::thread::scope(|scope| {
        let lane = |lane: usize| {
            let (clock, pods) = (&clock, pods.iter().skip(lane).step_by(STARTING));
            move || -> Vec<Duration> {
                pods.map(|(n, name, uid)| {
                    let begun = clock.monotonic();
                    run(node, "ADD", name, uid, &format!("c{n}")).address();
                    clock.monotonic().left(begun)
                })
                .collect()
            }
        };
        let lanes: Vec<_> = (0..STARTING).map(|n| scope.spawn(lane(n))).collect();
        lanes.into_iter().flat_map(|lane| lane.join().unwrap()).collect()
    });
    took.iter().sum::<Duration>().as_secs_f64() * 1_000.0 / took.len() as f64
}

#[test]
fn an_agent_knows_its_own_node_and_not_the_cluster() {
    let Some(plane) = cluster("daemon: a large cluster") else { return };
    let [node, _] = nodes(&plane);
    let (all, own) = (pods(), pods() / 40);
    apply(
        &plane,
        "
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderIPPool
metadata: {name: office}
spec: {subnet: 10.9.0.0/16, ips: [10.9.0.1-10.9.255.254], default: true}
",
    );
    let known = make_pods(&plane, all, own);
    let (of_node, of_others) = known.split_at(own);
    let agent = node.start_with(&["--sweep-reach", "own-node"]);
    let (first, second) = of_node.split_at(own / 2);
    let when_empty = add(&node, first);
    others_grant(&plane, of_others);
    let when_held = add(&node, second);
    let (resident, peak) = (agent.memory("VmRSS") >> 10, agent.memory("VmHWM") >> 10);
    println!(
        "{all} pods, {own} of them on this node: the agent is {resident} MiB resident, {peak} at most; an ADD took {when_empty:.1} ms \
         with none held by others, {when_held:.1} ms with {} ({:.2} times)",
        of_others.len(),
        when_held / when_empty,
    );
    let shown: usize = says(&plane, &["get", "se", "-o", "name"], "").lines().count();
    assert!(shown <= own, "endpoints of {shown} pods");
    // Code that is not optimised is larger.
    let most = if cfg!(debug_assertions) { 60 } else { 30 };
    assert!(peak < most, "{peak} MiB");
    agent.stopped();
}
