//! The documents' walk-throughs, from an empty cluster.

use std::collections::BTreeSet;

use spiderpool_testbed::in_hub;

use super::{
    cluster::{Cluster, MACVLAN},
    multus::several_interfaces,
    workload::{addresses, annotation, pool, subnet, workload},
};

#[test]
#[ignore = "takes the images: cargo xtask test --only nodes"]
fn the_chart_on_two_nodes() {
    in_hub("walks::the_chart_on_two_nodes", || {
        let mut cluster = Cluster::start(MACVLAN);
        cluster.at("two nodes are ready");
        cluster.install(&[
            "feature.enableIPv6=false",
            "clusterDefaultPool.installIPv4IPPool=true",
            "clusterDefaultPool.ipv4Subnet=10.200.0.0/16",
            "clusterDefaultPool.ipv4IPRanges={10.200.1.1-10.200.1.20}",
        ]);
        cluster.at("Spiderpool is installed");
        default_pool(&cluster);
        cluster.at("default pool: done");
        manual_pool(&cluster);
        cluster.at("manual pool: done");
        stateful_set(&cluster);
        cluster.at("stateful set: done");
        own_pool(&cluster);
        cluster.at("own pool: done");
        bindings(&cluster);
        cluster.at("bindings: done");
        several_interfaces(&mut cluster);
        cluster.at("several interfaces: done");
        cluster.uninstall();
        nothing_waits(&cluster);
        cluster.at("uninstalled");
    });
}

/// The default pool of the chart's values serves pods that name none, on both nodes, and they reach each other.
fn default_pool(cluster: &Cluster) {
    let columns = cluster.kubectl(&["get", "sp", "default-v4-ippool"]);
    assert!(columns.contains("TOTAL-IP-COUNT") && columns.contains("10.200.0.0/16"), "{columns}");
    cluster.apply(&workload("Deployment", "plain", 4, ""));
    let pods = cluster.ready("plain", 4);
    let nodes: BTreeSet<_> = pods.iter().map(|pod| pod.node.as_str()).collect();
    assert_eq!(nodes.len(), 2, "{pods:?}");
    assert!(addresses(&pods).iter().all(|address| address.starts_with("10.200.1.")), "{pods:?}");
    let far = pods.iter().find(|pod| pod.node != pods[0].node).unwrap();
    cluster.ping(&pods[0].name, &far.addresses[0]);
    cluster.ping(&pods[0].name, "10.200.0.1");
    cluster.kubectl(&["delete", "deployment", "plain"]);
    cluster.gone("plain");
    cluster.until("the default pool to be free", |cluster| {
        let held = cluster.json(&["get", "sp", "default-v4-ippool"]);
        (held["status"]["allocatedIPCount"] == 0).then_some(())
    });
}

