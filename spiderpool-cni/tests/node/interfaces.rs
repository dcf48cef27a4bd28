//! Several interfaces of one pod.

use crate::world::{World, add, of_pod};
use serde_json::json;

async fn two_pools() -> World {
    let world = World::new().await;
    world.pool("a", "10.1.0.0/16", &["10.1.0.1-10.1.0.9"], json!({})).await;
    world.pool("b", "10.2.0.0/16", &["10.2.0.1-10.2.0.9"], json!({})).await;
    world
}

#[tokio::test]
async fn named_items_go_to_their_interfaces() {
    let world = two_pools().await;
    let pools = r#"[{"interface": "eth0", "ipv4": ["a"]}, {"interface": "net1", "ipv4": ["b"]}]"#;
    world.pod("web", "u", &[("ippools", pools)]).await;
    assert_eq!(world.granted(add(of_pod("web", "u", "c1", "net1"))).await, ["10.2.0.1/16"]);
    assert_eq!(world.granted(add(of_pod("web", "u", "c1", "eth0"))).await, ["10.1.0.1/16"]);
    world.del(&of_pod("web", "u", "c1", "eth0")).await;
    assert_eq!(world.node.allocator().held(), 1, "each interface is released by its own DEL");
}

#[tokio::test]
async fn two_interfaces_on_one_pool_get_two_addresses() {
    let world = two_pools().await;
    let pools = r#"[{"interface": "eth0", "ipv4": ["a"]}, {"interface": "net1", "ipv4": ["a"]}]"#;
    world.pod("web", "u", &[("ippools", pools)]).await;
    let first = world.granted(add(of_pod("web", "u", "c1", "eth0"))).await;
    assert_ne!(world.granted(add(of_pod("web", "u", "c1", "net1"))).await, first);
}

#[tokio::test]
async fn unnamed_items_are_granted_at_once_and_claimed_one_by_one() {
    let world = two_pools().await;
    let networks = ("k8s.v1.cni.cncf.io/networks", "kube-system/vlan5,kube-system/vlan6");
    let pools = ("ippools", r#"[{"ipv4": ["a"]}, {"ipv4": ["b"]}, {"ipv4": ["b"]}]"#);
    world.pod("web", "u", &[networks, pools]).await;
    let response = world.add(add(of_pod("web", "u", "c1", "eth0"))).await.unwrap();
    assert_eq!(response.ips.len(), 1, "only what is for eth0 is answered");
    assert_eq!(world.node.allocator().held(), 3);
    let shown = world.endpoint("web").await.unwrap();
    let interfaces: Vec<_> = shown.interfaces.iter().map(|i| i.interface.as_str()).collect();
    assert_eq!(interfaces, ["eth0", "", ""]);

    let second = world.granted(add(of_pod("web", "u", "c1", "net1"))).await;
    assert_eq!(world.node.allocator().held(), 3, "net1 claims what was granted for it");
    assert!(shown.interfaces.iter().any(|i| i.ipv4.unwrap().to_string() == second[0]));
    // The first interface's DEL takes the unclaimed ones along.
    for interface in ["net1", "eth0"] {
        world.del(&of_pod("web", "u", "c1", interface)).await;
    }
    assert_eq!(world.node.allocator().held(), 0);
}
