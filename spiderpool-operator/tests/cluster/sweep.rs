//! Nodes that vanish, and what was held there.

use std::sync::Arc;

use spiderpool_cni::client::{AgentClient, AgentStore, ApiAddress};
use spiderpool_core::{
    alloc::{AddRequest, Allocator, AllocatorConfig},
    env::Env,
    inspect::RecordFilter,
    model::Owner,
    name::{ContainerId, InterfaceName, NodeName, OwnerUid},
    protocol::PoolRef,
    store::{Kind, Selector, Store, StoreError},
};
use spiderpool_store_kube::{KubeConfig, KubeStore};

use crate::support::Cluster;

/// A test that waits longer hangs.
pub(crate) const HANGS: std::time::Duration = std::time::Duration::from_secs(120);

pub(crate) const POOL: &str = "
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderIPPool
metadata: {name: office}
spec: {subnet: 10.9.0.0/24, ips: [10.9.0.1-10.9.0.9]}
";

fn node(name: &str, taints: &str) -> String {
    format!("{{apiVersion: v1, kind: Node, metadata: {{name: {name}}}, spec: {{taints: [{taints}]}}}}")
}

pub(crate) fn pod(name: &str, node: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: default}}
spec: {{nodeName: {node}, containers: [{{name: c, image: none.invalid/c}}]}}
"
    )
}

/// What an agent asks for a pod: an address of the pool for eth0.
pub(crate) fn request(cluster: &Cluster, pool: &Arc<PoolRef>, pod: &str) -> AddRequest {
    let uid = cluster.says(&["get", "pod", pod, "-o", "jsonpath={.metadata.uid}"]);
    let (container, eth0) = (ContainerId::new(pod).unwrap(), InterfaceName::new("eth0").unwrap());
    let mut request = AddRequest::of_container(&container, &eth0, pool);
    let name = format!("default/{pod}").parse().unwrap();
    request.owner = Owner { uid: OwnerUid::new(&uid).unwrap(), pod: Some(name) };
    request
}

/// What the agents of the pods' nodes do.
async fn grant(cluster: &Cluster, pods: &[(&str, &str)]) -> Allocator {
    let config = KubeConfig::from_file(cluster.plane.kubeconfig(), None).await.unwrap();
    let store: Arc<dyn Store> = Arc::new(KubeStore::connect(&config).unwrap());
    for (name, node) in pods {
        let config = AllocatorConfig::new(NodeName::new(*node).unwrap());
        let agent = Allocator::open(Arc::clone(&store), Env::system(), config).await.unwrap();
        let pool = agent.pool(&"office".parse().unwrap()).await.unwrap();
        agent.add(&request(cluster, &pool, name)).await.unwrap();
    }
    Allocator::open(store, Env::system(), AllocatorConfig::new(NodeName::new("looker-on").unwrap()))
        .await
        .unwrap()
}

#[test]
fn what_was_held_on_a_node_is_free_soon_after_the_node_is_gone() {
    let Some(cluster) = Cluster::start("operator: a node vanishes") else { return };
    cluster.apply(POOL);
    for name in ["deleted", "switched-off", "well"] {
        cluster.apply(&node(name, ""));
    }
    for (name, node) in [("a", "deleted"), ("b", "switched-off"), ("c", "switched-off"), ("d", "well")] {
        cluster.apply(&pod(name, node));
    }
    // Nobody but the watch on nodes and pods makes it look.
    let controller = cluster.controller("one", &["--sweep-interval", "86400"]);
    controller.until("leading");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let pods = [("a", "deleted"), ("b", "switched-off"), ("c", "switched-off"), ("d", "well")];
        let allocator = grant(&cluster, &pods).await;
        let held = async || {
            let records = allocator.inspect().records(&RecordFilter::default()).await.unwrap();
            let pods =
                records.into_iter().map(|(_, record)| record.owner.pod.clone().unwrap().name.to_string());
            let mut pods: Vec<_> = pods.collect();
            pods.sort();
            pods.join(" ")
        };
        let begun = Env::system().clock.monotonic();
        cluster.until("sp/office", ".status.allocatedIPCount", "4");
        println!(
            "the status says so: {} ms after the last address was granted",
            Env::system().clock.monotonic().left(begun).as_millis()
        );
        assert_eq!(held().await, "a b c d");
        // Its pods are deleted by force, as one does whose machine has burnt down; the machine sends no DEL.
        let forced = |name| ["delete", "pod", name, "--grace-period=0", "--force"];
        for name in ["a", "b", "d"] {
            cluster.says(&forced(name));
        }
        assert_eq!(held().await, "a b c d", "their nodes may be well");
        let clock = Env::system().clock;
        let until = async |wanted: &str| {
            let end = clock.monotonic().after(HANGS);
            while held().await != wanted {
                assert!(clock.monotonic() < end, "{wanted:?}: {}", held().await);
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        let begun = clock.monotonic();
        cluster.says(&["delete", "node", "deleted"]);
        until("b c d").await;
        println!("a node that was deleted: {} ms", clock.monotonic().left(begun).as_millis());
        let begun = clock.monotonic();
        cluster.apply(&node(
            "switched-off",
            "{key: node.kubernetes.io/out-of-service, value: shutdown, effect: NoSchedule}",
        ));
        until("c d").await;
        println!("a node that was declared out of service: {} ms", clock.monotonic().left(begun).as_millis());
        // One of its pods was still declared, and goes later.
        cluster.says(&forced("c"));
        until("d").await;
    });
    // Whoever may forward a port to it may look, and change nothing.
    runtime.block_on(async {
        let client = AgentClient::new(ApiAddress::Http(controller.address("cli")));
        let store = AgentStore::connect(client).await.unwrap();
        let pools = store.list(&Selector::Kind(Kind::Pool)).await.unwrap().items;
        assert_eq!(pools.len(), 1);
        let error = store.delete(&pools[0].key, &pools[0].token).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused { .. }), "{error}");
    });
    let told = cluster.event("office", "AddressesFreed");
    assert!(told.contains("freed, as nobody uses them: 10.9.0."), "{told}");
    let figures = controller.metrics();
    assert!(figures.contains("spiderpool_ip_gc_counts_total 3"), "{figures}");
    controller.stopped();
}
