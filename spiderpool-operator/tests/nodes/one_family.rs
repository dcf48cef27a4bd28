//! Installations with one family: pods have its addresses and no others, and reach each other by them.

use std::collections::BTreeSet;

use serde_json::Value;
use spiderpool_testbed::{MACVLAN, in_hub};

use super::{
    cluster::{Cluster, Pod},
    workload::{addresses, annotation, subnet, workload},
};

/// Values of an installation with default pools of both families, of which the programs serve one.
fn only(family: &str) -> [String; 2] {
    ["4", "6"].map(|each| format!("ipam.enableIPv{each}={}", each == family))
}

/// The default pools; each is made where its family is served.
const POOLS: [&str; 6] = [
    "clusterDefaultPool.installIPv4IPPool=true",
    "clusterDefaultPool.ipv4Subnet=10.200.0.0/16",
    "clusterDefaultPool.ipv4IPRanges={10.200.1.1-10.200.1.20}",
    "clusterDefaultPool.installIPv6IPPool=true",
    "clusterDefaultPool.ipv6Subnet=fd00:200::/64",
    "clusterDefaultPool.ipv6IPRanges={fd00:200::1:1-fd00:200::1:14}",
];

fn install(cluster: &Cluster, family: &str) {
    let family = only(family);
    let values: Vec<_> = family.iter().map(String::as_str).chain(POOLS).collect();
    cluster.install(&values);
}

#[test]
#[ignore = "takes the images: cargo xtask test --only nodes"]
fn six_alone_then_four_and_back() {
    in_hub("one_family::six_alone_then_four_and_back", || {
        let cluster = Cluster::start(MACVLAN);
        cluster.at("two nodes are ready");
        install(&cluster, "6");
        cluster.at("installed with IPv6 alone");
        cluster.apply(&workload("Deployment", "plain", 4, ""));
        let six = served(&cluster, "6");
        cluster.ping(&six[0].name, "fd00:200::1");
        cluster.at("pods reach each other by IPv6: done");
        kept(&cluster);
        cluster.at("a StatefulSet keeps its addresses: done");
        own_pool(&cluster);
        cluster.at("a pool of the application's own: done");
        other_family(&cluster);
        cluster.at("pools of the other family are refused: done");
        install(&cluster, "4");
        at_the_first_attempt(&cluster, 2);
        cluster.at("changed to IPv4 alone");
        in_force(&cluster, 1);
        still_there(&cluster, &six);
        recreate(&cluster, &six);
        served(&cluster, "4");
        cluster.free("default-v6-ippool");
        cluster.at("IPv4 alone: done");
        install(&cluster, "6");
        in_force(&cluster, 2);
        let four = cluster.ready("plain", 4);
        recreate(&cluster, &four);
        served(&cluster, "6");
        cluster.free("default-v4-ippool");
        cluster.kubectl(&["delete", "deployment", "plain"]);
        cluster.gone("plain");
        cluster.free("default-v6-ippool");
        cluster.at(cluster.spiderpoolctl(&["fsck"]).trim_end());
    });
}

/// Each of the `installations` had its default pool made by one pod of its Job, also while the controller did not know of the family yet.
fn at_the_first_attempt(cluster: &Cluster, installations: usize) {
    let made = "--field-selector=reason=SuccessfulCreate,involvedObject.kind=Job";
    let pods = cluster.kubectl(&["get", "events", "-n", "kube-system", made, "-o", "name"]);
    assert!(pods.lines().count() <= installations, "{pods}");
}

/// Waits until each agent says that it has read its `times`th change. A kubelet shows one within a minute, and sooner where it looks at
/// the pod anyway.
fn in_force(cluster: &Cluster, times: usize) {
    let agents = "app.kubernetes.io/component=spiderpool-agent";
    cluster.kubectl(&["annotate", "pods", "-n", "kube-system", "-l", agents, &format!("look-{times}=now")]);
    let logs = ["logs", "-n", "kube-system", "-l", agents, "--tail=-1"];
    cluster.until("agents to have the change", |cluster| {
        let said = cluster.kubectl(&logs);
        (said.matches("a new configuration is in force").count() == 2 * times).then_some(())
    });
    cluster.at("agents have the change");
}

