//! What is granted, and what comes with it.

use crate::world::{World, add, of_pod, sandbox};
use serde_json::json;
use std::collections::BTreeSet;

#[tokio::test]
async fn a_container_that_is_no_pod_gets_both_families_and_keeps_them() {
    let world = World::with_default_pools().await;
    let response = world.add(add(sandbox("c1"))).await.unwrap();
    insta::assert_json_snapshot!(response, @r#"
    {
      "ips": [
        {
          "version": 4,
          "address": "10.6.0.10/16",
          "nic": "eth0",
          "ipPool": "p4",
          "gateway": "10.6.0.1",
          "cleanGateway": false
        },
        {
          "version": 6,
          "address": "fd00::10/64",
          "nic": "eth0",
          "ipPool": "p6",
          "cleanGateway": false
        }
      ],
      "routes": [
        {
          "ifName": "eth0",
          "dst": "0.0.0.0/0",
          "gw": "10.6.0.1"
        }
      ],
      "dns": {}
    }
    "#);
    assert_eq!(world.add(add(sandbox("c1"))).await.unwrap(), response, "asked again, the same answer");
    world.del(&sandbox("c1")).await;
    world.del(&sandbox("c1")).await;
    assert_eq!(world.node.allocator().held(), 0);
}

#[tokio::test]
async fn n_addresses_serve_n_pods_and_one_more_as_soon_as_one_goes() {
    let world = World::new().await;
    world.pool("p4", "10.6.0.0/16", &["10.6.0.10-10.6.0.14"], json!({"default": true})).await;
    let mut seen = BTreeSet::new();
    for number in 0..5 {
        seen.extend(
            world.granted(add(of_pod("web", &format!("u{number}"), &format!("c{number}"), "eth0"))).await,
        );
    }
    assert_eq!(seen.len(), 5);
    let one_more = || add(of_pod("late", "u9", "c9", "eth0"));
    let (code, message) = world.refused(one_more()).await;
    assert_eq!(code.as_str(), "Exhausted");
    insta::assert_snapshot!(
        message,
        @"pod default/late, interface eth0: no address for IPv4 on eth0: pool p4: all its addresses are held or reserved"
    );
    world.del(&of_pod("web", "u3", "c3", "eth0")).await;
    assert!(seen.contains(&world.granted(one_more()).await[0]));
}

#[tokio::test]
async fn pools_come_from_annotation_namespace_and_configuration() {
    let world = World::new().await;
    for (name, ip) in [("own", "10.1.0.1"), ("shared", "10.2.0.1"), ("conf", "10.3.0.1")] {
        world.pool(name, &format!("{}.0.0/16", &ip[..4]), &[ip], json!({})).await;
    }
    let conf = |container: &str, pod: &str| {
        let mut request = add(of_pod(pod, &format!("uid-{pod}"), container, "eth0"));
        request.ipv4_pools = vec!["co*".into()];
        request
    };
    assert_eq!(world.granted(conf("c1", "undeclared")).await, ["10.3.0.1/16"]);
    let annotations = json!({"ipam.spidernet.io/default-ipv4-ippool": "[\"shared\"]"});
    world
        .declare(json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default", "annotations": annotations}
        }))
        .await;
    assert_eq!(world.granted(conf("c2", "of-the-namespace")).await, ["10.2.0.1/16"]);
    world.pod("particular", "uid-particular", &[("ippool", r#"{"ipv4": ["own"]}"#)]).await;
    assert_eq!(world.granted(conf("c3", "particular")).await, ["10.1.0.1/16"]);
}

#[tokio::test]
async fn a_missing_backup_pool_is_skipped_and_an_applied_one_is_seen_at_once() {
    let world = World::with_default_pools().await;
    world.pod("web", "u", &[("ippool", r#"{"ipv4": ["missing", "late", "p4"]}"#)]).await;
    assert_eq!(world.granted(add(of_pod("web", "u", "c1", "eth0"))).await, ["10.6.0.10/16"]);
    world.del(&of_pod("web", "u", "c1", "eth0")).await;
    world.pool("late", "10.9.0.0/24", &["10.9.0.9"], json!({})).await;
    assert_eq!(world.granted(add(of_pod("web", "u", "c2", "eth0"))).await, ["10.9.0.9/24"]);
}

#[tokio::test]
async fn an_address_can_be_asked_for() {
    let world = World::with_default_pools().await;
    let ask = |container: &str, ip: &str| {
        let mut request = add(sandbox(container));
        request.requested_ips = vec![ip.parse().unwrap()];
        request
    };
    let granted = world.granted(ask("c1", "10.6.0.12/16")).await;
    assert_eq!(granted[0], "10.6.0.12/16");
    assert_eq!(granted.len(), 2, "the other family as usual");

    let (code, message) = world.refused(ask("c2", "10.6.0.12")).await;
    assert_eq!(code.as_str(), "AddressTaken");
    assert!(message.contains("10.6.0.12 is held by sandbox c1"), "{message}");
    for (ip, why) in
        [("10.6.0.1", "it is its gateway"), ("10.6.0.77", "cannot grant the requested 10.6.0.77")]
    {
        let (code, message) = world.refused(ask("c2", ip)).await;
        assert_eq!(code.as_str(), "AddressTaken", "{message}");
        assert!(message.contains(why), "{message}");
    }
    assert_eq!(world.node.allocator().held(), 2, "refused whole: nothing of c2 is held");
}

#[tokio::test]
async fn routes_come_from_gateway_pool_and_pod() {
    let world = World::new().await;
    let more = json!({
        "default": true, "gateway": "10.6.0.1", "routes": [{"dst": "10.16.0.0/16", "gw": "10.6.0.2"}]
    });
    world.pool("p4", "10.6.0.0/16", &["10.6.0.10-10.6.0.20"], more).await;
    let own = r#"[{"dst": "10.17.0.0/16", "gw": "10.6.0.3"}, {"dst": "10.18.0.0/16", "gw": "192.168.0.1"}]"#;
    world.pod("web", "u", &[("routes", own)]).await;
    let request = || add(of_pod("web", "u", "c1", "eth0"));
    let routes = |response: spiderpool_cni::api::AddResponse| {
        response.routes.iter().map(|route| format!("{} via {}", route.dst, route.gw)).collect::<Vec<_>>()
    };
    let response = world.add(request()).await.unwrap();
    assert_eq!(
        routes(response),
        ["0.0.0.0/0 via 10.6.0.1", "10.16.0.0/16 via 10.6.0.2", "10.17.0.0/16 via 10.6.0.3"]
    );
    let mut clean = request();
    clean.clean_gateway = true;
    let response = world.add(clean).await.unwrap();
    assert!(response.ips[0].gateway.is_some() && response.ips[0].clean_gateway);
    assert_eq!(routes(response), ["10.16.0.0/16 via 10.6.0.2", "10.17.0.0/16 via 10.6.0.3"]);
}

#[tokio::test]
async fn a_new_sandbox_of_the_same_pod_keeps_the_address_and_the_old_one_cannot_free_it() {
    let world = World::with_default_pools().await;
    let first = world.granted(add(of_pod("web", "u", "c1", "eth0"))).await;
    assert_eq!(world.granted(add(of_pod("web", "u", "c2", "eth0"))).await, first);
    world.del(&of_pod("web", "u", "c1", "eth0")).await;
    assert_eq!(world.node.allocator().held(), 2);
    world.del(&of_pod("web", "u", "c2", "eth0")).await;
    assert_eq!(world.node.allocator().held(), 0);
}

#[tokio::test]
async fn pools_can_have_to_match_the_parent_interface() {
    let world = World::new().await;
    for (name, network) in [("near", "10.6.0.0/16"), ("far", "10.7.0.0/16")] {
        let first = network.replace("0/16", "10");
        world.pool(name, network, &[&first], json!({"default": true})).await;
    }
    let mut request = add(sandbox("c1"));
    request.match_master_subnet = true;
    let (code, message) = world.refused(request.clone()).await;
    assert_eq!(code.as_str(), "NoPool");
    assert!(message.contains("has to match the master interface, which has no known address"), "{message}");
    request.master_addresses = vec!["10.7.0.4".parse().unwrap(), "fe80::4".parse().unwrap()];
    assert_eq!(world.granted(request).await, ["10.7.0.10/16"]);
}
