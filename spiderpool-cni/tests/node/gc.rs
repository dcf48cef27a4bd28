//! GC.

use crate::world::{World, add, of_pod, sandbox};
use spiderpool_cni::api::GcResponse;

fn shown(response: &GcResponse) -> Vec<String> {
    let freed = response.freed.iter().map(|f| format!("freed {} of {}", f.address, f.ip_pool));
    let kept = response.kept.iter().map(|k| format!("kept {}: {}", k.record.address, k.reason));
    let mut all: Vec<_> = freed.chain(kept).collect();
    all.sort();
    all
}

#[tokio::test]
async fn only_what_nobody_knows_any_more_is_freed() {
    let mut world = World::with_default_pools().await;
    world.pod("alive", "u1", &[("ippool", r#"{"ipv4": ["p4"]}"#)]).await;
    world.granted(add(of_pod("alive", "u1", "c1", "eth0"))).await;
    let mut request = add(of_pod("gone", "u2", "c2", "eth0"));
    request.ipv4_pools = vec!["p4".into()];
    world.granted(request).await;
    let mut request = add(sandbox("c3"));
    request.ipv6_pools = vec!["p6".into()];
    world.granted(request).await;
    world.restart().await;

    assert!(
        shown(&world.gc("other-net", &[]).await).is_empty(),
        "another network's records are not ours to judge"
    );
    let all = [("c1", "eth0"), ("c2", "eth0"), ("c3", "eth0")];
    assert!(shown(&world.gc("net", &all).await).is_empty());
    assert_eq!(
        shown(&world.gc("net", &[("c3", "eth0"), ("c2", "net1")]).await),
        ["freed 10.6.0.11 of p4", "kept 10.6.0.10: its pod default/alive is alive"]
    );
    assert_eq!(shown(&world.gc("net", &[("c1", "eth0")]).await), ["freed fd00::10 of p6"]);
    assert_eq!(world.node.allocator().held(), 1);
    assert_eq!(world.endpoint("gone").await.unwrap_err().code.as_str(), "NotFound");
}

#[tokio::test]
async fn an_earlier_incarnation_is_not_kept_for_the_present_ones_sake() {
    let world = World::with_default_pools().await;
    world.granted(add(of_pod("web", "u1", "c1", "eth0"))).await;
    world.pod("web", "u2", &[]).await;
    assert_eq!(world.gc("net", &[]).await.freed.len(), 2);
}
