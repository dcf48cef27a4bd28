use rstest::rstest;
use serde_json::{Value, json};

use super::{super::*, world::*};
use crate::model::Families;

fn plain() -> Value {
    json!({"subnet": "10.0.0.0/24", "ips": ["10.0.0.10-10.0.0.20"]})
}

/// What needs no other object, on creation and on a change that leaves the network alone.
#[rstest]
#[case::good(json!({}), &[])]
#[case::all_good(json!({
    "ipVersion": 4, "excludeIPs": ["10.0.0.12"], "gateway": "10.0.0.1", "vlan": 0,
    "routes": [{"dst": "172.16.0.0/12", "gw": "10.0.0.1"}], "podAffinity": {"matchLabels": {"app": "web"}},
    "annotations": {"ipam.spidernet.io/release-cooldown": "30s"},
}), &[])]
#[case::version_unknown(json!({"ipVersion": 5}), &["spec.ipVersion NotSupported"])]
#[case::ips_malformed(json!({"ips": ["10.0.0.10", "x", "10.0.0.9-10.0.0.8"]}),
    &["spec.ips[1] Invalid", "spec.ips[2] Invalid"])]
#[case::ips_cidr(json!({"ips": ["10.0.0.0/30"]}), &["spec.ips[0] Invalid"])]
#[case::ips_outside(json!({"ips": ["10.0.0.10", "10.0.0.250-10.0.1.5"]}), &["spec.ips[1] Invalid"])]
#[case::excluded_outside(json!({"excludeIPs": ["10.0.1.1"]}), &["spec.excludeIPs[0] Invalid"])]
#[case::gateway_outside(json!({"gateway": "10.0.1.1"}), &["spec.gateway Invalid"])]
#[case::gateway_of_the_other_family(json!({"gateway": "fd00::1"}), &["spec.gateway Invalid"])]
#[case::gateway_in_ips(json!({"gateway": "10.0.0.15"}), &["spec.gateway Invalid"])]
#[case::gateway_in_ips_but_excluded(json!({"gateway": "10.0.0.15", "excludeIPs": ["10.0.0.15"]}), &[])]
#[case::default_route(json!({"routes": [{"dst": "0.0.0.0/0", "gw": "10.0.0.1"}]}), &["spec.routes[0].dst Invalid"])]
#[case::route_twice(
    json!({"routes": [{"dst": "172.16.0.0/12", "gw": "10.0.0.1"}, {"dst": "172.16.0.0/12", "gw": "10.0.0.2"}]}),
    &["spec.routes[1].dst Duplicate"])]
#[case::route_of_the_other_family(json!({"routes": [{"dst": "fd11::/64", "gw": "10.0.0.1"}]}),
    &["spec.routes[0].dst Invalid"])]
#[case::route_no_network(json!({"routes": [{"dst": "x", "gw": "10.0.0.1"}]}), &["spec.routes[0].dst Invalid"])]
#[case::route_gateway_outside(json!({"routes": [{"dst": "172.16.0.0/12", "gw": "10.0.1.1"}]}),
    &["spec.routes[0].gw Invalid"])]
#[case::affinity_empty(json!({"podAffinity": {}}), &["spec.podAffinity Invalid"])]
#[case::affinity_malformed(
    json!({"podAffinity": {"matchExpressions": [{"key": "a", "operator": "Near"}]}}),
    &["spec.podAffinity.matchExpressions[0].operator NotSupported"])]
#[case::node_affinity_malformed(json!({"nodeAffinity": {"matchLabels": {"a b": "c"}}}),
    &["spec.nodeAffinity.matchLabels[a b] Invalid"])]
#[case::node_name_malformed(json!({"nodeName": ["n1", ""]}), &["spec.nodeName[1] Invalid"])]
#[case::cooldown_malformed(json!({"annotations": {"ipam.spidernet.io/release-cooldown": "soon"}}),
    &["metadata.annotations[ipam.spidernet.io/release-cooldown] Invalid"])]
