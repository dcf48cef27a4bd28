//! The agent's process ends at any time; what it granted is known to the next one.

use crate::world::{World, add, of_pod, sandbox};
use spiderpool_cni::agent::{Budget, Ipam};
use spiderpool_cni::spool::EntryName;

#[tokio::test]
async fn grants_are_known_and_released_by_the_next_process() {
    let mut world = World::with_default_pools().await;
    let granted = world.granted(add(of_pod("web", "u", "c1", "eth0"))).await;
    world.granted(add(sandbox("c2"))).await;
    let before = world.endpoint("web").await.unwrap();
    world.restart().await;
    assert_eq!(world.node.allocator().held(), 4);
    assert_eq!(world.endpoint("web").await.unwrap(), before, "routes included");
    assert_eq!(world.granted(add(of_pod("web", "u", "c1", "eth0"))).await, granted);

    // A runtime that does not say the uid at DEL: the container tells.
    let mut nameless = of_pod("web", "u", "c1", "eth0");
    nameless.pod_uid = None;
    world.del(&nameless).await;
    assert_eq!(world.node.allocator().held(), 2);
    assert_eq!(world.endpoint("web").await.unwrap_err().code.as_str(), "NotFound");
}

#[tokio::test]
async fn a_damaged_spool_entry_is_released_by_its_name() {
    let mut world = World::with_default_pools().await;
    world.granted(add(of_pod("web", "u", "c1", "eth0"))).await;
    world.restart().await;
    let name = EntryName::of(&of_pod("web", "u", "c1", "eth0"));
    world.node.del_by_name(&name, Budget::from_now(None)).await.unwrap();
    assert_eq!(world.node.allocator().held(), 0);
}

#[tokio::test]
async fn a_pod_without_a_uid_is_the_declared_one_and_else_the_container() {
    let world = World::with_default_pools().await;
    world.pod("web", "declared", &[]).await;
    let mut nameless = of_pod("web", "x", "c1", "eth0");
    nameless.pod_uid = None;
    world.granted(add(nameless.clone())).await;
    assert_eq!(world.endpoint("web").await.unwrap().pod_uid, "declared");
    world.del(&nameless).await;
    assert_eq!(world.node.allocator().held(), 0);

    let mut undeclared = of_pod("other", "x", "c2", "eth0");
    undeclared.pod_uid = None;
    world.granted(add(undeclared)).await;
    assert_eq!(world.endpoint("other").await.unwrap().pod_uid, "c2");
}
