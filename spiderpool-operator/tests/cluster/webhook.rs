//! What the API server refuses because the webhook does.

use std::sync::Arc;

use spiderpool_core::{
    admin::Mode,
    alloc::{AddRequest, Allocator, AllocatorConfig},
    api::SpiderIPPool,
    env::Env,
    name::{ContainerId, InterfaceName, NodeName},
    store::Store,
};
use spiderpool_store_kube::{KubeConfig, KubeStore};

use crate::support::Cluster;

fn pool(name: &str, spec: &str) -> String {
    format!(
        "
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderIPPool
metadata: {{name: {name}}}
spec: {{{spec}}}
"
    )
}

fn subnet(name: &str, spec: &str) -> String {
    pool(name, spec).replace("SpiderIPPool", "SpiderSubnet")
}

fn reservation(name: &str, spec: &str) -> String {
    pool(name, spec).replace("SpiderIPPool", "SpiderReservedIP")
}

/// What an agent does: the first address of the pool `name` is held by the container `c1`.
fn hold(cluster: &Cluster, name: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let config = KubeConfig::from_file(cluster.plane.kubeconfig(), None).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(KubeStore::connect(&config).unwrap());
        let config = AllocatorConfig::new(NodeName::new("n1").unwrap());
        let allocator = Allocator::open(store, Env::system(), config).await.unwrap();
        let pool = allocator.pool(&name.parse().unwrap()).await.unwrap();
        let (container, eth0) = (ContainerId::new("c1").unwrap(), InterfaceName::new("eth0").unwrap());
        let granted = allocator.add(&AddRequest::of_container(&container, &eth0, &pool)).await.unwrap();
        // By the way: what an administrator's own tool writes is judged by the webhook too, and taken.
        let wider: SpiderIPPool = serde_json::from_value(serde_json::json!({
            "metadata": {"name": "by-tool"}, "spec": {"subnet": "10.9.0.0/24", "ips": ["10.9.0.90"]},
        }))
        .unwrap();
        allocator.apply_pool(&wider, Mode::Real).await.unwrap();
        granted[0].address.to_string()
    })
}

