//! Every kind of Kubernetes' own that makes pods, as kube-controller-manager runs it.

use crate::support::Cluster;

const SUBNET: &str = "
apiVersion: spiderpool.spidernet.io/v2beta1
kind: SpiderSubnet
metadata: {name: home}
spec: {subnet: 10.9.0.0/24, ips: [10.9.0.1-10.9.0.90]}
";

const TEMPLATE: &str = r#"{
    metadata: {labels: {app: NAME}, annotations: {ipam.spidernet.io/subnet: '{"ipv4": ["home"]}'}},
    spec: {RESTART containers: [{name: c, image: none.invalid/c}]}}"#;

/// An application named as its kind; `spec` is all of its spec but for selector and template.
fn application(version: &str, kind: &str, spec: &str) -> String {
    let name = kind.to_lowercase();
    let (restart, selector) = match version {
        "apps/v1" => ("", format!("selector: {{matchLabels: {{app: {name}}}}},")),
        _ => ("restartPolicy: Never,", String::new()),
    };
    let template = TEMPLATE.replace("NAME", &name).replace("RESTART", restart);
    let spec = match kind {
        "CronJob" => {
            format!("schedule: '0 0 1 1 *', jobTemplate: {{spec: {{{spec}, template: {template}}}}}")
        }
        _ => format!("{selector} {spec} template: {template}"),
    };
    format!(
        "{{apiVersion: {version}, kind: {kind}, metadata: {{name: {name}, namespace: default}}, spec: {{{spec}}}}}"
    )
}

fn node(name: &str) -> String {
    format!("{{apiVersion: v1, kind: Node, metadata: {{name: {name}}}}}")
}

#[test]
fn each_native_kind_has_a_pool_of_its_size_which_goes_with_it() {
    let Some(cluster) = Cluster::start("operator: native kinds") else { return };
    cluster.apply(SUBNET);
    cluster.apply(&node("n1"));
    cluster.apply(&node("n2"));
    let controller = cluster.controller("one", &[]);
    controller.until("leading");
    let kinds = [
        ("apps/v1", "Deployment", "replicas: 2,"),
        ("apps/v1", "ReplicaSet", "replicas: 2,"),
        ("apps/v1", "StatefulSet", "replicas: 2,"),
        ("apps/v1", "DaemonSet", ""),
        ("batch/v1", "Job", "completions: 2,"),
        ("batch/v1", "CronJob", "completions: 2"),
    ];
    for (version, kind, spec) in kinds {
        cluster.apply(&application(version, kind, spec));
    }
    let pools = kinds.map(|(_, kind, _)| format!("sp/{}", cluster.pool_of(&kind.to_lowercase())));
    // Its pods, and one to spare.
    for pool in &pools {
        cluster.until(pool, ".status.totalIPCount", "3");
    }
    // Another node, and one pod more of each of the others; what a Job has to do cannot change.
    cluster.apply(&node("n3"));
    let grows = |kind: &str| kind != "Job";
    for (version, kind, spec) in kinds.into_iter().filter(|(_, kind, _)| grows(kind)) {
        cluster.apply(&application(version, kind, &spec.replace(": 2", ": 3")));
    }
    for (pool, _) in pools.iter().zip(kinds).filter(|(_, (_, kind, _))| grows(kind)) {
        cluster.until(pool, ".status.totalIPCount", "4");
    }
    cluster.until("ss/home", ".status.allocatedIPCount", "23");
    for (_, kind, _) in kinds {
        let name = kind.to_lowercase();
        cluster.says(&["delete", &name, &name]);
    }
    for pool in &pools {
        cluster.gone(pool);
    }
    cluster.until("ss/home", ".status.allocatedIPCount", "0");
    controller.stopped();
}
