//! Pods that end otherwise than by being deleted in good order: their addresses serve the pods that take their place, out of a pool
//! that has not one more.

use std::collections::BTreeSet;

use super::{
    cluster::{Cluster, Pod},
    workload::{CONTAINER, addresses, annotation, pool, workload},
};

pub(crate) fn addresses_come_back(cluster: &Cluster) {
    cluster.apply(&pool("few", "10.200.0.0/16", "10.200.11.1-10.200.11.2"));
    let named = annotation("ippool", r#"{"ipv4": ["few"]}"#);
    let limited = CONTAINER.replace('}', ", resources: {limits: {ephemeral-storage: 4Mi}}}");
    cluster.apply(&workload("Deployment", "brief", 2, &named).replace(CONTAINER, &limited));
    let first = cluster.ready("brief", 2);
    for pod in &first {
        let path = format!("/api/v1/namespaces/default/pods/{}/eviction", pod.name);
        let metadata = format!(r#"{{"name": "{}", "namespace": "default"}}"#, pod.name);
        let eviction =
            format!(r#"{{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {metadata}}}"#);
        cluster.nodes.plane().ask(&["create", "--raw", &path, "-f", "-"], &eviction).unwrap();
    }
    let second = replaced(cluster, &first);
    cluster.at("evicted by the API: done");
    for pod in &second {
        cluster.kubectl(&["delete", "pod", &pod.name, "--force", "--grace-period=0"]);
    }
    let third = replaced(cluster, &second);
    cluster.at("deleted by force: done");

    // Its kubelet evicts it; the object stays.
    let fill = ["/bin/busybox", "dd", "if=/dev/zero", "of=/big", "bs=1M", "count=16"];
    cluster.kubectl(&[&["exec", &third[0].name, "--"], &fill[..]].concat());
    replaced(cluster, &third[..1]);
    let told = format!("--field-selector=reason=Evicted,involvedObject.name={}", third[0].name);
    cluster.until("an Event of its eviction", |cluster| {
        (!cluster.kubectl(&["get", "events", &told, "-o", "name"]).is_empty()).then_some(())
    });
    assert!(cluster.pods("brief").iter().any(|pod| pod.uid == third[0].uid && !pod.ready));
    cluster.at("evicted by a kubelet: done");
    cluster.kubectl(&["delete", "deployment", "brief"]);
    cluster.gone("brief");
    job(cluster);
    cluster.free("few");
}

/// Pods that are through stay as objects; three times as many of them as there are addresses.
fn job(cluster: &Cluster) {
    cluster.apply(&format!(
        "
apiVersion: batch/v1
kind: Job
metadata: {{name: through}}
spec:
  completions: 6
  parallelism: 2
  template:
    metadata:
{}
    spec:
      restartPolicy: Never
      containers: [{}]
",
        annotation("ippool", r#"{"ipv4": ["few"]}"#),
        CONTAINER.replace('}', ", command: [/bin/busybox, 'true']}")
    ));
    cluster.until("the Job to be through", |cluster| {
        (cluster.json(&["get", "job", "through"])["status"]["succeeded"] == 6).then_some(())
    });
    assert_eq!(cluster.pods_of("job-name=through").len(), 6);
    cluster.at("a Job: done");
    cluster.free("few");
    cluster.kubectl(&["delete", "job", "through"]);
}

/// Waits until two pods serve that are none of `gone`, with both addresses of the pool.
fn replaced(cluster: &Cluster, gone: &[Pod]) -> Vec<Pod> {
    let gone: BTreeSet<_> = gone.iter().map(|pod| &pod.uid).collect();
    let pods = cluster.until("other pods", |cluster| {
        let pods = cluster.pods("brief").into_iter();
        let serving: Vec<_> = pods.filter(|pod| pod.ready && !pod.ends && !gone.contains(&pod.uid)).collect();
        (serving.len() == 2).then_some(serving)
    });
    assert_eq!(addresses(&pods), ["10.200.11.1", "10.200.11.2"].map(String::from).into());
    pods
}
