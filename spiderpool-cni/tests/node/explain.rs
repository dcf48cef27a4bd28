//! Why these pools.

use crate::world::{World, add, of_pod};
use serde_json::json;
use spiderpool_cni::agent::Ipam;

#[tokio::test]
async fn every_candidate_is_named_with_its_reason() {
    let world = World::new().await;
    world.pool("full", "10.1.0.0/16", &["10.1.0.1"], json!({})).await;
    world.pool("room", "10.2.0.0/16", &["10.2.0.1-10.2.0.9"], json!({})).await;
    world.pool("elsewhere", "10.3.0.0/16", &["10.3.0.1"], json!({"nodeName": ["n2"]})).await;
    let pools = r#"{"ipv4": ["full", "elsewhere", "missing", "room"]}"#;
    world.pod("first", "u1", &[("ippool", pools)]).await;
    world.granted(add(of_pod("first", "u1", "c1", "eth0"))).await;
    world.pod("web", "u2", &[("ippool", pools)]).await;
    let held = world.node.allocator().held();
    let request = serde_json::from_value(json!({"podNamespace": "default", "podName": "web"})).unwrap();
    let explanation = world.node.explain(request).await.unwrap();
    insta::assert_json_snapshot!(explanation, @r#"
    {
      "interfaces": [
        {
          "interface": "eth0",
          "families": [
            {
              "version": 4,
              "source": "pod annotation ipam.spidernet.io/ippool",
              "candidates": [
                {
                  "pool": "full",
                  "verdict": "full",
                  "reason": "it has no free address"
                },
                {
                  "pool": "room",
                  "verdict": "usable",
                  "reason": "9 addresses are free"
                },
                {
                  "pool": "elsewhere",
                  "verdict": "refused",
                  "reason": "pool \"elsewhere\" is not for node n1 (spec.nodeName: n2)"
                },
                {
                  "pool": "missing",
                  "verdict": "refused",
                  "reason": "pool \"missing\" does not exist"
                }
              ]
            }
          ]
        }
      ],
      "warnings": [
        "pod annotation ipam.spidernet.io/ippool: pool \"missing\" does not exist"
      ]
    }
    "#);
    assert_eq!(world.node.allocator().held(), held, "nothing is granted");
}

#[tokio::test]
async fn it_explains_refusals_too() {
    let world = World::new().await;
    world.pool("off", "10.1.0.0/16", &["10.1.0.1"], json!({"disable": true, "default": true})).await;
    let request = serde_json::from_value(json!({"podNamespace": "default", "podName": "web"})).unwrap();
    let explanation = world.node.explain(request).await.unwrap();
    let candidate = &explanation.interfaces[0].families[0].candidates[0];
    assert_eq!(candidate.reason, "pool \"off\" is disabled (spec.disable)");
    assert_eq!(
        explanation.warnings,
        ["pod default/web is not declared: it has no labels and no annotations here"]
    );
    let request = serde_json::from_value(json!({"podNamespace": "a/b", "podName": "web"})).unwrap();
    assert_eq!(world.node.explain(request).await.unwrap_err().code.as_str(), "WrongInput");
}
