//! The documents' own commands: installed with a certificate of one's own and default pools of both families; CloneSets.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};
use spiderpool_testbed::{MACVLAN, in_hub};

use super::{
    cluster::{Cluster, Pod},
    workload::{CONTAINER, addresses, annotation, pool, subnet, workload},
};

#[test]
#[ignore = "takes the images: cargo xtask test --only nodes"]
fn the_documents_installation_with_two_replicas() {
    in_hub("documents::the_documents_installation_with_two_replicas", || {
        let cluster = Cluster::start(MACVLAN);
        cluster.at("two nodes are ready");
        let values = document_values();
        cluster.install(&values.iter().map(String::as_str).collect::<Vec<_>>());
        cluster.at("installed as the document has it, with two replicas");
        both_families(&cluster);
        cluster.at("both families: done");
        six_alone(&cluster);
        cluster.at("IPv6 alone: done");
        a_replica_goes(&cluster);
        cluster.at("a replica goes: done");
        clone_set(&cluster);
        cluster.at("CloneSet: done");
        upgrade(&cluster);
        cluster.at("upgrade: done");
    });
}

/// The values of the document's command, with ranges of this network.
fn document_values() -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/cert/generateCert.sh");
    let made = Command::new(script).arg(folder.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let encoded = |file: &str| {
        use base64::{Engine, engine::general_purpose::STANDARD};
        STANDARD.encode(fs::read(folder.path().join(file)).unwrap())
    };
    let tls = "spiderpoolController.tls";
    vec![
        format!("{tls}.method=provided"),
        format!("{tls}.provided.tlsCert={}", encoded("server.crt")),
        format!("{tls}.provided.tlsKey={}", encoded("server.key")),
        format!("{tls}.provided.tlsCa={}", encoded("ca.crt")),
        "feature.enableIPv4=true".into(),
        "feature.enableIPv6=true".into(),
        "clusterDefaultPool.installIPv4IPPool=true".into(),
        "clusterDefaultPool.installIPv6IPPool=true".into(),
        "clusterDefaultPool.ipv4Subnet=10.200.0.0/16".into(),
        "clusterDefaultPool.ipv4IPRanges={10.200.1.10-10.200.1.200}".into(),
        "clusterDefaultPool.ipv6Subnet=fd00:200::/64".into(),
        "clusterDefaultPool.ipv6IPRanges={fd00:200::1:10-fd00:200::1:200}".into(),
        "spiderpoolController.replicas=2".into(),
        "spiderpoolController.podDisruptionBudget.enabled=true".into(),
    ]
}

fn both_families(cluster: &Cluster) {
    cluster.apply(&workload("Deployment", "both", 2, ""));
    let pods = cluster.ready("both", 2);
    assert!(pods.iter().all(|pod| pod.addresses.len() == 2), "{pods:?}");
    assert_eq!(addresses(&pods).len(), 4);
    assert_ne!(pods[0].node, pods[1].node);
    for address in &pods[1].addresses {
        cluster.ping(&pods[0].name, address);
    }
    let endpoint = cluster.json(&["get", "se", &pods[0].name]);
    let shown = &endpoint["status"]["current"]["ips"][0];
    assert!(shown["ipv4"].as_str().unwrap().starts_with(&pods[0].addresses[0]), "{endpoint}");
    others_endpoints_are_out_of_reach(cluster, &pods);
    cluster.kubectl(&["delete", "deployment", "both"]);
    cluster.gone("both");
}

