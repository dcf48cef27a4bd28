//! Agents of several nodes on a real API server, with pods, pools and endpoints as kubectl makes and shows them.

use std::{collections::BTreeSet, path::Path};

use nix::sys::signal::Signal;
use spiderpool_core::env::Env;
use spiderpool_testbed::{ControlPlane, ControlPlaneOptions, or_skip};

use crate::{
    support::{Node, Ran},
    sweep::{FREED, Sandbox},
};

const DEFINITIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/spiderpool/files/crds");

const ROLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/kubernetes/agent-rbac.yaml");

/// A pool of four addresses, as an administrator writes it.
const POOL: &str = "
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderIPPool
metadata: {name: office}
spec: {subnet: 10.9.0.0/24, ips: [10.9.0.1-10.9.0.4], default: true}
";

/// A control plane with Spiderpool's resources.
pub(crate) fn cluster(test: &str) -> Option<ControlPlane> {
    let plane = or_skip(test, ControlPlane::start(&ControlPlaneOptions::default()))?;
    plane.install(Path::new(DEFINITIONS)).unwrap();
    Some(plane)
}

pub(crate) fn says(plane: &ControlPlane, args: &[&str], input: &str) -> String {
    plane.ask(args, input).unwrap()
}

pub(crate) fn apply(plane: &ControlPlane, manifest: &str) {
    says(plane, &["apply", "-f", "-"], manifest);
}

/// Nodes whose agents may do what the documented roles let them do, and nothing else.
pub(crate) fn nodes(plane: &ControlPlane) -> [Node; 2] {
    says(plane, &["apply", "-f", ROLES], "");
    let file = plane.kubeconfig_of("kube-system", "spiderpool-agent").unwrap();
    ["n1", "n2"].map(|name| Node::of_cluster(name, &file))
}

/// A pod on a node; `metadata` is more of its metadata. Its uid.
fn pod(plane: &ControlPlane, name: &str, node: &str, metadata: &str) -> String {
    let manifest = format!(
        "
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: default{metadata}}}
spec: {{nodeName: {node}, containers: [{{name: c, image: none.invalid/c}}]}}
"
    );
    apply(plane, &manifest);
    says(plane, &["get", "pod", name, "-o", "jsonpath={.metadata.uid}"], "")
}

fn delete(plane: &ControlPlane, pod: &str) {
    says(plane, &["delete", "pod", pod, "--grace-period=0", "--force"], "");
}

/// What a runtime does for the sandbox `container` of a pod.
pub(crate) fn run(node: &Node, command: &str, pod: &str, uid: &str, container: &str) -> Ran {
    run_in(Path::new("/run/netns/x"), node, command, pod, uid, container)
}

/// The same for one whose network namespace is at `namespace`.
fn run_in(namespace: &Path, node: &Node, command: &str, pod: &str, uid: &str, container: &str) -> Ran {
    let args = format!(
        "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME={pod};K8S_POD_INFRA_CONTAINER_ID={container};\
         K8S_POD_UID={uid}"
    );
    node.plugin_in(namespace, &args, command, container, None)
}

/// A field of the endpoint of `pod`, once there is one.
fn endpoint(plane: &ControlPlane, pod: &str, path: &str) -> String {
    says(plane, &["wait", "--for=create", &format!("se/{pod}"), "--timeout=120s"], "");
    says(plane, &["get", "se", pod, "-o", &format!("jsonpath={{{path}}}")], "")
}

