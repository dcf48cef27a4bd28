//! The commands on a real API server, beside kubectl and an allocator: the same words as on any store.

use std::{path::Path, sync::Arc};

use spiderpool_core::{
    alloc::{AddRequest, Allocator, AllocatorConfig},
    env::Env,
    name::{ContainerId, InterfaceName, NodeName, OwnerUid},
};
use spiderpool_store_kube::{KubeConfig, KubeStore};
use spiderpool_testbed::{ControlPlane, ControlPlaneOptions, or_skip};

use crate::ctl::Ctl;

const DEFINITIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/spiderpool/files/crds");

const POOL: &str = "
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderIPPool
metadata: {name: shared}
spec: {subnet: 10.6.0.0/16, ips: [10.6.1.1-10.6.1.4], default: true}
";

const POD: &str = "
apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: default
  annotations: {ipam.spidernet.io/ippool: '{\"ipv4\": [\"shared\", \"missing\"]}'}
spec: {nodeName: n1, containers: [{name: c, image: none.invalid/c}]}
";

#[tokio::test]
async fn the_commands_see_what_agents_and_kubectl_do() {
    let started = ControlPlane::start(&ControlPlaneOptions::default());
    let Some(mut plane) = or_skip("spiderpoolctl on Kubernetes", started) else { return };
    plane.install(Path::new(DEFINITIONS)).unwrap();
    let file = plane.kubeconfig().to_owned();
    let on = |kubeconfig| Ctl { store: "kube".to_owned(), kubeconfig: Some(kubeconfig) };
    let (on, nowhere) = (on(file.clone()), on("/nonexistent".into()));
    on.says(&["apply", "-f", "-"], POOL);
    let row = plane.ask(&["get", "sp", "shared", "--no-headers"], "").unwrap();
    assert!(row.contains("10.6.0.0/16"), "{row}");

    let store = KubeStore::connect(&KubeConfig::from_file(&file, None).await.unwrap()).unwrap();
    let config = AllocatorConfig::new(NodeName::new("n1").unwrap());
    let allocator = Allocator::open(Arc::new(store), Env::system(), config).await.unwrap();
    let pool = allocator.pool(&"shared".parse().unwrap()).await.unwrap();
    let (container, eth0) = (ContainerId::new("c1").unwrap(), InterfaceName::new("eth0").unwrap());
    let granted = allocator.add(&AddRequest::of_container(&container, &eth0, &pool)).await.unwrap();
    let address = granted[0].address.to_string();

    let pools = on.says(&["get", "pools"], "");
    let row: Vec<_> = pools.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(&row[..5], ["shared", "4", "10.6.0.0/16", "1", "4"], "{pools}");
    let shown = on.says(&["ip", "show", &address], "");
    assert!(shown.contains("c1") && shown.contains("n1"), "{shown}");
    let exported = on.says(&["export"], "");
    let checked = on.run(&["fsck"], "");
    assert!(checked.status.success(), "{checked:?}");

    // Pods are the cluster's: they are seen, and not written.
    plane.ask(&["apply", "-f", "-"], POD).unwrap();
    let explained = on.says(&["explain", "web"], "");
    assert!(explained.contains("shared") && explained.contains("missing"), "{explained}");
    let refused = on.run(&["apply", "-f", "-"], POD);
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && message.contains("not Spiderpool's"), "{message}");

    // What is held is not taken away; a mistake is told in the words of the schema or of the rules.
    let shrunk = on.run(&["apply", "-f", "-"], &POOL.replace("10.6.1.1-10.6.1.4", "10.6.9.9"));
    let message = String::from_utf8(shrunk.stderr).unwrap();
    assert!(!shrunk.status.success() && message.contains(&address), "{message}");

    // Everything again, from the export: the API server gives the pool another uid, and its address is still its own.
    drop(allocator);
    for kind in ["se", "sp", "sr", "ss", "spideripblocks", "spideripplans", "spideripscopes"] {
        plane.ask(&["delete", kind, "--all"], "").unwrap();
    }
    on.says(&["import", "-f", "-"], &exported);
    assert_eq!(on.says(&["ip", "show", &address], ""), shown);
    let checked = on.run(&["fsck"], "");
    assert!(checked.status.success(), "{checked:?}");

    plane.kill_apiserver();
    let lost = on.run(&["get", "pools"], "");
    let message = String::from_utf8(lost.stderr).unwrap();
    assert!(lost.status.code() == Some(4), "{message}");
    let lost = nowhere.run(&["get", "pools"], "");
    let message = String::from_utf8(lost.stderr).unwrap();
    assert!(lost.status.code() == Some(4) && message.contains("KUBECONFIG"), "{message}");
}

