use rstest::rstest;
use serde_json::{Value, json};

use super::{super::*, world::*};
use crate::model::Families;

fn plain() -> Value {
    json!({"subnet": "10.0.0.0/24", "ips": ["10.0.0.10-10.0.0.20"]})
}

#[rstest]
#[case::good(json!({}), &[])]
#[case::version(json!({"ipVersion": 7}), &["spec.ipVersion NotSupported"])]
#[case::outside(json!({"ips": ["10.0.1.1"], "excludeIPs": ["10.0.1.2"]}),
    &["spec.ips[0] Invalid", "spec.excludeIPs[0] Invalid"])]
#[case::gateway(json!({"gateway": "10.0.0.11"}), &["spec.gateway Invalid"])]
#[case::route(json!({"routes": [{"dst": "0.0.0.0/0", "gw": "10.0.0.1"}]}), &["spec.routes[0].dst Invalid"])]
fn the_subnet_itself(#[case] fields: Value, #[case] expected: &[&str]) {
    let (world, new) = (World::default(), subnet("s", with(&plain(), fields)));
    assert_eq!(kinds(&subnet::create(&new, &world.context())), expected);
    assert_eq!(kinds(&subnet::update(&subnet("s", plain()), &new, &world.context())), expected);
}

#[rstest]
#[case::malformed("x", &["spec.subnet Invalid"])]
#[case::host_bits("10.0.5.1/24", &["spec.subnet Invalid"])]
#[case::apart("10.9.0.0/24", &[])]
#[case::equal_to_a_subnet("10.1.0.0/24", &["spec.subnet Invalid"])]
#[case::inside_a_subnet("10.1.0.0/25", &["spec.subnet Invalid"])]
#[case::around_a_subnet("10.1.0.0/16", &["spec.subnet Invalid"])]
#[case::inside_a_pool("10.2.0.0/25", &["spec.subnet Invalid"])]
#[case::equal_to_a_pool_without_its_addresses("10.2.0.0/24", &["spec.ips Invalid"])]
fn other_objects(#[case] network: &str, #[case] expected: &[&str]) {
    let world = World::default().subnet("other", json!({"subnet": "10.1.0.0/24"})).pool(
        "p",
        json!({"subnet": "10.2.0.0/24", "ips": ["10.2.0.5-10.2.0.6"], "excludeIPs": ["10.2.0.6"]}),
    );
    assert_eq!(kinds(&subnet::create(&subnet("s", json!({"subnet": network})), &world.context())), expected);
    let adopting = subnet("s", json!({"subnet": "10.2.0.0/24", "ips": ["10.2.0.5"]}));
    assert!(subnet::create(&adopting, &world.context()).is_empty());
}

#[test]
fn the_name_is_free_and_the_family_enabled() {
    let world =
        World { families: Families::V6, ..World::default() }.subnet("s", json!({"subnet": "fd00::/64"}));
    let found = subnet::create(&subnet("s", plain()), &world.context());
    assert_eq!(kinds(&found), ["metadata.name Duplicate", "spec.ipVersion Forbidden"]);
}

#[rstest]
#[case::version(json!({"ipVersion": 6, "subnet": "fd00::/64", "ips": []}), &["spec.ipVersion Forbidden"])]
#[case::network(json!({"subnet": "10.0.0.0/25"}), &["spec.subnet Forbidden"])]
#[case::grow(json!({"ips": ["10.0.0.5-10.0.0.30"]}), &[])]
#[case::shrink_what_is_free(json!({"ips": ["10.0.0.10-10.0.0.13"]}), &[])]
#[case::shrink_what_is_recorded(json!({"ips": ["10.0.0.11-10.0.0.20"]}), &["spec.ips Forbidden"])]
#[case::exclude_what_a_pool_has(json!({"excludeIPs": ["10.0.0.12"]}), &["spec.ips Forbidden"])]
#[case::both(json!({"ips": []}), &["spec.ips Forbidden", "spec.ips Forbidden"])]
fn what_cannot_change(#[case] fields: Value, #[case] expected: &[&str]) {
    let recorded = json!({"controlledIPPools": r#"{"auto4-web":{"ips":["10.0.0.10"]}}"#});
    let (old, new) = (subnet("s", with(&plain(), recorded)), subnet("s", with(&plain(), fields)));
    let manual = json!({"subnet": "10.0.0.0/24", "ips": ["10.0.0.12-10.0.0.13"]});
    let world = World::default().pool("manual", manual);
    assert_eq!(kinds(&subnet::update(&old, &new, &world.context())), expected);
}

#[test]
fn a_terminating_subnet_keeps_its_spec() {
    let going = with(&plain(), json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}));
    let (world, old) = (World::default(), subnet("s", going.clone()));
    assert!(
        subnet::update(&old, &subnet("s", with(&going, json!({"finalizers": []}))), &world.context())
            .is_empty()
    );
    let changed = subnet("s", with(&going, json!({"ips": []})));
    assert_eq!(kinds(&subnet::update(&old, &changed, &world.context())), ["spec Forbidden"]);
}

#[test]
fn messages() {
    let world = World::default()
        .subnet("other", json!({"subnet": "10.0.0.0/16"}))
        .pool("p", json!({"subnet": "10.0.0.0/24", "ips": ["10.0.0.2-10.0.0.3"]}))
        .pool("q", json!({"subnet": "10.0.0.0/25"}));
    let created = subnet::create(&subnet("s", plain()), &world.context());
    let old = subnet("s", with(&plain(), json!({"ips": ["10.0.0.2-10.0.0.20"]})));
    let shrunk = subnet::update(&old, &subnet("s", plain()), &world.context());
    insta::assert_snapshot!(format!("created\n{created}\n\nshrunk\n{shrunk}"));
}