#[test]
fn pods_of_two_nodes_share_a_pool_to_its_last_address() {
    let Some(plane) = cluster("daemon: two nodes of a cluster") else { return };
    let nodes = nodes(&plane);
    let [first, second] = &nodes;
    let agents = [first.start(), second.start()];
    // Without any webhook: what kubectl wrote is in force.
    apply(&plane, POOL);
    let names: Vec<_> = (0..4).map(|n| format!("web-{n}")).collect();
    let uids: Vec<_> =
        names.iter().enumerate().map(|(n, name)| pod(&plane, name, ["n1", "n2"][n % 2], "")).collect();
    let held: Vec<_> = std::thread::scope(|scope| {
        let add = |n: usize| run(&nodes[n % 2], "ADD", &names[n], &uids[n], &format!("c{n}")).address();
        let adding: Vec<_> = (0..4).map(|n| scope.spawn(move || add(n))).collect();
        adding.into_iter().map(|adding| adding.join().unwrap()).collect()
    });
    assert_eq!(held.iter().collect::<BTreeSet<_>>().len(), 4, "{held:?}");

    // People see it, and which agent leads.
    let holder =
        ["get", "lease", "spiderpool-agent", "-n", "kube-system", "-o", "jsonpath={.spec.holderIdentity}"];
    let holder = says(&plane, &holder, "");
    assert!(holder.starts_with("n1_") || holder.starts_with("n2_"), "{holder}");
    assert_eq!(endpoint(&plane, "web-1", ".status.current.ips[0].ipv4"), held[1]);
    assert_eq!(endpoint(&plane, "web-1", ".metadata.ownerReferences[0].uid"), uids[1]);

    let extra = pod(&plane, "extra", "n1", "");
    let refused = run(first, "ADD", "extra", &extra, "c9");
    assert!(!refused.success && refused.answer.to_string().contains("office"), "{refused:?}");
    // Whoever describes the pod reads why; asked again and again, it is one event.
    let repeated = run(first, "ADD", "extra", &extra, "c9");
    assert!(!repeated.success);
    let of_extra = format!("involvedObject.uid={extra}");
    let events = [
        "get",
        "events",
        "--field-selector",
        &of_extra,
        "-o",
        "jsonpath={range .items[*]}{.reason}: {.message}{end}",
    ];
    let told = (0..10_000).map(|_| says(&plane, &events, "")).find(|told| !told.is_empty()).unwrap();
    assert!(told.starts_with("IPAllocationExhausted: ") && told.contains("office"), "{told}");
    assert_eq!(told.matches("IPAllocation").count(), 1, "{told}");
    let unknown = run(first, "ADD", "nobody", "u", "c10");
    assert!(!unknown.success && unknown.answer.to_string().contains("no pod of this name"), "{unknown:?}");

    // An agent dies, and the next one knows what its node holds.
    let [agent, _other] = agents;
    agent.killed();
    let _agent = first.start();
    assert_eq!(run(first, "ADD", "web-0", &uids[0], "c0").address(), held[0]);

    // What one node gives back, the other one gets.
    delete(&plane, "web-1");
    assert!(run(second, "DEL", "web-1", &uids[1], "c1").success);
    assert_eq!(run(first, "ADD", "extra", &extra, "c9").address(), held[1]);
    says(&plane, &["wait", "--for=delete", "se/web-1", "--timeout=120s"], "");
}

/// How many pods end: more than their pool has addresses, or as many as are asked for.
fn ends() -> usize {
    std::env::var("SPIDERPOOL_ENDS").map_or(6, |asked| asked.parse().unwrap())
}

/// Long before the next pass of the sweep.
#[test]
fn what_a_pod_held_is_free_soon_after_it_ended_without_a_del() {
    let Some(plane) = cluster("daemon: a pod that ends in a cluster") else { return };
    let [node, _] = nodes(&plane);
    let mut agent = node.start_with(&["--sweep-interval", "86400", "--sweep-reach", "own-node"]);
    apply(&plane, POOL);
    let clock = Env::system().clock;
    let mut took = Vec::new();
    // Of more pods than the pool has addresses: each is grantable again.
    for n in 0..ends() {
        let (name, container) = (format!("web-{n}"), format!("c{n}"));
        let (uid, sandbox) = (pod(&plane, &name, "n1", ""), Sandbox::begin());
        let held = run_in(&sandbox.namespace(), &node, "ADD", &name, &uid, &container).address();
        sandbox.end();
        let begun = clock.monotonic();
        delete(&plane, &name);
        let freed = agent.logged(FREED);
        took.push(clock.monotonic().left(begun).as_millis());
        assert_eq!(format!("{}/24", freed["address"].as_str().unwrap()), held);
        assert_eq!(freed["reason"], "no pod of that name exists, and the sandbox of its container is gone");
    }
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)];
    println!(
        "{} pods deleted (kubectl included), each address free after: 50 % {} ms, 90 % {} ms, 99 % {} ms",
        took.len(),
        at(50),
        at(90),
        at(99)
    );
    let leases = says(&plane, &["get", "leases", "-n", "kube-system", "-o", "name"], "");
    assert!(!leases.contains("spiderpool-agent"), "it stands for no lease: {leases}");
    agent.stopped();
}

