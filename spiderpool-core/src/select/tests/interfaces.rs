use rstest::rstest;

use super::{super::*, world::World};

fn two_unnamed() -> World {
    let items = r#"[{"ipv4":["a"],"ipv6":["c"],"cleangateway":true},{"ipv4":["b"]}]"#;
    World::new().plain(&["a", "b"]).plain6(&["c"]).annotated("ippools", items)
}

/// The first ADD takes everything, keyed by place; a later one names its part.
#[test]
fn unnamed_items_are_taken_at_once_by_the_first_interface() {
    let selection = two_unnamed().select().unwrap();
    let parts: Vec<_> = selection
        .parts
        .iter()
        .map(|part| {
            (part.slot.clone(), part.interface.as_ref().map(|name| name.as_str()), part.clean_gateway)
        })
        .collect();
    assert_eq!(
        parts,
        [
            (Slot::Indexed(0), Some("eth0"), true),
            (Slot::Indexed(0), Some("eth0"), true),
            (Slot::Indexed(1), None, false),
        ]
    );
    let later = two_unnamed().asking_for("net1").select().unwrap();
    assert_eq!(later.parts.len(), 1);
    assert_eq!(later.parts[0].slot, Slot::Indexed(1));
    assert_eq!(later.parts[0].interface.as_ref().unwrap().as_str(), "net1");
}

#[rstest]
#[case::by_number("net1", "", None, 1)]
#[case::by_request("data0", "a,b@data0", None, 2)]
#[case::by_place_of_an_unnamed_item("net1", "b@data0, a", None, 1)]
#[case::number_where_the_first_has_a_name("net2", "b@data0, a", None, 2)]
#[case::told("whatever", "", Some(2), 2)]
#[case::first("eth7", "a,b", None, 0)]
fn the_place_of_an_interface(
    #[case] interface: &'static str,
    #[case] networks: &str,
    #[case] position: Option<u8>,
    #[case] expected: u8,
) {
    let items = r#"[{"ipv4":["a"]},{"ipv4":["a"]},{"ipv4":["a"]}]"#;
    let mut world = World::new().plain(&["a"]).annotated("ippools", items).asking_for(interface);
    world.position = position;
    let world = world.annotated("k8s.v1.cni.cncf.io/networks", networks);
    let selection = world.select().unwrap();
    let own = selection.parts.iter().find(|part| part.interface.is_some()).unwrap();
    assert_eq!(own.slot, Slot::Indexed(expected));
}

#[test]
fn an_interface_beyond_the_items_is_refused() {
    let error = two_unnamed().asking_for("net2").error();
    assert!(error.contains("2 items, and net2 is interface number 3"), "{error}");
}

#[test]
fn an_interface_whose_own_item_names_nothing_is_refused() {
    let world = World::new().plain(&["a"]).annotated("ippools", r#"[{"ipv4":[]},{"ipv4":["a"]}]"#);
    assert!(matches!(world.select(), Err(SelectError::NothingAsked { .. })));
    assert_eq!(world.asking_for("net1").selected(), ["#1 IPv4: a"]);
}

#[test]
fn items_beyond_the_interfaces_are_warned_of() {
    let world = two_unnamed().annotated("ippools", r#"[{"ipv4":["a"]},{"ipv4":["a"]},{"ipv4":["a"]}]"#);
    assert_eq!(world.select().unwrap().warnings, []);
    let warned = world.annotated("k8s.v1.cni.cncf.io/networks", "vlan6").select().unwrap().warnings;
    assert!(warned[0].message.contains("3 items, but the pod has 2 interfaces"));
}

#[test]
fn named_items_must_name_the_interface_that_asks() {
    let items =
        r#"[{"interface":"net1","ipv4":["a"]},{"interface":"eth0","ipv4":["b"],"cleangateway":true}]"#;
    let world = World::new().plain(&["a", "b"]).annotated("ippools", items);
    let selection = world.select().unwrap();
    assert_eq!(selection.parts.len(), 1);
    assert!(selection.parts[0].clean_gateway);
    assert_eq!(world.selected(), ["eth0 IPv4: b"]);
    assert!(world.asking_for("net2").error().contains("no item for interface net2"));
}

/// DESIGN: an `interface` in `ippool` binds that interface; another one goes on to the next source.
#[test]
fn pool_with_an_interface_leaves_the_others_alone() {
    let world = World::new()
        .plain(&["ippool01"])
        .pool("d", serde_json::json!({"default": true}))
        .annotated("v1.multus-cni.io/default-network", "kube-system/calico")
        .annotated("k8s.v1.cni.cncf.io/networks", "kube-system/vlan6")
        .annotated("ippool", "{\n\"interface\":\"net1\", \"ipv4\":[\"ippool01\"]\n}");
    assert_eq!(world.selected(), ["eth0 IPv4: d"]);
    assert_eq!(world.asking_for("net1").selected(), ["net1 IPv4: ippool01"]);
}

#[test]
fn the_configured_clean_gateway_holds_for_every_other_source() {
    let mut world = World::new().plain(&["a"]).annotated("ippool", r#"{"ipv4":["a"]}"#);
    world.config.clean_gateway = true;
    assert!(world.select().unwrap().parts[0].clean_gateway);
    let world = world.annotated("ippools", r#"[{"ipv4":["a"],"cleangateway":false}]"#);
    assert!(!world.select().unwrap().parts[0].clean_gateway);
}

/// Upstream gives two interfaces on one pool the same address: it keys its records by pod, not by interface.
#[test]
fn upstream_defect_2_two_interfaces_on_one_pool_are_two_parts() {
    let world = World::new().plain(&["a"]).annotated("ippools", r#"[{"ipv4":["a"]},{"ipv4":["a"]}]"#);
    let selection = world.select().unwrap();
    let keys: Vec<_> = selection.parts.iter().map(|part| (part.slot.clone(), part.family)).collect();
    assert_eq!(keys, [(Slot::Indexed(0), Family::V4), (Slot::Indexed(1), Family::V4)]);
    let named = r#"[{"interface":"eth0","ipv4":["a"]},{"interface":"net1","ipv4":["a"]}]"#;
    let world = world.annotated("ippools", named);
    assert_eq!(world.selected(), ["eth0 IPv4: a"]);
    assert_eq!(world.asking_for("net1").selected(), ["net1 IPv4: a"]);
}
