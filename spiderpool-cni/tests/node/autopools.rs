//! Pods whose pool is made for their application, by somebody else.

use crate::world::{World, add, of_pod, pod};
use serde_json::{Value, json};
use spiderpool_core::admin::Mode;
use spiderpool_core::api::SpiderSubnet;
use spiderpool_core::autopool::{Carver, Replicas, Spare, Workload, demands};
use spiderpool_core::model::{Application, Families};
use spiderpool_core::name::Uid;
use std::time::Duration;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(90);

async fn world(patience: Duration) -> World {
    let mut world = World::new().await;
    world.wait_for_pools(patience).await;
    let subnet: SpiderSubnet = serde_json::from_value(json!({
        "metadata": {"name": "s4"}, "spec": {"subnet": "10.8.0.0/24", "ips": ["10.8.0.1-10.8.0.9"]},
    }))
    .unwrap();
    world.node.allocator().apply_subnet(&subnet, Mode::Real).await.unwrap();
    for n in 0..2 {
        let mut object: Value =
            pod(&format!("web-{n}"), &format!("u{n}"), &[("subnet", r#"{"ipv4": ["s4"]}"#)]);
        object["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet", "name": "web", "uid": "w", "controller": true,
        }]);
        world.declare(object).await;
    }
    world
}

/// What a controller does for an application with so many replicas.
async fn make(world: &World, replicas: u64) {
    let application = Application {
        api_version: "apps.kruise.io/v1alpha1".into(),
        kind: "CloneSet".into(),
        namespace: "default".parse().unwrap(),
        name: "web".parse().unwrap(),
    };
    let annotations = [("ipam.spidernet.io/subnet".into(), r#"{"ipv4": ["s4"]}"#.into())].into();
    let replicas = Replicas::Known(replicas);
    let workload = Workload { application, uid: Uid::new("w").unwrap(), replicas, annotations };
    let wanted = demands(&workload, Spare(0), Families::Both).unwrap();
    let allocator = world.node.allocator();
    allocator.ensure_auto_pool(&workload, &wanted.pools[0], &Carver::default()).await.unwrap();
}

#[tokio::test]
async fn a_request_wakes_when_its_pool_is_made_and_when_it_grows() {
    let world = world(LONG).await;
    let first = add(of_pod("web-0", "u0", "c0", "eth0"));
    let (granted, ()) = tokio::join!(world.granted(first), make(&world, 1));
    assert_eq!(granted, ["10.8.0.1/24"]);
    let second = add(of_pod("web-1", "u1", "c1", "eth0"));
    let (granted, ()) = tokio::join!(world.granted(second), make(&world, 2));
    assert_eq!(granted, ["10.8.0.2/24"]);
}

#[tokio::test]
async fn without_a_controller_it_is_refused_after_a_while() {
    let world = world(Duration::from_millis(20)).await;
    let (code, message) = world.refused(add(of_pod("web-0", "u0", "c0", "eth0"))).await;
    assert_eq!(code.as_str(), "Busy");
    assert!(message.contains("there is no IPv4 pool out of Subnet \"s4\" for eth0 of CloneSet"), "{message}");
}
