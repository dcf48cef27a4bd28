//! What is refused, in which words.

use crate::world::{World, add, of_pod, pod, sandbox};
use rstest::rstest;
use serde_json::{Value, json};

#[rstest]
#[case::annotation(&[("ippool", "{\"ipv4\": ")], "WrongInput", "pod default/web is annotated wrongly")]
#[case::item(&[("ippools", r#"[{"interface": "net9", "ipv4": ["p4"]}]"#)], "WrongInput", "no item for interface eth0")]
#[case::routes(&[("routes", r#"[{"dst": "10.0.0.0/8"}]"#)], "WrongInput", "annotated wrongly")]
#[case::missing(&[("ippool", r#"{"ipv4": ["nope"]}"#)], "NoPool", "pool \"nope\" does not exist")]
#[case::disabled(&[("ippool", r#"{"ipv4": ["off"]}"#)], "NoPool", "pool \"off\" is disabled (spec.disable)")]
#[case::no_controller(&[("subnet", r#"{"ipv4": ["s4"]}"#)], "WrongInput", "this pod has none")]
#[tokio::test]
async fn by_annotation(#[case] annotations: &[(&str, &str)], #[case] code: &str, #[case] says: &str) {
    let world = World::with_default_pools().await;
    world.pool("off", "10.7.0.0/16", &["10.7.0.1"], json!({"disable": true})).await;
    world.pod("web", "u", annotations).await;
    let (refused, message) = world.refused(add(of_pod("web", "u", "c1", "eth0"))).await;
    assert_eq!(refused.as_str(), code, "{message}");
    assert!(message.starts_with("pod default/web, interface eth0: ") && message.contains(says), "{message}");
    assert_eq!(world.node.allocator().held(), 0);
}

#[rstest]
#[case::terminating(json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}), "the pod is being deleted")]
#[case::completed(
    json!({"spec": {"restartPolicy": "Never"}, "status": {"phase": "Succeeded"}}),
    "the pod has run to completion"
)]
#[case::another(json!({"metadata": {"uid": "other"}}), "the pod of this name has uid other, the runtime asks for uid u")]
#[tokio::test]
async fn pods_that_are_gone(#[case] changes: Value, #[case] says: &str) {
    let world = World::with_default_pools().await;
    let mut object = pod("web", "u", &[]);
    for (key, value) in changes.as_object().unwrap() {
        match object.get_mut(key) {
            Some(old) => old.as_object_mut().unwrap().extend(value.as_object().unwrap().clone()),
            None => object[key] = value.clone(),
        }
    }
    world.declare(object).await;
    let (code, message) = world.refused(add(of_pod("web", "u", "c1", "eth0"))).await;
    assert_eq!((code.as_str(), message.contains(says)), ("Gone", true), "{message}");
}

#[tokio::test]
async fn a_static_pod_goes_by_the_hash_of_its_configuration() {
    let world = World::with_default_pools().await;
    world.pod("etcd-n1", "mirror", &[("kubernetes.io/config.hash", "u")]).await;
    assert_eq!(world.granted(add(of_pod("etcd-n1", "u", "c1", "eth0"))).await.len(), 2);
}

#[tokio::test]
async fn a_container_that_was_deleted_stays_so() {
    let world = World::with_default_pools().await;
    world.del(&of_pod("web", "u", "c1", "eth0")).await;
    let (code, message) = world.refused(add(of_pod("web", "u", "c1", "eth0"))).await;
    assert_eq!(code.as_str(), "Gone", "{message}");
}

#[tokio::test]
async fn without_any_pool_the_answer_says_where_to_name_one() {
    let world = World::new().await;
    let (code, message) = world.refused(add(sandbox("c1"))).await;
    assert_eq!(code.as_str(), "NoPool");
    insta::assert_snapshot!(
        message,
        @"container c1, interface eth0: no pool is chosen for eth0: name one in the pod's annotation ipam.spidernet.io/ippool, in the defaults of its namespace or in the CNI configuration, or mark one with spec.default: true (enabled: IPv4 and IPv6)"
    );
}

#[tokio::test]
async fn wrong_names_in_the_configuration() {
    let world = World::new().await;
    let mut request = add(sandbox("c1"));
    request.ipv4_pools = vec!["a b".into()];
    let (code, message) = world.refused(request).await;
    assert_eq!(code.as_str(), "WrongInput");
    assert!(message.contains("ipam.default_ipv4_ippool[0]"), "{message}");
}

#[tokio::test]
async fn whole_or_not_at_all() {
    let world = World::new().await;
    world.pool("p4", "10.6.0.0/16", &["10.6.0.10-10.6.0.11"], json!({"default": true})).await;
    world.pool("p6", "fd00::/64", &["fd00::10"], json!({"default": true})).await;
    world.granted(add(sandbox("c1"))).await;
    let (code, message) = world.refused(add(sandbox("c2"))).await;
    assert_eq!(code.as_str(), "Exhausted");
    assert!(message.contains("IPv6 on eth0"), "{message}");
    assert_eq!(world.node.allocator().held(), 2, "the IPv4 part of c2 was undone");
}
