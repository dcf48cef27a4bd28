//! Several interfaces of a pod, as Multus' annotations ask for them. Multus itself cannot be had without a registry: a meta-plugin of
//! the tests' own is on the nodes in its place (`examples/networks`).

use std::{collections::BTreeSet, env, path::PathBuf};

use serde_json::json;
use spiderpool_testbed::{Binaries, Binary, MACVLAN};

use super::{
    cluster::{Cluster, Pod},
    workload::{CONTAINER, addresses, bound, pool, workload},
};

const DEFINITIONS: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: network-attachment-definitions.k8s.cni.cncf.io}
spec:
  group: k8s.cni.cncf.io
  scope: Namespaced
  names: {kind: NetworkAttachmentDefinition, plural: network-attachment-definitions, singular: network-attachment-definition}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {config: {type: string}}}}}}
";

const NETWORKS: &str = r#"
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata: {name: storage, namespace: kube-system}
spec:
  config: |
    {"cniVersion": "0.3.1", "type": "macvlan", "master": "eth0", "mode": "bridge", "ipam": {"type": "spiderpool"}}
---
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata: {name: local, namespace: default}
spec:
  config: |
    {"cniVersion": "1.0.0", "name": "local", "plugins": [
      {"type": "bridge", "bridge": "local0", "ipam": {"type": "spiderpool"}},
      {"type": "tuning", "sysctl": {"net.ipv4.conf.all.arp_notify": "1"}}]}
"#;

/// The walk, on nodes that have macvlan before and after.
pub(crate) fn several_interfaces(cluster: &mut Cluster) {
    take_meta_plugin(cluster, MACVLAN);
    cluster.apply(NETWORKS);
    pools_by_interface(cluster);
    cluster.at("several interfaces, pools by name: done");
    pools_by_position(cluster);
    use_network(cluster, MACVLAN);
}

/// Gives every node the meta-plugin, with `first` as the network of every pod's first interface, and the cluster its kind.
pub(crate) fn take_meta_plugin(cluster: &mut Cluster, first: &str) {
    let example = env::current_exe().unwrap().with_file_name("../examples/networks");
    let example = example.canonicalize().expect("cargo build -p spiderpool-operator --example networks");
    let kubectl = Binaries::find().unwrap().program(Binary::Kubectl).unwrap();
    let kubeconfig: PathBuf = cluster.nodes.plane().kubeconfig().to_owned();
    let first: serde_json::Value = serde_json::from_str(first).unwrap();
    let meta = json!({"cniVersion": "1.0.0", "name": "networks", "plugins": [
        {"type": "networks", "kubectl": kubectl, "kubeconfig": kubeconfig, "delegates": [first]}]});
    for node in cluster.nodes.nodes() {
        node.machine().run(&["cp", &example.to_string_lossy(), "/opt/cni/bin/networks"]).unwrap();
    }
    use_network(cluster, &meta.to_string());
    cluster.apply(DEFINITIONS);
    cluster.until("networks to be served", |cluster| {
        cluster.nodes.plane().ask(&["get", "network-attachment-definitions"], "").ok()
    });
}

/// containerd reads it when it starts: no pod meets the one before.
pub(crate) fn use_network(cluster: &mut Cluster, network: &str) {
    for node in cluster.nodes.nodes_mut() {
        node.set_network(network).unwrap();
        node.kill_containerd().unwrap();
        node.start_containerd().unwrap();
    }
    cluster.nodes.all_ready().unwrap();
}