#[test]
fn edits_are_judged_with_everything_that_is_wrong_at_once() {
    let Some(cluster) = Cluster::start("operator: webhook") else { return };
    let controller = cluster.controller("one", &["--guard-deletions", "true"]);
    controller.until("leading");
    cluster.ask(&controller);
    cluster.apply(&subnet("home", "subnet: 10.9.0.0/24, ips: [10.9.0.1-10.9.0.99], gateway: 10.9.0.254"));

    // Filled in, with a finalizer.
    cluster.apply(&pool("office", "subnet: 10.9.0.0/24, ips: [10.9.0.3, 10.9.0.1-10.9.0.2]"));
    let field = |path: &str| cluster.says(&["get", "sp", "office", "-o", &format!("jsonpath={{{path}}}")]);
    assert_eq!(field(".spec.ips"), r#"["10.9.0.1-10.9.0.3"]"#);
    assert_eq!(field(".spec.gateway"), "10.9.0.254");
    assert_eq!(field(".metadata.finalizers"), r#"["spiderpool.spidernet.io"]"#);
    let again = pool("office", "subnet: 10.9.0.0/24, ips: [10.9.0.50]");
    let again = cluster.plane.ask(&["create", "-f", "-"], &again).unwrap_err().to_string();
    assert!(again.contains("(AlreadyExists)"), "{again}");

    // Each names what is wrong, all of it.
    let refused = cluster.refused(&pool(
        "bad",
        "subnet: 10.9.0.0/24, ips: [10.9.0.2-10.9.0.4, 10.9.0.200], gateway: 10.9.0.4",
    ));
    for says in ["10.9.0.2-10.9.0.3", "office", "10.9.0.200", "spec.gateway"] {
        assert!(refused.contains(says), "{says}: {refused}");
    }
    let refused = cluster.refused(&pool("bad", "subnet: 10.9.0.0/16, ips: [10.9.0.1]"));
    assert!(refused.contains("overlaps"), "{refused}");
    let refused = cluster.refused(&subnet("other", "subnet: 10.9.0.0/16, ips: [10.9.0.1]"));
    assert!(refused.contains("home"), "{refused}");
    let refused = cluster.refused(&subnet("home", "subnet: 10.9.0.0/24, ips: [10.9.0.3-10.9.0.99]"));
    assert!(refused.contains("10.9.0.1-10.9.0.2") && refused.contains("office"), "{refused}");

    // What is held is not taken away, not even by a dry run that says otherwise.
    let held = hold(&cluster, "office");
    let without: Vec<_> = ["10.9.0.1", "10.9.0.2", "10.9.0.3"].into_iter().filter(|ip| *ip != held).collect();
    let narrow = pool("office", &format!("subnet: 10.9.0.0/24, ips: [{}]", without.join(", ")));
    let refused = cluster.refused(&narrow);
    assert!(refused.contains(&held) && refused.contains("c1"), "{refused}");
    let dry = cluster.plane.ask(&["apply", "--dry-run=server", "-f", "-"], &narrow).unwrap_err().to_string();
    assert!(dry.contains(&held), "{dry}");
    cluster.apply(&pool("office", &format!("subnet: 10.9.0.0/24, ips: [{held}, 10.9.0.50]")));
    let refused = cluster.plane.ask(&["delete", "sp", "office"], "").unwrap_err().to_string();
    assert!(refused.contains(&held), "{refused}");

    // A reservation is taken, and who holds what it reserves is named.
    let args = ["apply", "-f", "-", "--warnings-as-errors=false"];
    cluster.plane.ask(&args, &reservation("printers", &format!("ips: [{held}, 10.9.0.50]"))).unwrap();
    let refused = cluster.refused(&reservation("odd", "ips: [10.9.0.9-10.9.0.8]"));
    assert!(refused.contains("spec.ips[0]"), "{refused}");

    // A dry run claims nothing.
    let later = pool("later", "subnet: 10.9.0.0/24, ips: [10.9.0.60-10.9.0.69]");
    cluster.plane.ask(&["apply", "--dry-run=server", "-f", "-"], &later).unwrap();
    cluster.apply(&pool("sooner", "subnet: 10.9.0.0/24, ips: [10.9.0.65]"));
    controller.until("refused");
    controller.stopped();
}

#[test]
fn of_a_hundred_pools_created_at_once_exactly_one_wins() {
    let Some(cluster) = Cluster::start("operator: racing pools") else { return };
    let first = cluster.controller("one", &[]);
    first.until("leading");
    let controllers = [first, cluster.controller("two", &[])];
    cluster.ask(&controllers[0]);
    cluster.apply(&subnet("home", "subnet: 10.9.0.0/24, ips: [10.9.0.1-10.9.0.200]"));
    let winners: Vec<usize> = std::thread::scope(|scope| {
        let creating: Vec<_> = (0..10)
            .map(|worker| {
                let cluster = &cluster;
                scope.spawn(move || {
                    let mine = (worker * 10)..(worker * 10 + 10);
                    let create = |n: &usize| {
                        let range = format!("10.9.0.{}-10.9.0.{}", 100 - n % 50, 100 + n / 2);
                        let one =
                            pool(&format!("racer-{n}"), &format!("subnet: 10.9.0.0/24, ips: [{range}]"));
                        cluster.plane.ask(&["create", "-f", "-"], &one).is_ok()
                    };
                    mine.filter(create).collect::<Vec<_>>()
                })
            })
            .collect();
        creating.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(winners.len(), 1, "{winners:?}");
    let there = cluster.says(&["get", "sp", "-o", "jsonpath={.items[*].metadata.name}"]);
    assert_eq!(there, format!("racer-{}", winners[0]));
    for controller in controllers {
        controller.stopped();
    }
}
