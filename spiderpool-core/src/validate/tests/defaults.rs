use rstest::rstest;
use serde_json::{Value, json};

use super::{super::*, world::*};

fn defaulted(fields: Value, world: &World) -> Value {
    let mut object = pool("blue", fields);
    pool::set_defaults(&mut object, &world.context());
    json!({"labels": object.metadata.labels, "spec": object.spec})
}

#[test]
fn version_order_and_label_are_filled_in() {
    let ips = ["10.6.0.9", "10.6.0.3-10.6.0.5", "10.6.0.4-10.6.0.8", "10.6.0.20"];
    let fields = json!({"subnet": "10.6.0.0/16", "ips": ips, "excludeIPs": ["10.6.0.4", "10.6.0.4"]});
    assert_eq!(
        defaulted(fields, &World::default()),
        json!({
            "labels": {"ipam.spidernet.io/ippool-cidr": "10-6-0-0-16"},
            "spec": {
                "ipVersion": 4, "subnet": "10.6.0.0/16", "ips": ["10.6.0.3-10.6.0.9", "10.6.0.20"],
                "excludeIPs": ["10.6.0.4"],
            },
        })
    );
}

#[rstest]
#[case::nothing_own(json!({}), json!("10.6.0.1"), json!([{"dst": "172.16.0.0/12", "gw": "10.6.0.2"}]))]
#[case::own_gateway(json!({"gateway": "10.6.0.9"}), json!("10.6.0.9"), json!([{"dst": "172.16.0.0/12", "gw": "10.6.0.2"}]))]
#[case::explicitly_no_routes(json!({"routes": []}), json!("10.6.0.1"), json!([]))]
fn gateway_and_routes_come_from_the_subnet(
    #[case] own: Value,
    #[case] gateway: Value,
    #[case] routes: Value,
) {
    let inherited = json!({
        "subnet": "10.6.0.0/16", "gateway": "10.6.0.1", "routes": [{"dst": "172.16.0.0/12", "gw": "10.6.0.2"}],
    });
    let world = World::default().subnet("other", json!({"subnet": "10.6.0.0/24", "gateway": "10.6.0.7"}));
    let world = world.subnet("s", inherited);
    let fields = with(&json!({"subnet": "10.6.0.0/16"}), own.clone());
    let filled = defaulted(fields.clone(), &world);
    assert_eq!((&filled["spec"]["gateway"], &filled["spec"]["routes"]), (&gateway, &routes));
    assert_eq!(filled["labels"]["ipam.spidernet.io/owner-spider-subnet"], "s");
    let off = World { feature: Subnets::Disabled, ..world };
    assert_eq!(defaulted(fields, &off)["spec"].get("gateway"), own.get("gateway"));
}

#[rstest]
#[case::terminating(json!({"subnet": "10.6.0.0/16", "deletionTimestamp": "2026-01-01T00:00:00Z"}))]
#[case::no_network(json!({"subnet": "10.6.0.1/16", "ips": ["10.6.0.9", "10.6.0.1"]}))]
fn what_cannot_be_read_or_is_going_stays_as_it_is(#[case] fields: Value) {
    let mut object = pool("blue", fields);
    let before = object.clone();
    pool::set_defaults(&mut object, &World::default().context());
    assert_eq!(object, before);
}

#[test]
fn a_single_entry_stays_as_written() {
    let fields = json!({"subnet": "10.6.0.0/16", "ips": ["10.6.0.9-10.6.0.9"]});
    assert_eq!(defaulted(fields, &World::default())["spec"]["ips"], json!(["10.6.0.9-10.6.0.9"]));
}

#[test]
fn a_malformed_range_keeps_the_list_as_written() {
    let filled = defaulted(json!({"subnet": "10.6.0.0/16", "ips": ["10.6.0.9", "x"]}), &World::default());
    assert_eq!(filled["spec"]["ips"], json!(["10.6.0.9", "x"]));
}

#[rstest]
#[case("fd00::/64", "fd00---64")]
#[case("fc00:f853:ccd:e790::/64", "fc00-f853-ccd-e790---64")]
#[case("::/0", "0---0")]
fn a_network_is_written_as_a_label(#[case] network: &str, #[case] expected: &str) {
    let filled = defaulted(json!({"subnet": network}), &World::default());
    assert_eq!(filled["labels"]["ipam.spidernet.io/ippool-cidr"], expected);
}

#[test]
fn subnets_and_reservations_are_filled_in_too() {
    let mut object = subnet("s", json!({"subnet": "fd00::/64", "ips": ["fd00::9", "fd00::8"]}));
    subnet::set_defaults(&mut object);
    assert_eq!(
        (object.spec.ip_version, &object.spec.ips[..]),
        (Some(6), &["fd00::8-fd00::9".to_owned()][..])
    );
    assert_eq!(object.metadata.labels["ipam.spidernet.io/subnet-cidr"], "fd00---64");
    let mut object = reservation("r", json!({"ips": ["10.0.0.2", "10.0.0.1"]}));
    reservation::set_defaults(&mut object);
    assert_eq!(
        (object.spec.ip_version, &object.spec.ips[..]),
        (Some(4), &["10.0.0.1-10.0.0.2".to_owned()][..])
    );
    let mut mixed = reservation("r", json!({"ips": ["10.0.0.2", "fd00::1"]}));
    reservation::set_defaults(&mut mixed);
    assert_eq!(mixed.spec.ips.len(), 2);
}