/// Two pools of exactly as many addresses as there are pods, one for each interface, and once more after all were exchanged.
fn pools_by_interface(cluster: &Cluster) {
    cluster.apply(&pool("front", "10.200.0.0/16", "10.200.7.1-10.200.7.4"));
    cluster.apply(&pool("storage", "10.210.0.0/16", "10.210.1.1-10.210.1.4"));
    let lines = r#"      annotations:
        k8s.v1.cni.cncf.io/networks: kube-system/storage
        ipam.spidernet.io/ippools: '[{"interface": "eth0", "ipv4": ["front"]}, {"interface": "net1", "ipv4": ["storage"]}]'"#;
    cluster.apply(&workload("Deployment", "two", 4, lines));
    let four = |network: &str| (1..=4).map(|n| format!("{network}.{n}")).collect::<BTreeSet<_>>();
    for _ in ["at first", "again"] {
        let pods = cluster.ready("two", 4);
        assert_eq!(addresses(&pods), four("10.200.7"));
        let second: Vec<_> = pods.iter().map(|pod| address_of(cluster, pod, "net1")).collect();
        assert_eq!(second.iter().cloned().collect::<BTreeSet<_>>(), four("10.210.1"));
        let far = pods.iter().position(|pod| pod.node != pods[0].node).unwrap();
        cluster.ping(&pods[0].name, &second[far]);
        cluster.ping(&pods[0].name, &pods[far].addresses[0]);
        for (pod, second) in pods.iter().zip(&second) {
            let expected = [("eth0", pod.addresses[0].as_str()), ("net1", second)];
            assert_eq!(shown(cluster, pod), expected.map(|(a, b)| (a.to_owned(), b.to_owned())).into());
        }
        cluster.kubectl(&["delete", "pod", "-l", "app=two", "--wait=false"]);
    }
    cluster.ready("two", 4);
    cluster.kubectl(&["delete", "deployment", "two"]);
    cluster.gone("two");
    ["front", "storage"].iter().for_each(|pool| cluster.free(pool));
}

/// Items of `ippools` without names go by the networks' order, which is JSON here; a pool that is bound to a network serves it.
fn pools_by_position(cluster: &Cluster) {
    cluster.apply(&bound("local", "10.211.0.0/16", "10.211.1.1-10.211.1.9", "multusName: [default/local]"));
    let lines = r#"  annotations:
    k8s.v1.cni.cncf.io/networks: '[{"name": "storage", "namespace": "kube-system", "interface": "fast0"}, {"name": "local"}]'
    ipam.spidernet.io/ippools: '[{"ipv4": ["front"]}, {"ipv4": ["storage"]}, {"ipv4": ["local"]}]'"#;
    cluster.apply(&format!(
        "
apiVersion: v1
kind: Pod
metadata:
  name: three
  labels: {{app: three}}
{lines}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{CONTAINER}]
"
    ));
    let pod = cluster.ready("three", 1).remove(0);
    assert!(pod.addresses[0].starts_with("10.200.7."), "{pod:?}");
    let networks = [("fast0", "10.210.1."), ("net2", "10.211.1.")];
    let others = networks.map(|(interface, network)| {
        let address = address_of(cluster, &pod, interface);
        assert!(address.starts_with(network), "{interface}: {address}");
        (interface.to_owned(), address)
    });
    let expected = [("eth0".to_owned(), pod.addresses[0].clone())].into_iter().chain(others).collect();
    assert_eq!(shown(cluster, &pod), expected);
    cluster.kubectl(&["delete", "pod", "three"]);
    ["front", "storage", "local"].iter().for_each(|pool| cluster.free(pool));
}

/// The address that an interface really has.
fn address_of(cluster: &Cluster, pod: &Pod, interface: &str) -> String {
    let show = ["ip", "-o", "-4", "address", "show", "dev", interface];
    let said = cluster.kubectl(&[&["exec", &pod.name, "--", "/bin/busybox"], &show[..]].concat());
    let address = said.split_whitespace().skip_while(|word| *word != "inet").nth(1);
    let address = address.and_then(|word| word.split_once('/')).map(|(address, _)| address.to_owned());
    address.unwrap_or_else(|| panic!("{interface} of {pod:?}: {said}"))
}

/// The interfaces and addresses that the pod's endpoint shows.
fn shown(cluster: &Cluster, pod: &Pod) -> BTreeSet<(String, String)> {
    let path = r#"-o=jsonpath={range .status.current.ips[*]}{.interface}{" "}{.ipv4}{"\n"}{end}"#;
    let lines = cluster.kubectl(&["get", "se", &pod.name, path]);
    let read = |line: &str| {
        let (interface, network) = line.split_once(' ')?;
        Some((interface.to_owned(), network.split_once('/')?.0.to_owned()))
    };
    lines.lines().map(|line| read(line).unwrap_or_else(|| panic!("{lines}"))).collect()
}
