//! How long many pods take beside host-local, which flushes nothing and knows nothing of other nodes, on the same nodes in turn. It is
//! printed, not judged.

use std::time::Instant;

use spiderpool_testbed::{MACVLAN, in_hub};

use super::{
    cluster::Cluster,
    workload::{addresses, annotation, pool, workload},
};

fn asked(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |asked| asked.parse().unwrap())
}

/// The same network with addresses of the node's own.
fn host_local(node: usize) -> String {
    let range = format!(
        r#"{{"type": "host-local", "ranges": [[{{"subnet": "10.200.0.0/16", "rangeStart": "10.200.{0}.1", "rangeEnd": "10.200.{1}.254"}}]]}}"#,
        20 + 10 * node,
        24 + 10 * node
    );
    MACVLAN.replace(r#"{"type": "spiderpool"}"#, &range)
}

#[test]
#[ignore = "takes the images and minutes: cargo xtask soak --pods 200"]
fn many_pods_beside_host_local() {
    in_hub("pace::many_pods_beside_host_local", || {
        let (deployments, each, rounds) =
            (asked("SPIDERPOOL_DEPLOYMENTS", 20), 10, asked("SPIDERPOOL_ROUNDS", 2));
        let pods = deployments * each;
        let mut cluster = Cluster::start(MACVLAN);
        cluster.install(&["feature.enableIPv6=false", "spiderpoolAgent.prometheus.enabled=true"]);
        let last = format!("10.200.{}.{}", 1 + pods / 250, 1 + pods % 250);
        let ranges: Vec<_> = (0..pods / 250)
            .map(|full| format!("10.200.{}.2-10.200.{}.251", 1 + full, 1 + full))
            .chain((pods % 250 > 0).then(|| format!("10.200.{}.2-{last}", 1 + pods / 250)))
            .collect();
        cluster.apply(&pool("exact", "10.200.0.0/16", &ranges.join("', '")));
        println!(
            "{pods} pods of {deployments} Deployments on two nodes, a pool of exactly {pods} addresses; seconds"
        );
        println!("{:5} {:<12} {:>8} {:>10} {:>8}", "round", "ipam", "create", "re-create", "delete");
        for round in 1..=rounds {
            for ipam in ["spiderpool", "host-local"] {
                for (number, node) in cluster.nodes.nodes_mut().iter_mut().enumerate() {
                    let network = match ipam {
                        "spiderpool" => MACVLAN.to_owned(),
                        _ => host_local(number),
                    };
                    node.set_network(&network).unwrap();
                }
                let [create, recreate, delete] = one_round(&cluster, deployments, each);
                println!("{round:5} {ipam:<12} {create:8.1} {recreate:10.1} {delete:8.1}");
            }
        }
        shares(&cluster);
    });
}

/// Seconds until all are ready, until all are ready anew after all were deleted, and until all are gone.
#[expect(clippy::disallowed_methods, reason = "it is printed, not judged")]
fn one_round(cluster: &Cluster, deployments: usize, each: usize) -> [f64; 3] {
    let named = annotation("ippool", r#"{"ipv4": ["exact"]}"#);
    let one = |n| {
        workload("Deployment", &format!("app-{n}"), each, &named)
            .replace("labels: {app: ", "labels: {of: pace, app: ")
    };
    let all = (0..deployments).map(one).collect::<Vec<_>>().join("---");
    let start = Instant::now();
    cluster.apply(&all);
    let pods = cluster.ready_of("of=pace", deployments * each);
    let create = start.elapsed().as_secs_f64();
    assert_eq!(addresses(&pods).len(), deployments * each);
    let start = Instant::now();
    cluster.kubectl(&["delete", "pod", "-l", "of=pace", "--wait=false"]);
    let pods = cluster.ready_of("of=pace", deployments * each);
    let recreate = start.elapsed().as_secs_f64();
    assert_eq!(addresses(&pods).len(), deployments * each);
    let start = Instant::now();
    let names: Vec<_> = (0..deployments).map(|n| format!("app-{n}")).collect();
    let names = names.iter().map(String::as_str);
    cluster.kubectl(&["delete", "deployment"].into_iter().chain(names).collect::<Vec<_>>());
    cluster.until("the end of all pods", |cluster| cluster.pods_of("of=pace").is_empty().then_some(()));
    [create, recreate, start.elapsed().as_secs_f64()]
}

/// What of it was Spiderpool's, as agents say.
fn shares(cluster: &Cluster) {
    for node in cluster.nodes.nodes() {
        let figures =
            node.machine().run(&["/bin/busybox", "wget", "-qO-", "http://127.0.0.1:5711/metrics"]).unwrap();
        let shown = |line: &&str| {
            line.starts_with("spiderpool_ipam_allocation_duration_seconds")
                || line.starts_with("spiderpool_ipam_allocation_failure_counts")
        };
        println!("{}:", node.name());
        figures.lines().filter(shown).for_each(|line| println!("  {line}"));
    }
}
