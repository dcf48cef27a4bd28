use rstest::rstest;
use serde_json::{Value, json};

use super::{super::*, world::World};

/// The fields of an auto pool of Deployment default/web.
pub(super) fn auto(subnet: &str, interface: &str, uid: &str) -> Value {
    json!({
        "labels": {
            "ipam.spidernet.io/owner-application-name": "web",
            "ipam.spidernet.io/owner-application-uid": uid,
            "ipam.spidernet.io/owner-spider-subnet": subnet,
            "ipam.spidernet.io/interface": interface,
        },
        "podAffinity": {"matchLabels": {
            "ipam.spidernet.io/app-api-group": "apps", "ipam.spidernet.io/app-api-version": "v1",
            "ipam.spidernet.io/app-kind": "Deployment", "ipam.spidernet.io/app-namespace": "default",
            "ipam.spidernet.io/app-name": "web",
        }},
    })
}

fn kept(uid: &str) -> Value {
    let mut fields = auto("s4", "eth0", uid);
    fields["labels"]["ipam.spidernet.io/ippool-reclaim"] = "false".into();
    fields
}

fn world() -> World {
    World::new().owned_by("apps/v1", "Deployment", "web").annotated("subnet", r#"{"ipv4":["s4"]}"#)
}

#[rstest]
#[case::own(&[("p", auto("s4", "eth0", "uid-now"))], &["eth0 IPv4: p"])]
#[case::any_interface(&[("p", auto("s4", "", "uid-now"))], &["eth0 IPv4: p"])]
#[case::kept_for_a_successor(&[("p", kept("uid-old"))], &["eth0 IPv4: p"])]
#[case::own_before_kept(&[("a", kept("uid-old")), ("b", auto("s4", "eth0", "uid-now"))], &["eth0 IPv4: b"])]
fn the_applications_own_pool_is_found(#[case] pools: &[(&str, Value)], #[case] expected: &[&str]) {
    let world = pools.iter().fold(world(), |world, (name, fields)| world.pool(name, fields.clone()));
    assert_eq!(world.selected(), expected);
}

#[rstest]
#[case::other_subnet(&[("p", auto("s5", "eth0", "uid-now"))], "there is no IPv4 pool out of Subnet \"s4\" for eth0")]
#[case::other_interface(&[("p", auto("s4", "net1", "uid-now"))], "there is no IPv4 pool")]
#[case::none(&[], "of Deployment default/web (apps/v1)")]
#[case::of_an_earlier_application(&[("p", auto("s4", "eth0", "uid-old"))], "for an earlier application of this name")]
fn without_it_the_message_says_what_is_missing(#[case] pools: &[(&str, Value)], #[case] expected: &str) {
    let world = pools.iter().fold(world(), |world, (name, fields)| world.pool(name, fields.clone()));
    let error = world.error();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_subnet_needs_a_controller_and_the_feature() {
    let mut bare = world();
    bare.controller = None;
    assert!(bare.error().contains("this pod has none"));
    let mut off = world().pool("p", auto("s4", "eth0", "uid-now"));
    off.auto_pools = AutoPools::Disabled;
    assert!(off.error().contains("switched off"));
}

#[test]
fn subnets_must_name_the_interface_and_subnet_binds_its_own_only() {
    let default = json!({"default": true});
    let plural = world().annotated("subnets", r#"[{"interface":"net1","ipv4":["s4"]}]"#);
    assert!(plural.pool("d", default.clone()).error().contains("has no item for interface eth0"));
    let singular = world().pool("d", default).asking_for("net1");
    assert_eq!(singular.selected(), ["net1 IPv4: d"]);
}

/// A pool that is named although it is somebody's auto pool serves only that application.
#[rstest]
#[case(world(), None)]
#[case(World::new(), Some("is not for the application of default/web-0"))]
#[case(World::new().owned_by("apps/v1", "StatefulSet", "web"), Some("it was made for Deployment default/web"))]
fn a_named_auto_pool_keeps_to_its_application(#[case] mut world: World, #[case] refused: Option<&str>) {
    world.pod_annotations.clear();
    // Once the application matches, neither attachment nor master interface is asked about.
    let mut fields = auto("s4", "eth0", "uid-old");
    fields["multusName"] = json!(["ns/other"]);
    world.config.match_master_subnet = true;
    let world = world.pool("p", fields).annotated("ippool", r#"{"ipv4":["p"]}"#);
    match refused {
        None => assert_eq!(world.selected(), ["eth0 IPv4: p"]),
        Some(reason) => assert!(world.error().contains(reason), "{}", world.error()),
    }
}

/// How an auto pool is sized is nobody's business who has none, and a mistake in it is told like any other.
#[test]
fn sizes_that_are_none_are_refused_where_they_count_and_told_elsewhere() {
    let wrong =
        |world: World| world.annotated("ippool-ip-number", "+-3").annotated("ippool-reclaim", "maybe");
    let error = wrong(world().pool("p", auto("s4", "eth0", "uid-now"))).error();
    for said in [
        "metadata.annotations[ipam.spidernet.io/ippool-ip-number] (invalid): `+-3` is not a number of addresses",
        "metadata.annotations[ipam.spidernet.io/ippool-reclaim] (invalid): `maybe` is neither true nor false",
    ] {
        assert!(error.contains(said), "{error}");
    }
    let elsewhere = wrong(World::new().pool("d", json!({"default": true})));
    assert_eq!(elsewhere.selected(), ["eth0 IPv4: d"]);
    let warnings: Vec<_> = elsewhere.select().unwrap().warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    let said = "metadata.annotations[ipam.spidernet.io/ippool-ip-number]: without a Subnet this has no effect; and it is \
                wrong: `+-3` is not a number of addresses";
    assert!(warnings[0].starts_with(said), "{warnings:?}");
    let right = world().pool("p", auto("s4", "eth0", "uid-now"));
    assert_eq!(
        right.annotated("ippool-ip-number", "+1").annotated("ippool-reclaim", "false").selected(),
        ["eth0 IPv4: p"]
    );
}
