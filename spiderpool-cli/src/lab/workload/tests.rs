//! Workloads become the pods that Kubernetes would make of them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use rstest::rstest;
use serde_json::{Value, json};
use spiderpool_core::{
    api::Resource,
    env::{Clock, Entropy, Env},
    time::{Moment, Timestamp},
};

use super::*;

#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0)
    }

    fn monotonic(&self) -> Moment {
        Moment::from_millis(0)
    }
}

/// Numbers from a counter, spread by an odd factor.
#[derive(Debug, Default)]
struct Counter(AtomicU64);

impl Entropy for Counter {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 7
    }
}

fn env() -> Env {
    Env { clock: Arc::new(Still), entropy: Arc::new(Counter::default()), ..Env::system() }
}

fn object(value: Value) -> Resource {
    serde_json::from_value(value).unwrap()
}

fn workload(kind: &str, spec: Value) -> Resource {
    let api_version = if kind == "CloneSet" { "apps.kruise.io/v1alpha1" } else { "apps/v1" };
    let mut spec = spec;
    spec["template"] = json!({
        "metadata": {"labels": {"app": "web"}, "annotations": {"ipam.spidernet.io/ippool": "{\"ipv4\":[\"p\"]}"}},
        "spec": {"containers": []}
    });
    object(
        json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "web", "uid": "u-web"}, "spec": spec}),
    )
}

/// A cluster in memory that does every step, with `refused` pods never getting ready.
struct World {
    env: Env,
    replica_sets: Vec<Resource>,
    pods: Vec<PodState>,
    most: usize,
    least_ready: usize,
}

impl World {
    fn new() -> Self {
        Self { env: env(), replica_sets: vec![], pods: vec![], most: 0, least_ready: usize::MAX }
    }

    fn run(&mut self, object: &Resource) -> usize {
        let workload = Workload::read(object).unwrap().unwrap();
        for round in 0..100 {
            let cluster = Cluster { node: "n1", replica_sets: &self.replica_sets, pods: &self.pods };
            let steps = plan(&workload, &cluster, &self.env);
            if steps.is_empty() {
                return round;
            }
            for step in steps {
                match step {
                    Step::Declare(set) => self.replica_sets.push(set),
                    Step::Start(object) => self.pods.push(PodState { object, ready: true }),
                    Step::End(name) => self.pods.retain(|pod| pod_name(&pod.object) != name),
                }
                self.most = self.most.max(self.pods.len());
                self.least_ready = self.least_ready.min(self.pods.len());
            }
        }
        panic!("the workload never settles");
    }

    fn names(&self) -> Vec<&str> {
        self.pods.iter().map(|pod| pod.object.metadata.name.as_str()).collect()
    }
}

#[rstest]
#[case("Deployment", json!({"replicas": 3}), 3)]
#[case("StatefulSet", json!({"replicas": 2}), 2)]
#[case("CloneSet", json!({"replicas": 3}), 3)]
#[case("ReplicaSet", json!({}), 1)]
#[case("DaemonSet", json!({}), 1)]
#[case("Job", json!({"parallelism": 4, "completions": 2}), 2)]
#[case("Job", json!({}), 1)]
#[case("Deployment", json!({"replicas": 0}), 0)]
fn a_workload_gets_its_pods_and_then_rests(#[case] kind: &str, #[case] spec: Value, #[case] pods: usize) {
    let mut world = World::new();
    let object = workload(kind, spec);
    world.run(&object);
    assert_eq!(world.pods.len(), pods);
    assert_eq!(world.run(&object), 0, "nothing is left to do");
    let mut names = world.names();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), pods, "names are unique");
}

#[test]
fn a_deployments_pod_names_its_replica_set_as_controller() {
    let mut world = World::new();
    world.run(&workload("Deployment", json!({"replicas": 1})));
    insta::assert_json_snapshot!(world.pods[0].object, @r#"
    {
      "apiVersion": "v1",
      "kind": "Pod",
      "metadata": {
        "name": "web-59c6c75fd8-68zrt",
        "namespace": "default",
        "uid": "00a708a8-24f6-42c9-81e3-779b97f4a7c1",
        "creationTimestamp": "1970-01-01T00:00:00Z",
        "labels": {
          "app": "web",
          "pod-template-hash": "59c6c75fd8"
        },
        "annotations": {
          "ipam.spidernet.io/ippool": "{\"ipv4\":[\"p\"]}"
        },
        "ownerReferences": [
          {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "name": "web-59c6c75fd8",
            "uid": "00000000-0000-4000-813c-6ef372fe94f8",
            "controller": true,
            "blockOwnerDeletion": true
          }
        ],
        "generateName": "web-59c6c75fd8-"
      },
      "spec": {
        "containers": [],
        "nodeName": "n1"
      },
      "status": {
        "phase": "Pending"
      }
    }
    "#);
}

#[test]
fn a_stateful_set_counts_from_its_first_ordinal_and_names_itself() {
    let mut world = World::new();
    world.run(&workload("StatefulSet", json!({"replicas": 2, "ordinals": {"start": 5}})));
    assert_eq!(world.names(), ["web-5", "web-6"]);
    world.run(&workload("StatefulSet", json!({"replicas": 1, "ordinals": {"start": 6}})));
    assert_eq!(world.names(), ["web-6"], "others than the wanted ordinals end");
    assert_eq!(world.pods[0].object.metadata.owner_references[0].kind, "StatefulSet");
}

#[test]
fn a_restart_replaces_every_pod_and_never_serves_with_fewer() {
    let mut world = World::new();
    let object = workload("Deployment", json!({"replicas": 3}));
    world.run(&object);
    let before: Vec<String> = world.names().into_iter().map(Into::into).collect();
    (world.most, world.least_ready) = (0, usize::MAX);
    world.run(&restarted(&object, "now"));
    assert_eq!(world.pods.len(), 3);
    assert!(world.names().iter().all(|name| !before.iter().any(|old| old == name)));
    assert_eq!((world.least_ready, world.most), (3, 4));
}

#[test]
fn recreate_ends_all_before_it_starts_any() {
    let mut world = World::new();
    let object = workload("Deployment", json!({"replicas": 3, "strategy": {"type": "Recreate"}}));
    world.run(&object);
    (world.most, world.least_ready) = (0, usize::MAX);
    world.run(&restarted(&object, "now"));
    assert_eq!((world.least_ready, world.most, world.pods.len()), (0, 3, 3));
}

#[test]
fn scaling_ends_the_surplus_only() {
    let mut world = World::new();
    world.run(&workload("CloneSet", json!({"replicas": 4})));
    let first: Vec<String> = world.names()[..2].iter().map(|name| (*name).to_owned()).collect();
    world.run(&workload("CloneSet", json!({"replicas": 2})));
    assert_eq!(world.names(), first);
}

#[test]
fn what_is_no_workload_is_passed_over_and_a_wrong_one_is_named() {
    let service =
        object(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {}}));
    assert_eq!(Workload::read(&service), Ok(None));
    let wrong = workload("CloneSet", json!({"replicas": "three"}));
    let error = Workload::read(&wrong).unwrap_err();
    insta::assert_snapshot!(error, @r#"CloneSet web: spec.replicas is "three", not a number of pods"#);
}
