//! What people read when a pod gets no address.

use serde_json::json;

use super::world::World;
use crate::{api::SpiderIPPool, model::Families};

fn everything_wrong() -> World {
    let malformed = json!({"metadata": {"name": "broken", "uid": "u"}, "spec": {"subnet": "10.0.0.1/24"}});
    let malformed: SpiderIPPool = serde_json::from_value(malformed).unwrap();
    let mut world = World::new()
        .pool("off", json!({"disable": true}))
        .pool("going", json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}))
        .pool("elsewhere", json!({"nodeName": ["n2", "n3"]}))
        .pool("zone2", json!({"nodeAffinity": {"matchLabels": {"zone": "z2"}}}))
        .pool("prod", json!({"namespaceName": ["prod"]}))
        .pool("db", json!({"podAffinity": {"matchLabels": {"app": "db"}}}))
        .pool("vlan6", json!({"multusName": ["kube-system/vlan6"]}))
        .pool("auto", super::subnets::auto("s4", "eth0", "u"))
        .plain6(&["six"]);
    world.pools.insert_object(&malformed).unwrap();
    world
}

#[test]
fn every_refused_candidate_is_named_with_its_reason() {
    let names = json!([
        "off",
        "going",
        "elsewhere",
        "zone2",
        "prod",
        "db",
        "vlan6",
        "auto",
        "six",
        "gone",
        "broken",
        "x*"
    ]);
    let world = everything_wrong().annotated("ippool", &json!({"ipv4": names}).to_string());
    insta::assert_snapshot!(world.error());
}

#[test]
fn nothing_else() {
    let mut told = String::new();
    let mut tell = |what: &str, world: World| told += &format!("{what}\n    {}\n", world.error());
    tell("nothing is configured", World::new());
    tell("both families are gone", {
        let world = everything_wrong();
        world.annotated("ippools", r#"[{"ipv4":["off"],"ipv6":["gone"]},{"ipv4":["gone"]}]"#)
    });
    tell("only a disabled family is asked for", {
        let mut world = everything_wrong().annotated("ippool", r#"{"ipv6":["six"]}"#);
        world.families = Families::V4;
        world
    });
    tell("an annotation is wrong", everything_wrong().annotated("ippool", r#"{"ipv4":"off","ipv6":[1]}"#));
    tell(
        "a namespace annotation is wrong",
        everything_wrong().namespace_annotated("default-ipv4-ippool", "off"),
    );
    tell("a requested address is nowhere", {
        let mut world = World::new().plain(&["a", "b"]).annotated("ippool", r#"{"ipv4":["a","b"]}"#);
        world.requested = vec!["10.0.0.9".parse().unwrap()];
        world
    });
    tell("a Subnet without a pool", {
        let world = World::new().owned_by("apps.kruise.io/v1alpha1", "CloneSet", "custom");
        world.annotated("subnet", r#"{"ipv4":["subnet-demo-v4"]}"#)
    });
    tell("the master interface is elsewhere", {
        let mut world = World::new().pool("a", json!({"default": true}));
        world.config.match_master_subnet = true;
        world.master_addresses = vec!["10.1.0.1".parse().unwrap(), "fd00::1".parse().unwrap()];
        world
    });
    insta::assert_snapshot!(told);
}

#[test]
fn warnings() {
    let world = World::new().plain(&["a"]).annotated("ippool", r#"{"ipv4":["gone","x*","a"],"ipv5":["b"]}"#);
    let warnings: Vec<_> = world.select().unwrap().warnings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(warnings.join("\n"));
}
