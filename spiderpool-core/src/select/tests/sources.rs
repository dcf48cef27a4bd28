use rstest::rstest;
use serde_json::json;

use super::{super::*, world::World};
use crate::model::Families;

/// Every source at once, each with a pool of its own.
fn all_sources() -> World {
    let mut world = World::new()
        .plain(&["of-pools", "of-pool", "of-namespace", "of-config", "unused"])
        .pool("of-all", json!({"default": true}))
        .pool("of-subnet", super::subnets::auto("s4", "net0", "uid-now"))
        .owned_by("apps/v1", "Deployment", "web")
        .annotated("subnets", r#"[{"interface":"eth0","ipv4":["s4"]}]"#)
        .annotated("subnet", r#"{"ipv4":["s4"]}"#)
        .annotated("ippools", r#"[{"interface":"eth0","ipv4":["of-pools"]}]"#)
        .annotated("ippool", r#"{"ipv4":["of-pool"]}"#)
        .namespace_annotated("default-ipv4-ippool", r#"["of-namespace"]"#);
    world.config.pools = NetworkConfig::parse_pools(&["of-config".into()], &[]).unwrap();
    let auto = super::subnets::auto("s4", "eth0", "uid-now");
    world.pool("of-subnet", auto)
}

/// The first source that applies wins outright.
#[test]
fn the_order_of_the_sources() {
    let mut world = all_sources();
    let mut seen = Vec::new();
    for gone in ["subnets", "subnet", "ippools", "ippool"] {
        seen.push(world.select().unwrap());
        world.pod_annotations.remove(&format!("ipam.spidernet.io/{gone}"));
    }
    seen.push(world.select().unwrap());
    world.namespace_annotations.clear();
    seen.push(world.select().unwrap());
    world.config.pools = Default::default();
    seen.push(world.select().unwrap());
    let seen: Vec<_> = seen
        .iter()
        .map(|selection| (&selection.source, selection.parts[0].candidates[0].pool.name.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            (&Source::PodSubnets, "of-subnet"),
            (&Source::PodSubnet, "of-subnet"),
            (&Source::PodPools, "of-pools"),
            (&Source::PodPool, "of-pool"),
            (&Source::Namespace(crate::name::Namespace::new("default").unwrap()), "of-namespace"),
            (&Source::NetworkConfig, "of-config"),
            (&Source::Defaults, "of-all"),
        ]
    );
}

#[test]
fn nothing_is_merged_across_sources() {
    let world = World::new().plain(&["a", "b"]).plain6(&["c"]).annotated("ippool", r#"{"ipv4":["a"]}"#);
    let mut world = world.namespace_annotated("default-ipv6-ippool", r#"["c"]"#);
    world.config.pools = NetworkConfig::parse_pools(&["b".into()], &["c".into()]).unwrap();
    assert_eq!(world.selected(), ["eth0 IPv4: a"]);
}

#[rstest]
#[case::both(Families::Both, &["eth0 IPv4: a", "eth0 IPv6: c"])]
#[case::v4(Families::V4, &["eth0 IPv4: a"])]
#[case::v6(Families::V6, &["eth0 IPv6: c"])]
fn a_disabled_family_is_not_asked_for(#[case] families: Families, #[case] expected: &[&str]) {
    let world = World::new().plain(&["a"]).plain6(&["c"]);
    let mut world = world.annotated("ippool", r#"{"ipv6":["c"],"ipv4":["a"]}"#);
    world.families = families;
    assert_eq!(world.selected(), expected);
    let mut defaults = World::new().pool("a", json!({"default": true}));
    let v6 = json!({"default": true, "subnet": "fd00::/64", "ips": ["fd00::10"]});
    defaults = defaults.pool("c", v6);
    defaults.families = families;
    assert_eq!(defaults.selected(), expected);
}

#[test]
fn a_family_without_names_is_not_asked_for() {
    let world =
        World::new().plain(&["a"]).pool("c", json!({"default": true, "subnet": "fd00::/64", "ips": []}));
    assert_eq!(world.annotated("ippool", r#"{"ipv4":["a"]}"#).selected(), ["eth0 IPv4: a"]);
}

#[test]
fn all_default_pools_are_candidates_by_name() {
    let world =
        World::new().pool("b", json!({"default": true})).pool("a", json!({"default": true})).plain(&["c"]);
    assert_eq!(world.selected(), ["eth0 IPv4: a, b"]);
}

#[test]
fn a_bare_sandbox_is_served_by_configuration_and_defaults() {
    let mut world = World::new().plain(&["a"]).annotated("ippool", r#"{"ipv4":["x"]}"#);
    world.pod = None;
    world.config.pools = NetworkConfig::parse_pools(&["a".into()], &[]).unwrap();
    assert_eq!(world.selected(), ["eth0 IPv4: a"]);
}

/// Only the annotation that applies is read: a mistake in another one must not keep a pod from starting.
#[test]
fn an_annotation_that_does_not_apply_is_not_read() {
    let world =
        World::new().plain(&["a"]).annotated("ippool", "{").annotated("k8s.v1.cni.cncf.io/networks", "[");
    let world = world.annotated("ippools", r#"[{"interface":"eth0","ipv4":["a"]}]"#);
    assert_eq!(world.selected(), ["eth0 IPv4: a"]);
}
