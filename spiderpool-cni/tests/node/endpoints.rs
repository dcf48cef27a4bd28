//! The endpoint of a pod, as people see it.

use crate::world::{World, add, of_pod, sandbox};
use serde_json::json;
use spiderpool_core::store::{Kind, Selector, StoreExt};

#[tokio::test]
async fn an_endpoint_shows_what_a_pod_holds_and_goes_with_it() {
    let world = World::with_default_pools().await;
    world.pod("web", "u", &[("routes", r#"[{"dst": "10.17.0.0/16", "gw": "10.6.0.3"}]"#)]).await;
    world.granted(add(of_pod("web", "u", "c1", "eth0"))).await;
    insta::assert_json_snapshot!(world.endpoint("web").await.unwrap(), @r#"
    {
      "podNamespace": "default",
      "podName": "web",
      "podUID": "u",
      "node": "n1",
      "interfaces": [
        {
          "interface": "eth0",
          "ipv4": "10.6.0.10/16",
          "ipv6": "fd00::10/64",
          "ipv4Pool": "p4",
          "ipv6Pool": "p6",
          "ipv4Gateway": "10.6.0.1",
          "routes": [
            {
              "dst": "0.0.0.0/0",
              "gw": "10.6.0.1"
            },
            {
              "dst": "10.17.0.0/16",
              "gw": "10.6.0.3"
            }
          ]
        }
      ]
    }
    "#);
    let (document, _) = world.store.endpoint(&"default/web".parse().unwrap()).await.unwrap().unwrap();
    insta::assert_json_snapshot!(document.status, @r#"
    {
      "current": {
        "uid": "u",
        "node": "n1",
        "ips": [
          {
            "interface": "eth0",
            "ipv4": "10.6.0.10/16",
            "ipv6": "fd00::10/64",
            "ipv4Pool": "p4",
            "ipv6Pool": "p6",
            "ipv4Gateway": "10.6.0.1",
            "cleanGateway": false,
            "routes": [
              {
                "dst": "0.0.0.0/0",
                "gw": "10.6.0.1"
              },
              {
                "dst": "10.17.0.0/16",
                "gw": "10.6.0.3"
              }
            ]
          }
        ]
      },
      "ownerControllerType": "Pod",
      "ownerControllerName": "web"
    }
    "#);
    assert_eq!(document.metadata.owner_references[0].uid, "u");

    world.del(&of_pod("web", "u", "c1", "eth0")).await;
    assert_eq!(world.endpoint("web").await.unwrap_err().code.as_str(), "NotFound");
}

#[tokio::test]
async fn a_container_that_is_no_pod_has_none() {
    let world = World::with_default_pools().await;
    world.granted(add(sandbox("c1"))).await;
    world.node.settle_endpoints().await;
    assert!(world.store.list(&Selector::Kind(Kind::Endpoint)).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn the_present_incarnation_is_shown_and_an_older_ones_end_does_not_change_that() {
    let world = World::with_default_pools().await;
    world.granted(add(of_pod("web", "u1", "c1", "eth0"))).await;
    world.granted(add(of_pod("web", "u2", "c2", "eth0"))).await;
    assert_eq!(world.endpoint("web").await.unwrap().pod_uid, "u2");
    world.del(&of_pod("web", "u1", "c1", "eth0")).await;
    assert_eq!(world.endpoint("web").await.unwrap().pod_uid, "u2");
}

#[tokio::test]
async fn the_controller_is_named() {
    let world = World::with_default_pools().await;
    let owner = json!([{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "agents", "uid": "d", "controller": true}]);
    let mut pod = crate::world::pod("agents-x", "u", &[]);
    pod["metadata"]["ownerReferences"] = owner;
    world.declare(pod).await;
    world.granted(add(of_pod("agents-x", "u", "c1", "eth0"))).await;
    world.node.settle_endpoints().await;
    let (document, _) = world.store.endpoint(&"default/agents-x".parse().unwrap()).await.unwrap().unwrap();
    let status = &document.status;
    assert_eq!((&*status.owner_controller_type, &*status.owner_controller_name), ("DaemonSet", "agents"));
}