/// A pool of exactly three addresses: three pods, a fourth is refused with the reason, and served when one goes. What is
/// held cannot be taken away.
fn manual_pool(cluster: &Cluster) {
    cluster.apply(&pool("three", "10.200.0.0/16", "10.200.2.1-10.200.2.3"));
    let named = annotation("ippool", r#"{"ipv4": ["three"]}"#);
    cluster.apply(&workload("Deployment", "exact", 3, &named));
    let first = addresses(&cluster.ready("exact", 3));
    assert_eq!(first, ["10.200.2.1", "10.200.2.2", "10.200.2.3"].map(String::from).into());
    cluster.kubectl(&["scale", "deployment", "exact", "--replicas=4"]);
    let reason = cluster.until("an Event that says why", |cluster| {
        let events = cluster.kubectl(&[
            "get",
            "events",
            "--field-selector=type=Warning",
            "-o=jsonpath={range .items[*]}{.message}{\"\\n\"}{end}",
        ]);
        events.lines().find(|line| line.contains("pool three")).map(str::to_owned)
    });
    assert!(reason.contains("three"), "{reason}");
    let narrower = cluster.refused(&pool("three", "10.200.0.0/16", "10.200.2.1-10.200.2.2"));
    assert!(narrower.contains("10.200.2.3"), "{narrower}");
    cluster.apply(&pool("three", "10.200.0.0/16", "10.200.2.1-10.200.2.4"));
    assert_eq!(addresses(&cluster.ready("exact", 4)).len(), 4);
    cluster.kubectl(&["delete", "deployment", "exact"]);
    cluster.gone("exact");
}

/// Pods of a StatefulSet keep their addresses over a restart, and on the other node.
fn stateful_set(cluster: &Cluster) {
    cluster.apply(&workload("StatefulSet", "db", 2, ""));
    let before = cluster.ready("db", 2);
    let node = before[0].node.clone();
    cluster.kubectl(&["cordon", &node]);
    cluster.kubectl(&["delete", "pod", "db-0", "db-1", "--wait=false"]);
    let after = cluster.until("both pods on the other node", |cluster| {
        let pods = cluster.pods("db");
        let moved = pods.iter().all(|pod| pod.ready && !pod.ends && pod.node != node);
        (pods.len() == 2 && moved).then_some(pods)
    });
    for (before, after) in before.iter().zip(&after) {
        assert_eq!((&before.name, &before.addresses), (&after.name, &after.addresses));
    }
    cluster.kubectl(&["uncordon", &node]);
    cluster.kubectl(&["delete", "statefulset", "db"]);
    cluster.gone("db");
}

/// A Deployment that names a Subnet gets a pool of its own, which grows with it.
fn own_pool(cluster: &Cluster) {
    cluster.apply(&subnet("office", "10.201.0.0/16", "10.201.1.1-10.201.1.9"));
    let named = annotation("subnet", r#"{"ipv4": ["office"]}"#);
    cluster.apply(&workload("Deployment", "web", 2, &named));
    let first = addresses(&cluster.ready("web", 2));
    let size = |cluster: &Cluster| {
        let pools = cluster.json(&["get", "sp", "-l", "ipam.spidernet.io/owner-application-name=web"]);
        pools["items"][0]["status"]["totalIPCount"].as_i64()
    };
    cluster.until("a pool of three", |cluster| (size(cluster) == Some(3)).then_some(()));
    cluster.kubectl(&["scale", "deployment", "web", "--replicas=3"]);
    let more = addresses(&cluster.ready("web", 3));
    assert!(more.is_superset(&first), "{first:?} {more:?}");
    cluster.until("a pool of four", |cluster| (size(cluster) == Some(4)).then_some(()));
    cluster.kubectl(&["delete", "deployment", "web"]);
    cluster.gone("web");
    cluster.until("the pool to go", |cluster| size(cluster).is_none().then_some(()));
}

/// Pools in their order, each for those whom it is bound to: by node, by zone, by the pods' labels; and reserved addresses.
fn bindings(cluster: &Cluster) {
    let bound = |name: &str, ips: &str, to: &str| {
        let spec = pool(name, "10.200.0.0/16", ips);
        cluster.apply(&spec.replace("]}\n", &format!("], {to}}}\n")));
    };
    bound("on-one", "10.200.3.1-10.200.3.9", "nodeName: [node1]");
    let zone = "nodeAffinity: {matchLabels: {topology.kubernetes.io/zone: zone2}}";
    bound("in-zone-two", "10.200.4.1-10.200.4.9", zone);
    let named = annotation("ippool", r#"{"ipv4": ["on-one", "in-zone-two"]}"#);
    cluster.apply(&workload("Deployment", "placed", 4, &named));
    let pods = cluster.ready("placed", 4);
    for pod in &pods {
        let range = if pod.node == "node1" { "10.200.3." } else { "10.200.4." };
        assert!(pod.addresses[0].starts_with(range), "{pods:?}");
    }

    // The first pool has one address beside the reserved one; what it cannot serve, the second does.
    cluster.apply(
        &pool("kept", "10.200.0.0/16", "10.200.5.1")
            .replace("SpiderIPPool", "SpiderReservedIP")
            .replace("subnet: '10.200.0.0/16', ", ""),
    );
    bound("small", "10.200.5.1-10.200.5.2", "podAffinity: {matchLabels: {app: backed}}");
    bound("backup", "10.200.6.1-10.200.6.9", "podAffinity: {matchLabels: {app: backed}}");
    let named = annotation("ippool", r#"{"ipv4": ["small", "backup"]}"#);
    cluster.apply(&workload("Deployment", "backed", 3, &named));
    let got = addresses(&cluster.ready("backed", 3));
    assert!(got.contains("10.200.5.2") && !got.contains("10.200.5.1"), "{got:?}");
    assert_eq!(got.iter().filter(|address| address.starts_with("10.200.6.")).count(), 2, "{got:?}");

    // Pods that none of the pools is for are told so.
    cluster.apply(&workload("Deployment", "stranger", 1, &named));
    cluster.until("an Event that says whom the pools are for", |cluster| {
        let path = "-o=jsonpath={range .items[*]}{.involvedObject.name}: {.message}{\"\\n\"}{end}";
        let events = cluster.kubectl(&["get", "events", "--field-selector=type=Warning", path]);
        let said = events.lines().find(|line| line.starts_with("stranger-") && line.contains("small"));
        said.filter(|line| line.contains("backup")).map(str::to_owned)
    });
    for name in ["placed", "backed", "stranger"] {
        cluster.kubectl(&["delete", "deployment", name]);
        cluster.gone(name);
    }
    cluster.kubectl(&["delete", "sr", "kept"]);
}

/// After the release is gone, objects are there and can be deleted without a controller.
fn nothing_waits(cluster: &Cluster) {
    let left = cluster.kubectl(&["get", "sp", "-o", "name"]);
    assert!(left.contains("default-v4-ippool"), "{left}");
    cluster.kubectl(&["delete", "sp,ss", "--all", "--timeout=60s"]);
    let webhooks = cluster.kubectl(&[
        "get",
        "validatingwebhookconfigurations,mutatingwebhookconfigurations",
        "-o",
        "name",
    ]);
    assert!(!webhooks.contains("spiderpool"), "{webhooks}");
}
