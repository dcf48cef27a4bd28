use rstest::rstest;
use serde_json::json;

use super::{super::*, world::pool};
use crate::model::Route;

fn route(destination: &str, gateway: &str) -> Route {
    Route { destination: destination.parse().unwrap(), gateway: gateway.parse().unwrap() }
}

fn slot(name: &str) -> Slot {
    name.parse().unwrap()
}

fn shown(routes: &Routes) -> Vec<String> {
    let shown = |placed: &PlacedRoute| {
        let Route { destination, gateway } = placed.route;
        format!("{} {destination} via {gateway}", placed.slot)
    };
    routes.placed.iter().map(shown).collect()
}

/// Two interfaces: eth0 in 10.0.0.0/24 with gateway and a route, net1 in 10.0.1.0/24 and fd00::/64.
fn attach(custom: &[Route], clean_gateway: bool) -> Routes {
    let routes = json!([{"dst": "172.16.0.0/16", "gw": "10.0.0.2"}]);
    let first = pool("a", json!({"gateway": "10.0.0.1", "routes": routes}));
    let second = pool("b", json!({"subnet": "10.0.1.0/24", "ips": ["10.0.1.10"]}));
    let third = pool("c", json!({"subnet": "fd00::/64", "ips": ["fd00::10"], "gateway": "fd00::1"}));
    let (eth0, net1) = (slot("eth0"), slot("net1"));
    let grant = |slot, address: &str, pool, clean_gateway| GrantedAddress {
        slot,
        address: address.parse().unwrap(),
        pool,
        clean_gateway,
    };
    attach_routes(
        &[
            grant(&eth0, "10.0.0.10", &first, clean_gateway),
            grant(&net1, "10.0.1.10", &second, false),
            grant(&net1, "fd00::10", &third, clean_gateway),
        ],
        custom,
    )
}

#[test]
fn each_address_has_its_gateway_and_its_pools_routes() {
    let routes = attach(&[], false);
    assert_eq!(
        shown(&routes),
        ["eth0 0.0.0.0/0 via 10.0.0.1", "eth0 172.16.0.0/16 via 10.0.0.2", "net1 ::/0 via fd00::1"]
    );
    assert_eq!(routes.warnings, []);
}

#[test]
fn a_clean_gateway_leaves_the_default_route_out() {
    assert_eq!(shown(&attach(&[], true)), ["eth0 172.16.0.0/16 via 10.0.0.2"]);
}

#[rstest]
#[case::first(route("192.168.0.0/16", "10.0.0.3"), "eth0 192.168.0.0/16 via 10.0.0.3")]
#[case::second(route("192.168.0.0/16", "10.0.1.3"), "net1 192.168.0.0/16 via 10.0.1.3")]
#[case::v6(route("fd11::/16", "fd00::3"), "net1 fd11::/16 via fd00::3")]
fn a_route_goes_where_its_gateway_is(#[case] custom: Route, #[case] expected: &str) {
    let routes = attach(&[custom], true);
    assert!(shown(&routes).contains(&expected.to_owned()), "{routes:?}");
    assert_eq!(routes.placed.len(), 2);
}

#[test]
fn a_default_route_of_the_pod_takes_the_place_of_the_gateways() {
    let routes = attach(&[route("0.0.0.0/0", "10.0.0.9")], false);
    assert_eq!(
        shown(&routes),
        ["eth0 172.16.0.0/16 via 10.0.0.2", "eth0 0.0.0.0/0 via 10.0.0.9", "net1 ::/0 via fd00::1"]
    );
}

#[test]
fn a_route_that_the_pool_has_too_is_there_once() {
    assert_eq!(attach(&[route("172.16.0.0/16", "10.0.0.2")], true).placed.len(), 1);
}

#[test]
fn a_route_that_fits_nowhere_is_left_out_with_a_warning() {
    let routes = attach(&[route("192.168.0.0/16", "10.9.0.1")], true);
    assert_eq!(routes.placed.len(), 1);
    insta::assert_snapshot!(routes.warnings[0], @"metadata.annotations[ipam.spidernet.io/routes]: the route to 192.168.0.0/16 is left out: its gateway 10.9.0.1 is in the network of none of the pod's addresses");
}

/// The first whose network contains the gateway, also where several do.
#[test]
fn with_two_interfaces_in_one_network_the_first_gets_the_route() {
    let shared = pool("a", json!({}));
    let (eth0, net1) = (slot("eth0"), slot("net1"));
    let grant = |slot, address: &str| GrantedAddress {
        slot,
        address: address.parse().unwrap(),
        pool: &shared,
        clean_gateway: false,
    };
    let granted = [grant(&net1, "10.0.0.11"), grant(&eth0, "10.0.0.10")];
    assert_eq!(
        shown(&attach_routes(&granted, &[route("192.168.0.0/16", "10.0.0.3")])),
        ["net1 192.168.0.0/16 via 10.0.0.3"]
    );
}
