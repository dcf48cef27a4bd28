//! The documents' walk-throughs, from an empty cluster.

use std::collections::BTreeSet;

use spiderpool_testbed::{MACVLAN, in_hub};

use super::{
    cluster::Cluster,
    multus::several_interfaces,
    reclaim::addresses_come_back,
    workload::{addresses, annotation, bound, pool, subnet, workload},
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
        of_a_namespace(&cluster);
        cluster.at("namespaces: done");
        columns(&cluster);
        addresses_come_back(&cluster);
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
    cluster.free("default-v4-ippool");
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
    let bound = |name, ips, to| cluster.apply(&bound(name, "10.200.0.0/16", ips, to));
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

/// Pools of a namespace: its annotation names them for all its pods, and they are bound to it by name or by its labels.
fn of_a_namespace(cluster: &Cluster) {
    cluster.apply(
        "
apiVersion: v1
kind: Namespace
metadata:
  name: team
  labels: {tier: blue}
  annotations:
    ipam.spidernet.io/default-ipv4-ippool: '[\"team-*\", \"blue\"]'
",
    );
    let bound = |name, ips, to| cluster.apply(&bound(name, "10.200.0.0/16", ips, to));
    bound("team-one", "10.200.8.1-10.200.8.2", "namespaceName: [team]");
    bound("blue", "10.200.9.1-10.200.9.9", "namespaceAffinity: {matchLabels: {tier: blue}}");

    // Two addresses are the namespace's own; the third comes from the pool of all that are blue.
    let in_team =
        workload("Deployment", "housed", 3, "").replace("name: housed}", "name: housed, namespace: team}");
    cluster.apply(&in_team);
    let pods = cluster.until("the namespace's pods", |cluster| {
        let pods = cluster.pods_in("team", "app=housed");
        (pods.len() == 3 && pods.iter().all(|pod| pod.ready)).then_some(pods)
    });
    let got = addresses(&pods);
    assert!(got.contains("10.200.8.1") && got.contains("10.200.8.2"), "{got:?}");
    assert!(got.iter().any(|address| address.starts_with("10.200.9.")), "{got:?}");

    // Elsewhere they cannot be had, and whoever asks is told whose they are.
    let named = annotation("ippool", r#"{"ipv4": ["team-one", "blue"]}"#);
    cluster.apply(&workload("Deployment", "intruder", 1, &named));
    cluster.until("an Event that says whose the pools are", |cluster| {
        let path = "-o=jsonpath={range .items[*]}{.involvedObject.name}: {.message}{\"\\n\"}{end}";
        let events = cluster.kubectl(&["get", "events", "--field-selector=type=Warning", path]);
        let of_pod = |line: &&str| line.starts_with("intruder-");
        events
            .lines()
            .filter(of_pod)
            .find(|line| line.contains("team-one") && line.contains("blue"))
            .map(drop)
    });
    cluster.kubectl(&["delete", "deployment", "intruder"]);
    cluster.gone("intruder");

    // Everything in it goes with the namespace.
    cluster.kubectl(&["delete", "namespace", "team"]);
    ["team-one", "blue"].iter().for_each(|pool| cluster.free(pool));
}

/// What kubectl shows of each kind.
fn columns(cluster: &Cluster) {
    cluster.apply(&pool("shown", "10.200.0.0/16", "10.200.10.1-10.200.10.4"));
    cluster.apply(&subnet("shown", "10.205.0.0/16", "10.205.1.1-10.205.1.9"));
    let reserved = pool("shown", "10.200.0.0/16", "10.200.10.9").replace("subnet: '10.200.0.0/16', ", "");
    cluster.apply(&reserved.replace("SpiderIPPool", "SpiderReservedIP"));
    let named = annotation("ippool", r#"{"ipv4": ["shown"]}"#);
    cluster.apply(&workload("Deployment", "shown", 1, &named));
    let pod = cluster.ready("shown", 1).remove(0);
    let endpoint = format!("{} eth0 shown {}/16 {}", pod.name, pod.addresses[0], pod.node);
    let of_networks = "NAME VERSION SUBNET ALLOCATED-IP-COUNT TOTAL-IP-COUNT";
    let of_pools = format!("{of_networks} DEFAULT DISABLE APP-NAMESPACE");
    let kinds = [
        ("sp", "shown", of_pools.as_str(), "shown 4 10.200.0.0/16 1 4"),
        ("ss", "shown", of_networks, "shown 4 10.205.0.0/16 0 9"),
        ("se", &pod.name, "NAME INTERFACE IPV4POOL IPV4 IPV6POOL IPV6 NODE", &endpoint),
        ("sr", "shown", "NAME VERSION", "shown 4"),
    ];
    for (kind, name, head, row) in kinds {
        cluster.until(&format!("{row} of {kind}"), |cluster| {
            let said = cluster.kubectl(&["get", kind, name]);
            let lines: Vec<_> =
                said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
            assert_eq!((lines.len(), lines[0].as_str()), (2, head));
            lines[1].starts_with(row).then_some(())
        });
    }
    cluster.kubectl(&["delete", "deployment", "shown"]);
    cluster.gone("shown");
    cluster.kubectl(&["delete", "sr,ss,sp", "shown"]);
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
