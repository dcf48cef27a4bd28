//! Pods of a StatefulSet keep their addresses.

use crate::world::{World, add, of_pod, pod};
use serde_json::json;
use spiderpool_cni::node::Endpoints;

async fn stateful_pod(world: &World, name: &str, uid: &str) {
    let mut object = pod(name, uid, &[]);
    object["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "s", "controller": true}]);
    world.declare(object).await;
}

async fn stateful_set(world: &World, replicas: u64) {
    world
        .declare(json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {"name": "db", "namespace": "default", "uid": "s"}, "spec": {"replicas": replicas},
        }))
        .await;
}

#[tokio::test]
async fn deleted_and_created_again_it_has_the_same_address() {
    let mut world = World::with_default_pools().await;
    stateful_set(&world, 3).await;
    stateful_pod(&world, "db-0", "u1").await;
    let first = world.granted(add(of_pod("db-0", "u1", "c1", "eth0"))).await;
    world.del(&of_pod("db-0", "u1", "c1", "eth0")).await;

    // Others do not get it, even if nothing else is left.
    for number in 0..2 {
        let other =
            world.granted(add(of_pod("web", &format!("w{number}"), &format!("d{number}"), "eth0"))).await;
        assert_ne!(other, first);
    }
    assert_eq!(world.refused(add(of_pod("web", "w9", "d9", "eth0"))).await.0.as_str(), "Exhausted");
    world.restart().await;
    stateful_pod(&world, "db-0", "u2").await;
    assert_eq!(world.granted(add(of_pod("db-0", "u2", "c2", "eth0"))).await, first);
    let shown = world.endpoint("db-0").await.unwrap();
    assert_eq!(shown.pod_uid, "u2");
    assert_eq!(shown.interfaces[0].ipv4.unwrap().to_string(), first[0]);
}

#[tokio::test]
async fn the_endpoint_outlives_the_pod() {
    let world = World::with_default_pools().await;
    stateful_set(&world, 1).await;
    stateful_pod(&world, "db-0", "u1").await;
    world.granted(add(of_pod("db-0", "u1", "c1", "eth0"))).await;
    world.del(&of_pod("db-0", "u1", "c1", "eth0")).await;
    let shown = world.endpoint("db-0").await.unwrap();
    assert_eq!((shown.pod_uid.as_str(), shown.interfaces.len()), ("u1", 1));
}

#[tokio::test]
async fn a_pod_outside_the_replicas_is_an_ordinary_one() {
    let world = World::with_default_pools().await;
    stateful_set(&world, 1).await;
    stateful_pod(&world, "db-1", "u1").await;
    world.granted(add(of_pod("db-1", "u1", "c1", "eth0"))).await;
    world.del(&of_pod("db-1", "u1", "c1", "eth0")).await;
    assert_eq!(world.endpoint("db-1").await.unwrap_err().code.as_str(), "NotFound");
}

#[tokio::test]
async fn without_a_uid_it_cannot_be_fenced() {
    let world = World::with_default_pools().await;
    stateful_set(&world, 1).await;
    let mut object = pod("db-0", "u1", &[]);
    object["metadata"].as_object_mut().unwrap().remove("uid");
    object["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "s", "controller": true}]);
    world.declare(object).await;
    let (code, message) = world.refused(add(of_pod("db-0", "u1", "c1", "eth0"))).await;
    assert_eq!(code.as_str(), "WrongInput");
    assert!(message.contains("without metadata.uid"), "{message}");
}

#[tokio::test]
async fn where_that_is_asked_for_only_their_endpoints_are_written() {
    let mut world = World::with_default_pools().await;
    world.granted(add(of_pod("web", "w", "c0", "eth0"))).await;
    assert!(world.endpoint("web").await.is_ok());
    stateful_set(&world, 1).await;
    stateful_pod(&world, "db-0", "u1").await;
    world.show(Endpoints::Stateful).await;
    // What was there of others goes.
    assert!(world.endpoint("web").await.is_err());
    world.granted(add(of_pod("other", "o", "c1", "eth0"))).await;
    assert!(world.endpoint("other").await.is_err());
    let first = world.granted(add(of_pod("db-0", "u1", "c2", "eth0"))).await;
    let shown = world.endpoint("db-0").await.unwrap();
    assert_eq!(shown.interfaces[0].ipv4.unwrap().to_string(), first[0]);
}