/// With the token of the agent of one node, endpoints of its own pods can be written, and those of the other node cannot.
fn others_endpoints_are_out_of_reach(cluster: &Cluster, pods: &[Pod]) {
    let field = format!("--field-selector=spec.nodeName={}", pods[0].node);
    let agents = [
        "get",
        "pods",
        "-n",
        "kube-system",
        "-l",
        "app.kubernetes.io/component=spiderpool-agent",
        "-o=jsonpath={.items[0].metadata.name}",
    ];
    let agent = cluster.kubectl(&[&agents[..], &[&field]].concat());
    let bound = ["--bound-object-kind=Pod", "--bound-object-name", &agent];
    let token = cluster
        .kubectl(&[&["create", "token", "spiderpool-agent", "-n", "kube-system"], &bound[..]].concat());
    let token = format!("--token={}", token.trim());
    // Agents may not patch.
    let edit = |pod: &Pod, change: &dyn Fn(&mut Value)| {
        let mut endpoint = cluster.json(&["get", "se", &pod.name]);
        change(&mut endpoint);
        cluster.nodes.plane().ask(&[&token, "replace", "-f", "-"], &endpoint.to_string())
    };
    let mark = |endpoint: &mut Value| endpoint["metadata"]["annotations"] = json!({"seen": "yes"});
    edit(&pods[0], &mark).unwrap();
    let refused = edit(&pods[1], &mark).unwrap_err().to_string();
    assert!(refused.contains(&format!("of a pod of node {}", pods[1].node)), "{refused}");
    let elsewhere =
        |endpoint: &mut Value| endpoint["status"]["current"]["node"] = pods[1].node.clone().into();
    let refused = edit(&pods[0], &elsewhere).unwrap_err().to_string();
    assert!(refused.contains("may not write that a pod is on"), "{refused}");
    let deleted = cluster.nodes.plane().ask(&[&token, "delete", "se", &pods[1].name], "").unwrap_err();
    assert!(deleted.to_string().contains("may not change"), "{deleted}");
}

/// IPv6 alone, in a cluster that has both families.
fn six_alone(cluster: &Cluster) {
    cluster.apply(&pool("six", "fd00:200::/64", "fd00:200::6:1-fd00:200::6:3"));
    let named = annotation("ippool", r#"{"ipv6": ["six"]}"#);
    cluster.apply(&workload("StatefulSet", "six", 3, &named));
    let pods = cluster.ready("six", 3);
    let expected = ["fd00:200::6:1", "fd00:200::6:2", "fd00:200::6:3"].map(String::from);
    assert_eq!(addresses(&pods), expected.into());
    let far = pods.iter().find(|pod| pod.node != pods[0].node).unwrap();
    cluster.ping(&pods[0].name, &far.addresses[0]);
    cluster.ping(&pods[0].name, "fd00:200::1");
    let shown = cluster.json(&["get", "se", "six-0"]);
    let shown = &shown["status"]["current"]["ips"][0];
    assert_eq!((&shown["ipv6Pool"], shown.get("ipv4")), (&"six".into(), None), "{shown}");

    // Its pods keep them.
    cluster.kubectl(&["delete", "pod", "six-0", "six-1", "six-2", "--wait=false"]);
    let after = cluster.until("other pods of the same names", |cluster| {
        let after = cluster.pods("six");
        let all = after.len() == 3 && after.iter().all(|pod| pod.ready && !pod.ends);
        (all && after.iter().zip(&pods).all(|(after, before)| after.uid != before.uid)).then_some(after)
    });
    for (before, after) in pods.iter().zip(&after) {
        assert_eq!((&before.name, &before.addresses), (&after.name, &after.addresses));
    }
    // The controller sees that nobody wants the names any more, long before its next full pass.
    cluster.kubectl(&["delete", "statefulset", "six"]);
    cluster.gone("six");
    cluster.free("six");
    cluster.kubectl(&["delete", "sp", "six"]);
}

/// Both replicas answer the webhook by the Service: one goes without notice, and edits are judged all the same.
fn a_replica_goes(cluster: &Cluster) {
    let replicas = "app.kubernetes.io/component=spiderpool-controller";
    let names = |cluster: &Cluster| {
        let listed = cluster.kubectl(&["get", "pods", "-n", "kube-system", "-l", replicas, "-o", "name"]);
        listed.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let before = names(cluster);
    assert_eq!(before.len(), 2);
    let overlapping = pool("overlapping", "10.200.0.0/24", "10.200.0.200");
    let refused = cluster.refused(&overlapping);
    assert!(refused.contains("default-v4-ippool") || refused.contains("overlap"), "{refused}");
    cluster.kubectl(&["delete", "-n", "kube-system", &before[0], "--force", "--grace-period=0"]);
    cluster.until("an edit that is taken", |cluster| {
        cluster.nodes.plane().ask(&["apply", "-f", "-"], &pool("extra", "10.202.0.0/16", "10.202.0.1")).ok()
    });
    let refused = cluster.until("an edit that is judged", |cluster| {
        let said = cluster.refused(&overlapping);
        said.contains("overlap").then_some(said)
    });
    assert!(refused.contains("10.200.0.0/16"), "{refused}");
    cluster.kubectl(&[
        "rollout",
        "status",
        "-n",
        "kube-system",
        "deployment/spiderpool-controller",
        "--timeout=120s",
    ]);
    cluster.kubectl(&["delete", "sp", "extra"]);
}

const CLONE_SETS: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: clonesets.apps.kruise.io}
spec:
  group: apps.kruise.io
  scope: Namespaced
  names: {kind: CloneSet, plural: clonesets, singular: cloneset}
  versions:
    - name: v1alpha1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
      subresources: {scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}}