/// The one that leads finishes what administrators began, with no more rights than the others.
#[test]
fn a_deleted_pool_goes_with_its_last_address() {
    let Some(plane) = cluster("daemon: a deletion in a cluster") else { return };
    let [node, _] = nodes(&plane);
    let agent = node.start_with(&["--sweep-interval", "1"]);
    apply(&plane, POOL);
    let uid = pod(&plane, "web", "n1", "");
    run(&node, "ADD", "web", &uid, "c0").address();
    let plan = says(&plane, &["get", "sp", "office", "-o", "jsonpath={.metadata.uid}"], "");
    says(
        &plane,
        &[
            "patch",
            "sp",
            "office",
            "--type=merge",
            "-p",
            r#"{"metadata": {"finalizers": ["spiderpool.spidernet.io"]}}"#,
        ],
        "",
    );
    says(&plane, &["delete", "sp", "office", "--wait=false"], "");
    let extra = pod(&plane, "extra", "n1", "");
    assert!(!run(&node, "ADD", "extra", &extra, "c1").success);
    assert!(run(&node, "DEL", "web", &uid, "c0").success);
    says(&plane, &["wait", "--for=delete", "sp/office", "--timeout=120s"], "");
    says(&plane, &["wait", "--for=delete", &format!("spideripplan/{plan}"), "--timeout=120s"], "");
    // Nothing that it wanted to do was forbidden.
    agent.signal(Signal::SIGTERM);
    let (_, said) = agent.ended();
    assert!(!said.iter().any(|line| line.to_string().contains("forbidden")), "{said:?}");
}

#[test]
fn a_stateful_pod_keeps_its_address_over_nodes() {
    let Some(plane) = cluster("daemon: a StatefulSet of a cluster") else { return };
    let nodes = nodes(&plane);
    let [first, second] = &nodes;
    let _agents = [first.start(), second.start()];
    apply(&plane, POOL);
    apply(
        &plane,
        "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: default}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, image: none.invalid/c}]}
",
    );
    let set = says(&plane, &["get", "statefulset", "db", "-o", "jsonpath={.metadata.uid}"], "");
    let owner = format!(
        ", ownerReferences: [{{apiVersion: apps/v1, kind: StatefulSet, name: db, uid: {set}, controller: true}}]"
    );
    let uid = pod(&plane, "db-0", "n1", &owner);
    let address = run(first, "ADD", "db-0", &uid, "c0").address();
    assert!(run(first, "DEL", "db-0", &uid, "c0").success);
    delete(&plane, "db-0");
    // In between it is nobody else's.
    for n in 1..4 {
        let name = format!("web-{n}");
        let uid = pod(&plane, &name, "n2", "");
        assert_ne!(run(second, "ADD", &name, &uid, &format!("c{n}")).address(), address);
    }
    let uid = pod(&plane, "db-0", "n2", &owner);
    assert_eq!(run(second, "ADD", "db-0", &uid, "c5").address(), address);
    assert_eq!(endpoint(&plane, "db-0", ".status.ownerControllerName"), "db");
}

/// How often the API server answered reads of these resources, by whomever.
fn reads(plane: &ControlPlane, resources: &[&str]) -> f64 {
    counted(plane, &["GET", "LIST"], resources)
}