#[case::vlan(json!({"vlan": 4095}), &["spec.vlan Invalid"])]
#[case::everything_at_once(
    json!({"ips": ["x", "10.1.0.1"], "gateway": "10.0.1.1", "podAffinity": {}, "routes": [{"dst": "0.0.0.0/0", "gw": "1.1.1.1"}]}),
    &["spec.ips[0] Invalid", "spec.ips[1] Invalid", "spec.gateway Invalid", "spec.routes[0].dst Invalid",
      "spec.routes[0].gw Invalid", "spec.podAffinity Invalid"])]
fn the_pool_itself(#[case] fields: Value, #[case] expected: &[&str]) {
    let (world, new) = (World::default(), pool("blue", with(&plain(), fields)));
    assert_eq!(kinds(&pool::create(&new, &world.context())), expected);
    assert_eq!(kinds(&pool::update(&pool("blue", plain()), &new, &world.context())), expected);
}

#[rstest]
#[case::missing(json!({}), &["spec.subnet Required"])]
#[case::malformed(json!({"subnet": "10.0.0"}), &["spec.subnet Invalid"])]
#[case::host_bits(json!({"subnet": "10.0.0.1/24"}), &["spec.subnet Invalid"])]
#[case::other_family(json!({"ipVersion": 6, "subnet": "10.0.0.0/24"}), &["spec.subnet Invalid"])]
#[case::missing_with_the_rest(json!({"ipVersion": 4, "ips": ["fd00::1"], "gateway": "x"}),
    &["spec.subnet Required", "spec.ips[0] Invalid", "spec.gateway Invalid"])]
fn the_network(#[case] fields: Value, #[case] expected: &[&str]) {
    let found = pool::create(&pool("blue", fields), &World::default().context());
    assert_eq!(kinds(&found), expected);
}

#[rstest]
#[case("Blue", &["metadata.name Invalid"])]
#[case("blue_1", &["metadata.name Invalid"])]
#[case("", &["metadata.name Invalid"])]
#[case("taken", &["metadata.name Duplicate"])]
#[case("auto4-web-eth0-028d6", &[])]
fn the_name(#[case] name: &str, #[case] expected: &[&str]) {
    let world = World::default().pool("taken", json!({"subnet": "10.0.0.0/24", "ips": ["10.0.0.50"]}));
    assert_eq!(kinds(&pool::create(&pool(name, plain()), &world.context())), expected);
}

#[rstest]
#[case(Families::V6, &["spec.ipVersion Forbidden"])]
#[case(Families::V4, &[])]
fn a_disabled_family_is_forbidden(#[case] families: Families, #[case] expected: &[&str]) {
    let world = World { families, ..World::default() };
    assert_eq!(kinds(&pool::create(&pool("blue", plain()), &world.context())), expected);
    assert_eq!(
        kinds(&pool::update(&pool("blue", plain()), &pool("blue", plain()), &world.context())),
        expected
    );
}

#[rstest]
#[case::apart(json!({"subnet": "10.0.1.0/24"}), &[])]
#[case::same_network_other_addresses(json!({"subnet": "10.0.0.0/24", "ips": ["10.0.0.21"]}), &[])]
#[case::excluded_on_one_side(
    json!({"subnet": "10.0.0.0/24", "ips": ["10.0.0.20-10.0.0.25"], "excludeIPs": ["10.0.0.20"]}), &[])]
#[case::common_addresses(json!({"subnet": "10.0.0.0/24", "ips": ["10.0.0.20-10.0.0.25"]}), &["spec.ips Forbidden"])]
#[case::inside(json!({"subnet": "10.0.0.0/25"}), &["spec.subnet Invalid"])]
#[case::around(json!({"subnet": "10.0.0.0/16"}), &["spec.subnet Invalid"])]
#[case::other_family(json!({"subnet": "fd00::/64"}), &[])]
fn other_pools(#[case] fields: Value, #[case] expected: &[&str]) {
    let world = World::default().pool("green", plain());
    assert_eq!(kinds(&pool::create(&pool("blue", fields), &world.context())), expected);
}

