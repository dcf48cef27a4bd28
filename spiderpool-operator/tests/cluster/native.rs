//! Applications of Kubernetes' own kinds.

use crate::support::{Cluster, deployment};

const SUBNETS: &str = "
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderSubnet
metadata: {name: home}
spec: {subnet: 10.9.0.0/24, ips: [10.9.0.1-10.9.0.12], gateway: 10.9.0.254}
---
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderSubnet
metadata: {name: home6}
spec: {subnet: 'fd00:9::/64', ips: ['fd00:9::1-fd00:9::c']}
---
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderSubnet
metadata: {name: away}
spec: {subnet: 10.10.0.0/24, ips: [10.10.0.1-10.10.0.9]}
";

const NUMBER: &str = "ipam.spidernet.io/ippool-ip-number";
const HOME: &str = r#"{"ipv4": ["home"]}"#;

#[test]
fn a_deployment_has_a_pool_that_follows_it() {
    let Some(cluster) = Cluster::start("operator: a deployment") else { return };
    cluster.apply(SUBNETS);
    let first = cluster.controller("first", &[]);
    first.until("leading");
    let both = r#"{"ipv4": ["home"], "ipv6": ["home6"]}"#;
    cluster.apply(&deployment("web", 2, both, &format!("{NUMBER}: '+1'")));
    let uid = cluster.says(&["get", "deployment", "web", "-o", "jsonpath={.metadata.uid}"]);
    let tail: String = uid.rsplit('-').next().unwrap().chars().take(5).collect();
    let (pool, pool6) = (format!("sp/auto4-web-eth0-{tail}"), format!("sp/auto6-web-eth0-{tail}"));
    cluster.until(&pool, ".spec.ips[0]", "10.9.0.1-10.9.0.3");
    cluster.until(&pool6, ".spec.ips[0]", "fd00:9::1-fd00:9::3");
    cluster.until(&pool, ".spec.gateway", "10.9.0.254");
    cluster.until(&pool, ".status.totalIPCount", "3");
    cluster.says(&["scale", "deployment", "web", "--replicas=4"]);
    cluster.until(&pool, ".spec.ips[0]", "10.9.0.1-10.9.0.5");

    // What people see of the Subnet.
    cluster.until("ss/home", ".status.allocatedIPCount", "5");
    cluster.until(&pool, ".status.totalIPCount", "5");
    let record = cluster.says(&["get", "ss", "home", "-o", "jsonpath={.status.controlledIPPools}"]);
    assert!(record.contains(r#""application":"apps_v1_Deployment_default_web""#), "{record}");

    // And what Prometheus sees of it.
    let figures = first.metrics();
    for figure in [
        "spiderpool_controller_leads 1",
        "spiderpool_total_subnet_counts 3",
        &format!("spiderpool_debug_ippool_total_ip_counts{{SpiderIPPool=\"auto4-web-eth0-{tail}\"}} 5.0"),
        "spiderpool_debug_subnet_available_ip_counts{SpiderSubnet=\"home\"} 7.0",
    ] {
        assert!(figures.contains(figure), "{figure}: {figures}");
    }

    // Another replica goes on where the first one ended, at once.
    let second = cluster.controller("second", &[]);
    second.until("following");
    let said = first.stopped();
    let sized = said.iter().find(|line| line["message"] == "pool grown").unwrap();
    assert_eq!(sized["application"], "Deployment default/web (apps/v1)", "{sized}");
    second.until("leading");
    cluster.says(&["scale", "deployment", "web", "--replicas=1"]);
    cluster.until(&pool, ".spec.ips[0]", "10.9.0.1-10.9.0.2");

    // Another Subnet; then without it.
    let away = r#"{"ipv4": ["away"]}"#;
    cluster.apply(&deployment("web", 1, away, &format!("{NUMBER}: '3'")));
    cluster.until(&format!("{pool}-2"), ".spec.ips[0]", "10.10.0.1-10.10.0.3");
    cluster.gone(&pool);
    cluster.gone(&pool6);
    cluster.says(&["delete", "deployment", "web"]);
    cluster.gone(&format!("{pool}-2"));
    cluster.until("ss/away", ".status.allocatedIPCount", "0");
    second.stopped();
}

#[test]
fn a_subnet_that_runs_out_says_so_and_serves_once_it_has_some() {
    let Some(cluster) = Cluster::start("operator: an exhausted subnet") else { return };
    cluster.apply(SUBNETS);
    let controller = cluster.controller("one", &[]);
    cluster.apply(&deployment("kept", 9, HOME, "ipam.spidernet.io/ippool-reclaim: 'false'"));
    let kept = cluster.pool_of("kept");
    cluster.until(&format!("sp/{kept}"), ".spec.ips[0]", "10.9.0.1-10.9.0.10");
    cluster.apply(&deployment("late", 3, HOME, &format!("{NUMBER}: '+2'")));
    let told = cluster.event("late", "SubnetExhausted");
    assert!(told.contains("has 2 of 5 addresses: Subnet home has 3 too few left"), "{told}");
    let told = cluster.event("home", "SubnetExhausted");
    assert!(told.contains("3 addresses too few for the pools of Deployment default/late"), "{told}");
    let told = cluster.condition("ss/home", "Exhausted", "True");
    assert!(told.starts_with("its 12 addresses are given to 2 pools; add ranges to spec.ips"), "{told}");
    let late = cluster.pool_of("late");
    cluster.until(&format!("sp/{late}"), ".spec.ips[0]", "10.9.0.11-10.9.0.12");
    cluster.says(&["scale", "deployment", "kept", "--replicas=6"]);
    cluster.until(&format!("sp/{late}"), ".spec.ips[0]", "10.9.0.8-10.9.0.12");

    // Kept for the next of its name and kind, which takes it over.
    cluster.says(&["delete", "deployment", "kept"]);
    cluster.apply(&deployment("kept", 1, HOME, &format!("{NUMBER}: '2'")));
    cluster.until(&format!("sp/{kept}"), ".spec.ips[0]", "10.9.0.1-10.9.0.2");
    let uid = cluster.says(&["get", "deployment", "kept", "-o", "jsonpath={.metadata.uid}"]);
    cluster.until(&format!("sp/{kept}"), r".metadata.labels.ipam\.spidernet\.io/owner-application-uid", &uid);
    controller.stopped();
}

#[test]
fn what_happened_while_no_controller_ran_is_made_good() {
    let Some(cluster) = Cluster::start("operator: without a controller") else { return };
    cluster.apply(SUBNETS);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("conf.yml");
    std::fs::write(&file, "enableIPv4: true").unwrap();
    let configured = ["--config-path", file.to_str().unwrap()];
    let controller = cluster.controller("one", &configured);
    for (name, replicas) in [("stays", 1), ("goes", 2)] {
        cluster.apply(&deployment(name, replicas, HOME, ""));
    }
    let (stays, goes) = (cluster.pool_of("stays"), cluster.pool_of("goes"));
    controller.killed();
    cluster.says(&["delete", "deployment", "goes"]);
    cluster.says(&["scale", "deployment", "stays", "--replicas=5"]);
    let next = cluster.controller("two", &configured);
    cluster.gone(&format!("sp/{goes}"));
    let size = |name: &str| cluster.says(&["get", "ss", "home", "-o", &format!("jsonpath={{{name}}}")]);
    cluster.until("ss/home", ".status.allocatedIPCount", "6");
    assert!(size(".status.controlledIPPools").contains(&stays));
    // A pod without a controller has no pool; and a number that is none is told.
    cluster.apply(&deployment("odd", 1, HOME, &format!("{NUMBER}: 'few'")));
    assert!(cluster.event("odd", "WrongAnnotation").contains("`few` is not a number"));
    cluster.apply(&deployment("lost", 1, r#"{"ipv4": ["nowhere"]}"#, ""));
    assert!(cluster.event("lost", "AutoPoolRefused").contains("there is no Subnet \"nowhere\""));
    cluster.apply(
        "
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderSubnet
metadata: {name: nowhere}
spec: {subnet: 10.11.0.0/24, ips: [10.11.0.1-10.11.0.9]}
",
    );
    cluster.until(&format!("sp/{}", cluster.pool_of("lost")), ".spec.ips[0]", "10.11.0.1-10.11.0.2");

    // What changes in the file is in force without a restart.
    std::fs::write(&file, "{enableIPv4: true, clusterSubnetDefaultFlexibleIPNumber: 3, logLevel: debug}")
        .unwrap();
    cluster.until(&format!("sp/{}", cluster.pool_of("lost")), ".spec.ips[0]", "10.11.0.1-10.11.0.4");
    let shown = next.diagnostics();
    assert_eq!(shown["program"], "spiderpool-controller");
    assert!(shown["details"]["leader"].as_str().unwrap().starts_with("two_"), "{shown}");
    let said = next.stopped();
    assert!(said.iter().any(|line| line["level"] == "DEBUG"));
    assert_eq!(said.iter().filter(|line| line["message"] == "leading").count(), 1);
}