/// The pods, each with one address of this family, as their interfaces and endpoints show too; they reach each other.
fn served(cluster: &Cluster, family: &str) -> Vec<Pod> {
    let pods = cluster.ready("plain", 4);
    assert_eq!(addresses(&pods).len(), 4, "one each: {pods:?}");
    let nodes: BTreeSet<_> = pods.iter().map(|pod| &pod.node).collect();
    assert_eq!(nodes.len(), 2, "{pods:?}");
    for pod in &pods {
        let (mine, other) = if family == "6" { ("ipv6", "ipv4") } else { ("ipv4", "ipv6") };
        let endpoint = cluster.until(&format!("the endpoint of {}", pod.name), |cluster| {
            let said = cluster.nodes.plane().ask(&["get", "se", &pod.name, "-o", "json"], "").ok()?;
            Some(serde_json::from_str::<Value>(&said).unwrap())
        });
        let shown = &endpoint["status"]["current"]["ips"];
        assert_eq!(shown.as_array().unwrap().len(), 1, "{endpoint}");
        assert_eq!(shown[0].get(other), None, "{endpoint}");
        let (address, _) = shown[0][mine].as_str().unwrap().split_once('/').unwrap();
        assert_eq!([address], [pod.addresses[0].as_str()], "{endpoint}");
        let show = ["/bin/busybox", "ip", "-o", "address", "show", "dev", "eth0", "scope", "global"];
        let there = cluster.kubectl(&[&["exec", &pod.name, "--"], &show[..]].concat());
        assert!(there.lines().count() == 1 && there.contains(address), "{pod:?}: {there}");
    }
    for far in pods.iter().filter(|pod| pod.node != pods[0].node) {
        cluster.ping(&pods[0].name, &far.addresses[0]);
        cluster.ping(&far.name, &pods[0].addresses[0]);
    }
    pods
}

/// Deletes these pods, and waits for others.
fn recreate(cluster: &Cluster, pods: &[Pod]) {
    cluster.kubectl(&["delete", "pod", "-l", "app=plain", "--wait=false"]);
    cluster.until("other pods", |cluster| {
        let now = cluster.pods("plain");
        now.iter().all(|now| pods.iter().all(|pod| pod.uid != now.uid)).then_some(())
    });
}

/// Pods that run are as they were.
fn still_there(cluster: &Cluster, before: &[Pod]) {
    let after = cluster.ready("plain", 4);
    let told =
        |pods: &[Pod]| pods.iter().map(|pod| (pod.uid.clone(), pod.addresses.clone())).collect::<Vec<_>>();
    assert_eq!(told(before), told(&after));
}

fn kept(cluster: &Cluster) {
    cluster.apply(&workload("StatefulSet", "db", 2, ""));
    let before = cluster.ready("db", 2);
    cluster.kubectl(&["delete", "pod", "db-0", "db-1", "--wait=false"]);
    let after = cluster.until("other pods of the same names", |cluster| {
        let after = cluster.pods("db");
        let others = after.iter().zip(&before).all(|(after, before)| after.uid != before.uid);
        (after.len() == 2 && others && after.iter().all(|pod| pod.ready && !pod.ends)).then_some(after)
    });
    for (before, after) in before.iter().zip(&after) {
        assert_eq!((&before.name, &before.addresses), (&after.name, &after.addresses));
        assert!(before.addresses.len() == 1 && before.addresses[0].contains(':'), "{before:?}");
    }
    cluster.kubectl(&["delete", "statefulset", "db"]);
    cluster.gone("db");
}

/// A Subnet of the other family is refused, and an application that names one of each gets a pool of the family that is served.
fn own_pool(cluster: &Cluster) {
    let refused = cluster.refused(&subnet("four", "10.201.0.0/16", "10.201.1.1-10.201.1.9"));
    assert!(refused.contains("IPv4 is disabled"), "{refused}");
    cluster.apply(&subnet("six", "fd00:201::/64", "fd00:201::1-fd00:201::9"));
    let named = annotation("subnet", r#"{"ipv4": ["four"], "ipv6": ["six"]}"#);
    cluster.apply(&workload("Deployment", "web", 2, &named));
    let pods = cluster.ready("web", 2);
    assert!(addresses(&pods).iter().all(|address| address.starts_with("fd00:201::")), "{pods:?}");
    let pools = ["get", "sp", "-l", "ipam.spidernet.io/owner-application-name=web"];
    let made = cluster.json(&pools);
    let families: Vec<_> =
        made["items"].as_array().unwrap().iter().map(|pool| &pool["spec"]["ipVersion"]).collect();
    assert_eq!(families, [6], "{made}");
    cluster.kubectl(&["delete", "deployment", "web"]);
    cluster.gone("web");
    cluster.until("the pool to go", |cluster| {
        cluster.json(&pools)["items"].as_array().unwrap().is_empty().then_some(())
    });
    cluster.kubectl(&["delete", "ss", "six"]);
}

/// Who names pools of the other family alone is told why there is no address.
fn other_family(cluster: &Cluster) {
    let named = annotation("ippool", r#"{"ipv4": ["default-v4-ippool"]}"#);
    cluster.apply(&workload("Deployment", "stranger", 1, &named));
    let said = cluster.until("an Event that says so", |cluster| {
        let path = "-o=jsonpath={range .items[*]}{.involvedObject.name}: {.message}{\"\\n\"}{end}";
        let events = cluster.kubectl(&["get", "events", "--field-selector=type=Warning", path]);
        events
            .lines()
            .find(|line| line.starts_with("stranger-") && line.contains("enabled: IPv6"))
            .map(str::to_owned)
    });
    cluster.at(&said);
    cluster.kubectl(&["delete", "deployment", "stranger"]);
    cluster.gone("stranger");
}
