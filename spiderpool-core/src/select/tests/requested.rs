use rstest::rstest;
use serde_json::json;

use super::world::World;

fn world(requested: &[&str]) -> World {
    let mut world = World::new()
        .pool("a", json!({"gateway": "10.0.0.15", "excludeIPs": ["10.0.0.16"]}))
        .pool("b", json!({"ips": ["10.0.0.100-10.0.0.110"]}))
        .plain6(&["c"])
        .annotated("ippool", r#"{"ipv4":["a","b"],"ipv6":["c"]}"#);
    world.requested = requested.iter().map(|text| text.parse().unwrap()).collect();
    world
}

#[test]
fn a_requested_address_binds_the_part_of_its_family() {
    let selection = world(&["10.0.0.105"]).select().unwrap();
    let requested: Vec<_> = selection.parts.iter().map(|part| part.requested).collect();
    assert_eq!(requested, [Some("10.0.0.105".parse().unwrap()), None]);
    assert_eq!(world(&["10.0.0.105"]).selected(), ["eth0 IPv4: b", "eth0 IPv6: c"]);
    assert_eq!(
        world(&["10.0.0.105", "fd00::11"]).select().unwrap().parts[1].requested,
        "fd00::11".parse().ok()
    );
}

#[rstest]
#[case::nowhere(&["10.0.0.200"], "pool \"a\" cannot grant the requested 10.0.0.200; pool \"b\" cannot grant")]
#[case::gateway(&["10.0.0.15"], "cannot grant the requested 10.0.0.15: it is its gateway")]
#[case::excluded(&["10.0.0.16"], "cannot grant the requested 10.0.0.16: it is excluded (spec.excludeIPs)")]
#[case::two(&["10.0.0.105", "10.0.0.106"], "both 10.0.0.105 and 10.0.0.106 are requested")]
fn an_address_that_no_pool_has_is_refused(#[case] requested: &[&str], #[case] reason: &str) {
    let error = world(requested).error();
    assert!(error.contains(reason), "{error}");
}

#[test]
fn an_address_of_a_family_that_is_not_asked_for_is_refused() {
    let error = world(&["fd00::11"]).annotated("ippool", r#"{"ipv4":["a"]}"#).error();
    assert!(
        error.contains("fd00::11 is requested, but pod annotation ipam.spidernet.io/ippool names no IPv6")
    );
}

/// The address is for the interface that asks, not for one that comes later.
#[test]
fn with_unnamed_items_the_address_is_for_the_asking_interface() {
    let world = world(&["10.0.0.105"]).annotated("ippools", r#"[{"ipv4":["b"]},{"ipv4":["b"]}]"#);
    let selection = world.select().unwrap();
    let requested: Vec<_> = selection.parts.iter().map(|part| part.requested.is_some()).collect();
    assert_eq!(requested, [true, false]);
}

#[test]
fn an_address_is_not_taken_for_an_interface_that_did_not_ask() {
    let world = world(&["10.0.0.105"]).annotated("ippools", r#"[{"ipv6":["c"]},{"ipv4":["b"]}]"#);
    assert!(world.error().contains("names no IPv4 pool for eth0"), "{}", world.error());
}
