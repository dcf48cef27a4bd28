//! CHECK and STATUS.

use crate::world::{World, add, of_pod, sandbox};
use spiderpool_cni::agent::Ipam;
use spiderpool_cni::api::{Attachment, CheckRequest, ErrorBody};

async fn check(world: &World, attachment: Attachment, expected: &[&str]) -> Result<(), ErrorBody> {
    let expected_ips = expected.iter().map(|ip| ip.parse().unwrap()).collect();
    world.node.check(CheckRequest { attachment, expected_ips }).await
}

#[tokio::test]
async fn held_and_expected_are_compared() {
    let mut world = World::with_default_pools().await;
    world.granted(add(sandbox("c1"))).await;
    let both = ["10.6.0.10/16", "fd00::10/64"];
    let code = |outcome: Result<(), ErrorBody>| outcome.map_err(|error| error.code.to_string());
    for _ in 0..2 {
        assert_eq!(code(check(&world, sandbox("c1"), &both).await), Ok(()));
        assert_eq!(code(check(&world, sandbox("c1"), &both[..1]).await), Err("Mismatch".into()));
        assert_eq!(code(check(&world, sandbox("c1"), &["10.6.0.11/16"]).await), Err("Mismatch".into()));
        assert_eq!(code(check(&world, sandbox("c2"), &both).await), Err("NotFound".into()));
        world.restart().await;
    }
    world.del(&sandbox("c1")).await;
    assert_eq!(code(check(&world, sandbox("c1"), &both).await), Err("NotFound".into()));
}

#[tokio::test]
async fn an_older_container_holds_nothing() {
    let world = World::with_default_pools().await;
    world.granted(add(of_pod("web", "u", "c1", "eth0"))).await;
    let now = world.granted(add(of_pod("web", "u", "c2", "eth0"))).await;
    let now: Vec<_> = now.iter().map(String::as_str).collect();
    check(&world, of_pod("web", "u", "c2", "eth0"), &now).await.unwrap();
    let old = check(&world, of_pod("web", "u", "c1", "eth0"), &now).await.unwrap_err();
    assert_eq!(old.code.as_str(), "NotFound");
}

#[tokio::test]
async fn status_names_node_and_store() {
    let world = World::new().await;
    let status = world.node.status().await.unwrap();
    assert_eq!((status.node.as_str(), status.store.as_str()), ("n1", "memory"));
}