#[rstest]
#[case::version(json!({"ipVersion": 6, "subnet": "fd00::/64", "ips": []}), &["spec.ipVersion Forbidden"])]
#[case::network(json!({"subnet": "10.0.0.0/25"}), &["spec.subnet Forbidden"])]
#[case::written_version(json!({"ipVersion": 4}), &[])]
#[case::shrink(json!({"ips": ["10.0.0.10"]}), &[])]
fn what_cannot_change(#[case] fields: Value, #[case] expected: &[&str]) {
    let world = World::default().pool("blue", plain());
    let new = pool("blue", with(&plain(), fields));
    assert_eq!(kinds(&pool::update(&pool("blue", plain()), &new, &world.context())), expected);
}

/// Upstream refuses every edit of a pool that has come into conflict, so it can be neither mended nor disabled.
#[test]
fn an_edit_is_judged_by_what_it_adds() {
    let world = World::default().pool("blue", plain()).pool("green", plain());
    let edit =
        |fields: Value| kinds(&pool::update(&pool("blue", plain()), &pool("blue", fields), &world.context()));
    assert_eq!(edit(with(&plain(), json!({"disable": true}))), [""; 0]);
    assert_eq!(edit(json!({"subnet": "10.0.0.0/24", "ips": ["10.0.0.10-10.0.0.12"]})), [""; 0]);
    let wider = World::default().pool("green", json!({"subnet": "10.0.0.0/24", "ips": ["10.0.0.21"]}));
    let new = pool("blue", json!({"subnet": "10.0.0.0/24", "ips": ["10.0.0.10-10.0.0.21"]}));
    assert_eq!(kinds(&pool::update(&pool("blue", plain()), &new, &wider.context())), ["spec.ips Forbidden"]);
}