/// Pools and endpoints as upstream writes them.
const UPSTREAM: &str = r#"
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderIPPool
metadata: {name: old, finalizers: [spiderpool.spidernet.io]}
spec: {ipVersion: 4, subnet: 10.7.0.0/16, ips: [10.7.0.10-10.7.0.12], default: true, disable: false}
---
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderEndpoint
metadata: {name: web, namespace: default, finalizers: [spiderpool.spidernet.io]}
status:
  current:
    uid: UID
    node: n1
    ips: [{interface: eth0, ipv4: 10.7.0.10/16, ipv4Pool: old, vlan: 0, cleanGateway: false}]
  ownerControllerType: Pod
  ownerControllerName: web
"#;

#[tokio::test]
async fn what_upstream_granted_is_taken_over() {
    let started = ControlPlane::start(&ControlPlaneOptions::default());
    let Some(plane) = or_skip("migration from upstream on Kubernetes", started) else { return };
    plane.install(Path::new(DEFINITIONS)).unwrap();
    let file = plane.kubeconfig().to_owned();
    let on = Ctl { store: "kube".to_owned(), kubeconfig: Some(file.clone()) };
    plane.ask(&["apply", "-f", "-"], POD).unwrap();
    let uid = plane.ask(&["get", "pod", "web", "-o", "jsonpath={.metadata.uid}"], "").unwrap();
    plane.ask(&["apply", "-f", "-"], &UPSTREAM.replace("UID", &uid)).unwrap();
    let noted = format!(
        r#"{{"10.7.0.10": {{"pod": "default/web", "podUid": "{uid}"}}, "10.7.0.11": {{"pod": "default/gone", "podUid": "u"}}}}"#
    );
    let status =
        serde_json::json!({ "status": { "allocatedIPs": noted, "allocatedIPCount": 2 } }).to_string();
    plane.ask(&["patch", "sp", "old", "--subresource=status", "--type=merge", "-p", &status], "").unwrap();

    let dry = on.run(&["migrate", "upstream"], "");
    let words = String::from_utf8(dry.stdout).unwrap();
    assert!(
        dry.status.success() && words.contains("2 addresses to take over") && words.contains("default/gone"),
        "{words}"
    );
    assert_eq!(plane.ask(&["get", "spideripblocks", "-o", "name"], "").unwrap(), "", "nothing is written");
    let done = on.says(&["migrate", "upstream", "--yes"], "");
    assert!(done.contains("2 addresses taken over, 0 were held already"), "{done}");
    let again = on.says(&["migrate", "upstream", "--yes"], "");
    assert!(again.contains("0 addresses taken over, 2 were held already"), "{again}");
    on.says(&["fsck"], "");

    // What is taken over is not granted, and the pod's own ADD finds its address.
    let store = KubeStore::connect(&KubeConfig::from_file(&file, None).await.unwrap()).unwrap();
    let config = AllocatorConfig::new(NodeName::new("n1").unwrap());
    let allocator = Allocator::open(Arc::new(store), Env::system(), config).await.unwrap();
    let pool = allocator.pool(&"old".parse().unwrap()).await.unwrap();
    let eth0 = InterfaceName::new("eth0").unwrap();
    let add = async |owner: &str, container: &str| {
        let container = ContainerId::new(container).unwrap();
        let mut request = AddRequest::of_container(&container, &eth0, &pool);
        request.owner.uid = OwnerUid::new(owner).unwrap();
        allocator.add(&request).await.map(|granted| granted[0].address.to_string())
    };
    assert_eq!(add("new", "c1").await.unwrap(), "10.7.0.12");
    assert_eq!(add(&uid, "c2").await.unwrap(), "10.7.0.10");
    assert!(add("one-more", "c3").await.is_err());
}