fn counted(plane: &ControlPlane, verbs: &[&str], resources: &[&str]) -> f64 {
    let metrics = says(plane, &["get", "--raw", "/metrics"], "");
    let counts = metrics.lines().filter(|line| line.starts_with("apiserver_request_total{"));
    let of = |line: &&str, label: &str, values: &[&str]| {
        values.iter().any(|value| line.contains(&format!("{label}=\"{value}\"")))
    };
    let reads = counts.filter(|line| of(line, "verb", verbs) && of(line, "resource", resources));
    reads.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

/// In a steady state an agent reads nothing: pods, namespaces and pools come by watches, a ReplicaSet is read once, and the
/// blocks are its own. One that starts again reads the blocks of its node and lists none.
#[test]
fn pods_of_a_deployment_are_granted_addresses_without_reads() {
    let Some(plane) = cluster("daemon: no reads") else { return };
    let [node, _] = nodes(&plane);
    apply(&plane, &POOL.replace("10.9.0.1-10.9.0.4", "10.9.0.16-10.9.0.31"));
    let agent = node.start_with(&["--sweep-interval", "off"]);
    let template = "{metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: none.invalid/c}]}}";
    let spec = format!("{{replicas: 0, selector: {{matchLabels: {{app: web}}}}, template: {template}}}");
    let owned = |kind: &str, name: &str| {
        let uid = says(&plane, &["get", kind, name, "-o", "jsonpath={.metadata.uid}"], "");
        format!(
            ", ownerReferences: [{{apiVersion: apps/v1, kind: {kind}, name: {name}, uid: {uid}, controller: true}}]"
        )
    };
    let workload = |kind: &str, name: &str, owner: &str| {
        let head = format!(
            "apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: default{owner}}}"
        );
        apply(&plane, &format!("{head}\nspec: {spec}\n"));
    };
    workload("Deployment", "web", "");
    workload("ReplicaSet", "web-1", &owned("Deployment", "web"));
    let owner = owned("ReplicaSet", "web-1");
    let pods: Vec<String> = (0..10).map(|n| pod(&plane, &format!("web-1-{n}"), "n1", &owner)).collect();
    let add = |n: usize| run(&node, "ADD", &format!("web-1-{n}"), &pods[n], &format!("c{n}")).address();

    let resources = [
        "pods",
        "namespaces",
        "nodes",
        "replicasets",
        "deployments",
        "spiderippools",
        "spideripblocks",
        "spideripplans",
    ];
    add(0);
    // Once the last pod is known without a read, all are: changes come in their order.
    let at_hand = (0..10_000).any(|_| {
        let before = reads(&plane, &["pods"]);
        add(9);
        reads(&plane, &["pods"]) == before
    });
    assert!(at_hand, "pods are read one by one");
    let before = resources.map(|resource| (resource, reads(&plane, &[resource])));
    let addresses: BTreeSet<String> = (1..9).map(add).collect();
    assert_eq!(addresses.len(), 8);
    let after = resources.map(|resource| (resource, reads(&plane, &[resource])));
    assert_eq!(after, before, "something was read");
    assert_eq!(endpoint(&plane, "web-1-8", ".status.ownerControllerName"), "web");

    let listed = |plane: &ControlPlane| counted(plane, &["LIST"], &["spideripblocks"]);
    let before = listed(&plane);
    agent.killed();
    let _agent = node.start_with(&["--sweep-interval", "off"]);
    assert_eq!((1..9).map(add).collect::<BTreeSet<_>>(), addresses);
    assert!(run(&node, "DEL", "web-1-3", &pods[3], "c3").success);
    assert_eq!(listed(&plane), before, "blocks were listed");
    says(&plane, &["wait", "--for=delete", "se/web-1-3", "--timeout=120s"], "");
}

#[test]
fn an_api_server_that_dies_is_waited_for() {
    let Some(mut plane) = cluster("daemon: an API server that dies") else { return };
    let [node, other] = nodes(&plane);
    let _agent = node.start();
    apply(&plane, POOL);
    let uid = pod(&plane, "web", "n1", "");
    let address = run(&node, "ADD", "web", &uid, "c0").address();
    plane.kill_apiserver();
    let refused = run(&node, "ADD", "web", &uid, "c1");
    assert!(!refused.success && refused.answer["code"] == 11, "{refused:?}");
    // An agent that starts meanwhile waits too; who calls it waits with it.
    let late = std::thread::scope(|scope| {
        let starting = scope.spawn(|| other.start());
        plane.restart_apiserver().unwrap();
        starting.join().unwrap()
    });
    late.stopped();
    // Whatever became of the first try, the pod has one address, and the sandbox that is there now has it.
    assert_eq!(run(&node, "ADD", "web", &uid, "c1").address(), address);
    assert!(run(&node, "DEL", "web", &uid, "c0").success);
    assert_eq!(run(&node, "ADD", "web", &uid, "c1").address(), address);
}