";

/// A CloneSet gets a pool of its own out of a Subnet, of the number of addresses that it asks for. This test is its controller.
fn clone_set(cluster: &Cluster) {
    cluster.apply(CLONE_SETS);
    cluster.apply(&subnet("kruise", "10.203.0.0/16", "10.203.1.1-10.203.1.40"));
    let lines = format!(
        "{}\n        ipam.spidernet.io/ippool-ip-number: '5'",
        annotation("subnet", r#"{"ipv4": ["kruise"]}"#)
    );
    let set = format!(
        "
apiVersion: apps.kruise.io/v1alpha1
kind: CloneSet
metadata: {{name: custom}}
spec:
  replicas: 3
  template:
    metadata:
      labels: {{app: custom}}
{lines}
    spec: {{containers: [{CONTAINER}]}}
"
    );
    cluster.until("CloneSets to be served", |cluster| {
        cluster.nodes.plane().ask(&["apply", "-f", "-"], &set).ok()
    });
    let uid = cluster.kubectl(&["get", "clonesets.apps.kruise.io", "custom", "-o=jsonpath={.metadata.uid}"]);
    // Four steps less deep than in a template.
    let annotations = lines.lines().map(|line| &line[4..]).collect::<Vec<_>>().join("\n");
    for n in 0..3 {
        cluster.apply(&format!(
            "
apiVersion: v1
kind: Pod
metadata:
  name: custom-{n}
  labels: {{app: custom}}
{annotations}
  ownerReferences: [{{apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: custom, uid: {uid}, controller: true}}]
spec:
  terminationGracePeriodSeconds: 1
  containers: [{CONTAINER}]
"
        ));
    }
    let pods = cluster.ready("custom", 3);
    assert!(addresses(&pods).iter().all(|address| address.starts_with("10.203.1.")), "{pods:?}");
    let pools = cluster.json(&["get", "sp", "-l", "ipam.spidernet.io/owner-application-name=custom"]);
    assert_eq!(pools["items"][0]["spec"]["ips"], json!(["10.203.1.1-10.203.1.5"]), "{pools}");
    cluster.kubectl(&["delete", "clonesets.apps.kruise.io", "custom"]);
    cluster.kubectl(&["delete", "pod", "-l", "app=custom"]);
    cluster.until("its pool to go", |cluster| {
        let pools = cluster.json(&["get", "sp", "-l", "ipam.spidernet.io/owner-application-name=custom"]);
        pools["items"].as_array().unwrap().is_empty().then_some(())
    });
}

/// Other values, and the same release: pods that run stay as they are, and the default pools as administrators left them.
fn upgrade(cluster: &Cluster) {
    cluster.apply(&workload("Deployment", "stays", 2, ""));
    let before = cluster.ready("stays", 2);
    cluster.kubectl(&[
        "patch",
        "sp",
        "default-v4-ippool",
        "--type=merge",
        "-p",
        r#"{"spec": {"ips": ["10.200.1.10-10.200.1.250"]}}"#,
    ]);
    let mut values = document_values();
    values.extend(["spiderpoolAgent.debug.logLevel=debug".into(), "spiderpoolController.replicas=1".into()]);
    cluster.install(&values.iter().map(String::as_str).collect::<Vec<_>>());
    let after = cluster.ready("stays", 2);
    assert_eq!(addresses(&before), addresses(&after));
    let ranges = cluster.kubectl(&["get", "sp", "default-v4-ippool", "-o=jsonpath={.spec.ips[0]}"]);
    assert_eq!(ranges, "10.200.1.10-10.200.1.250");
    let arguments = cluster.kubectl(&[
        "get",
        "ds",
        "-n",
        "kube-system",
        "spiderpool-agent",
        "-o=jsonpath={.spec.template.spec.containers[0].args}",
    ]);
    assert!(arguments.contains("--log-level=debug"), "{arguments}");
    cluster.kubectl(&["delete", "deployment", "stays"]);
    cluster.gone("stays");
}