#[test]
fn a_terminating_pool_keeps_its_spec_but_may_lose_its_finalizer() {
    let going = with(&plain(), json!({"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["x"]}));
    let old = pool("blue", going.clone());
    let world = World::default().pool("green", plain());
    let released = pool("blue", with(&going, json!({"finalizers": []})));
    assert_eq!(kinds(&pool::update(&old, &released, &world.context())), [""; 0]);
    let changed = pool("blue", with(&going, json!({"disable": true})));
    assert_eq!(kinds(&pool::update(&old, &changed, &world.context())), ["spec Forbidden"]);
}

fn subnet_24(more: Value) -> Value {
    with(&json!({"subnet": "10.0.0.0/24", "ips": ["10.0.0.10-10.0.0.15"]}), more)
}

#[test]
fn a_pool_lies_inside_its_subnet() {
    let world = World::default().subnet("s", subnet_24(json!({"excludeIPs": ["10.0.0.12"]})));
    let found = pool::create(&pool("blue", plain()), &world.context());
    assert_eq!(kinds(&found), ["spec.ips Forbidden"]);
    assert!(found.to_string().contains("10.0.0.12, 10.0.0.16-10.0.0.20 are not in Subnet \"s\""), "{found}");
    let off = World { feature: Subnets::Disabled, ..world };
    assert!(pool::create(&pool("blue", plain()), &off.context()).is_empty());
    let other = World::default().subnet("s", json!({"subnet": "10.0.1.0/24"}));
    assert!(pool::create(&pool("blue", plain()), &other.context()).is_empty());
}

/// A pool that the Subnet's record names, and that is not there yet: upstream overlooks it.
#[test]
fn what_a_subnet_has_promised_to_a_pool_is_taken() {
    let promised = r#"{"auto4-web":{"ips":["10.0.0.11-10.0.0.12"]},"blue":{"ips":["10.0.0.10"]}}"#;
    let world = World::default().subnet("s", subnet_24(json!({"controlledIPPools": promised})));
    let fields = json!({"subnet": "10.0.0.0/24", "ips": ["10.0.0.10-10.0.0.11"]});
    let found = pool::create(&pool("blue", fields), &world.context());
    assert!(found.to_string().contains("has promised 10.0.0.11 to pool \"auto4-web\""), "{found}");
    assert_eq!(found.iter().count(), 1);
    // Once the pool is there it answers for itself, and the conflict is told once.
    let world = world.pool("auto4-web", json!({"subnet": "10.0.0.0/24", "ips": ["10.0.0.11-10.0.0.12"]}));
    let fields = json!({"subnet": "10.0.0.0/24", "ips": ["10.0.0.10-10.0.0.11"]});
    let found = pool::create(&pool("blue", fields), &world.context());
    assert!(found.to_string().contains("pool \"auto4-web\" has 10.0.0.11 too"), "{found}");
    assert_eq!(found.iter().count(), 1);
}

fn auto(more: Value) -> Value {
    let labels = json!({"ipam.spidernet.io/owner-application-name": "web"});
    let affinity = json!({"matchLabels": {
        "ipam.spidernet.io/app-api-group": "apps", "ipam.spidernet.io/app-api-version": "v1",
        "ipam.spidernet.io/app-kind": "Deployment", "ipam.spidernet.io/app-namespace": "default",
        "ipam.spidernet.io/app-name": "web",
    }});
    let base =
        json!({"subnet": "10.0.0.0/24", "ips": ["10.0.0.11"], "labels": labels, "podAffinity": affinity});
    with(&base, more)
}

#[rstest]
#[case::as_promised(json!({}), &[])]
#[case::more_than_promised(json!({"ips": ["10.0.0.11-10.0.0.12"]}), &["spec.ips Forbidden"])]
#[case::other_keys(json!({"podAffinity": {"matchLabels": {"app": "web"}}}), &[
    "spec.podAffinity.matchLabels[app] Invalid",
    "spec.podAffinity.matchLabels[ipam.spidernet.io/app-api-group] Required",
    "spec.podAffinity.matchLabels[ipam.spidernet.io/app-api-version] Required",
    "spec.podAffinity.matchLabels[ipam.spidernet.io/app-kind] Required",
    "spec.podAffinity.matchLabels[ipam.spidernet.io/app-namespace] Required",
    "spec.podAffinity.matchLabels[ipam.spidernet.io/app-name] Required",
])]
fn an_auto_pool_has_what_its_subnet_says(#[case] more: Value, #[case] expected: &[&str]) {
    let promised = r#"{"auto4-web":{"ips":["10.0.0.11"]}}"#;
    let world = World::default().subnet("s", subnet_24(json!({"controlledIPPools": promised})));
    let found = pool::create(&pool("auto4-web", auto(more.clone())), &world.context());
    assert_eq!(kinds(&found), expected, "{found}");
    let found =
        pool::update(&pool("auto4-web", auto(json!({}))), &pool("auto4-web", auto(more)), &world.context());
    assert_eq!(kinds(&found), expected, "{found}");
}

#[test]
fn messages() {
    let going = with(&plain(), json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}));
    let world = World::default()
        .pool("green", plain())
        .pool("going", going)
        .pool("wide", json!({"subnet": "10.0.0.0/16"}))
        .subnet("s", subnet_24(json!({})));
    let new = pool(
        "Blue",
        json!({
            "subnet": "10.0.0.0/24", "ips": ["10.0.0.10-10.0.0.30", "10.0.1.1"], "gateway": "10.0.0.10",
            "routes": [{"dst": "0.0.0.0/0", "gw": "10.0.1.1"}, {"dst": "172.16.0.0/12", "gw": "10.0.0.1"},
                       {"dst": "172.16.0.0/12", "gw": "10.0.0.1"}],
            "podAffinity": {},
        }),
    );
    let world = World { families: Families::V6, ..world };
    let created = pool::create(&new, &world.context());
    let moved = pool::update(
        &pool("blue", plain()),
        &pool("blue", json!({"subnet": "10.1.0.0/24"})),
        &world.context(),
    );
    let going = world.pools[1].as_ref();
    let edited = pool::update(going, &pool("going", json!({"subnet": "10.0.0.0/24"})), &world.context());
    insta::assert_snapshot!(format!("created\n{created}\n\nmoved\n{moved}\n\nedited while going\n{edited}"));
}
