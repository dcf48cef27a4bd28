//! Many applications at once, out of a Subnet that has just enough. How long it took is printed, and not judged.

use spiderpool_core::env::Env;

use crate::support::{Cluster, deployment};

/// How many, and how many replicas each has.
fn asked(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |asked| asked.parse().unwrap())
}

#[test]
fn every_application_has_its_pool_at_once() {
    let Some(cluster) = Cluster::start("operator: many applications") else { return };
    let applications = asked("SPIDERPOOL_APPLICATIONS", 20);
    let replicas = asked("SPIDERPOOL_REPLICAS", 3);
    let addresses = applications * (replicas + 1);
    let last = std::net::Ipv4Addr::from(u32::from_be_bytes([10, 9, 0, 0]) + addresses as u32);
    cluster.apply(&format!(
        "
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderSubnet
metadata: {{name: home}}
spec: {{subnet: 10.9.0.0/16, ips: [10.9.0.1-{last}]}}
"
    ));
    let one = |n| deployment(&format!("app-{n}"), replicas, r#"{"ipv4": ["home"]}"#, "");
    // They are there before the controller: it hears of all of them at once.
    cluster.apply(&(0..applications).map(one).collect::<Vec<_>>().join("---"));
    let controller = cluster.controller("one", &[]);
    controller.until("leading");
    let clock = Env::system().clock;
    let since = clock.monotonic();
    cluster.until("ss/home", ".status.allocatedIPCount", &addresses.to_string());
    eprintln!(
        "{applications} applications of {replicas} replicas have their pools {:.1} s after the controller leads",
        clock.monotonic().left(since).as_secs_f64()
    );
    let names =
        cluster.says(&["get", "sp", "-o", "jsonpath={range .items[*]}{.metadata.name}{\"\\n\"}{end}"]);
    assert_eq!(names.lines().count(), applications);
    controller.stopped();
}
