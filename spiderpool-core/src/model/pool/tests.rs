use std::time::Duration;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::addr::AddressRange;

fn object(metadata: Value, spec: Value) -> SpiderIPPool {
    let mut object: SpiderIPPool =
        serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap();
    if object.metadata.name.is_empty() {
        object.metadata.name = "blue".into();
    }
    object.metadata.uid.get_or_insert_with(|| "uid-blue".into());
    object
}

fn pool(metadata: Value, spec: Value) -> Result<Pool, Violations> {
    Pool::try_from(&object(metadata, spec))
}

#[test]
fn every_field_is_parsed() {
    let pool = pool(
        json!({"annotations": {"ipam.spidernet.io/release-cooldown": "1h30m"}}),
        json!({
            "subnet": "10.0.0.0/24", "ips": ["10.0.0.5-10.0.0.9", "10.0.0.2"], "excludeIPs": ["10.0.0.7"],
            "gateway": "10.0.0.9", "routes": [{"dst": "172.16.3.4/16", "gw": "10.0.0.9"}], "vlan": 7,
            "podAffinity": {"matchLabels": {"app": "web"}},
            "namespaceName": ["default"], "nodeName": ["n1", "n2"],
            "multusName": ["kube-system/vlan6", "vlan7"], "default": true, "disable": true,
        }),
    )
    .unwrap();
    assert_eq!(pool.family, Family::V4);
    assert_eq!(pool.usable().to_string(), "10.0.0.2, 10.0.0.5-10.0.0.6, 10.0.0.8");
    assert_eq!(pool.allocatable().len_saturating(), 5);
    // A destination with host bits means its network.
    assert_eq!(pool.routes[0].destination.to_string(), "172.16.0.0/16");
    assert_eq!((pool.vlan, pool.default, pool.disabled, pool.terminating), (Some(7), true, true, false));
    assert_eq!(pool.cooldown, Duration::from_secs(5400));
    let home = Namespace::new("spiderpool").unwrap();
    assert!(pool.multus_names[0].is(&"kube-system/vlan6".parse().unwrap(), &home));
    assert!(!pool.multus_names[0].is(&"spiderpool/vlan6".parse().unwrap(), &home));
    assert!(pool.multus_names[1].is(&"spiderpool/vlan7".parse().unwrap(), &home));
}

#[test]
fn a_terminating_pool_has_nothing_to_grant() {
    let spec = json!({"subnet": "10.0.0.0/24", "ips": ["10.0.0.5"]});
    let pool = pool(json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}), spec).unwrap();
    assert!(pool.terminating);
    assert!(pool.usable().is_empty());
}

#[test]
fn every_mistake_of_form_is_reported_at_once() {
    let found = pool(
        json!({"name": "a/b", "annotations": {"ipam.spidernet.io/release-cooldown": "soon"}}),
        json!({
            "ipVersion": 4, "subnet": "10.0.0.1/24", "ips": ["10.0.0.5", "10.0.0.9-10.0.0.8", "fd00::1"],
            "excludeIPs": ["10.0.0.0/30"], "gateway": "", "vlan": 4095,
            "routes": [{"dst": "x", "gw": "fd00::1"}], "nodeName": ["n 1"], "multusName": ["a/b/c"],
            "namespaceAffinity": {"matchExpressions": [{"key": "k", "operator": "Near"}]},
        }),
    )
    .unwrap_err();
    insta::assert_snapshot!(found);
}

#[rstest]
#[case("", Some(0))]
#[case("0", Some(0))]
#[case("0s", Some(0))]
#[case("30s", Some(30_000))]
#[case("5m", Some(300_000))]
#[case("1h30m", Some(5_400_000))]
#[case("1.5h", Some(5_400_000))]
#[case("250ms", Some(250))]
#[case("-5s", None)]
#[case("5", None)]
#[case("five minutes", None)]
fn cooldown_is_written_as_in_go(#[case] text: &str, #[case] millis: Option<u64>) {
    let annotations = json!({"annotations": {"ipam.spidernet.io/release-cooldown": text}});
    let parsed = pool(annotations, json!({"subnet": "10.0.0.0/24"}));
    assert_eq!(parsed.ok().map(|pool| pool.cooldown), millis.map(Duration::from_millis), "{text:?}");
}

#[test]
fn an_auto_pool_names_its_application() {
    let labels = json!({"labels": {
        "ipam.spidernet.io/owner-application-name": "web",
        "ipam.spidernet.io/owner-application-uid": "u1",
        "ipam.spidernet.io/interface": "net1",
        "ipam.spidernet.io/ippool-reclaim": "false",
    }});
    let affinity = json!({"matchLabels": {
        "ipam.spidernet.io/app-api-group": "apps", "ipam.spidernet.io/app-api-version": "v1",
        "ipam.spidernet.io/app-kind": "Deployment", "ipam.spidernet.io/app-namespace": "default",
        "ipam.spidernet.io/app-name": "web",
    }});
    let spec = json!({"subnet": "10.0.0.0/24", "podAffinity": affinity});
    let pool = pool(labels.clone(), spec).unwrap();
    let auto = pool.auto.unwrap();
    assert_eq!(auto.application.to_string(), "Deployment default/web (apps/v1)");
    assert_eq!(serde_json::to_value(auto.application.selector()).unwrap(), affinity);
    assert_eq!(auto.reclaim, crate::model::Reclaim::Keep);
    assert_eq!(auto.interface.unwrap().as_str(), "net1");
    // The five keys are no labels of pods.
    assert_eq!(pool.pod_affinity, None);

    let wrong =
        json!({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "a", "operator": "Exists"}]});
    let found = Pool::try_from(&object(labels, json!({"subnet": "10.0.0.0/24", "podAffinity": wrong})));
    assert_eq!(found.unwrap_err().iter().count(), 7);
}

fn ranges() -> impl Strategy<Value = Vec<(u8, u8)>> {
    prop::collection::vec((any::<u8>(), any::<u8>()).prop_map(|(a, b)| (a.min(b), a.max(b))), 0..6)
}

proptest! {
    /// `usable` against its definition, address by address.
    #[test]
    fn usable_is_ips_without_excluded_and_gateway(ips in ranges(), excluded in ranges(), gateway: Option<u8>) {
        let text = |ranges: &[(u8, u8)]| -> Vec<String> {
            ranges.iter().map(|(a, b)| format!("10.0.0.{a}-10.0.0.{b}")).collect()
        };
        let pool = pool(json!({}), json!({
            "subnet": "10.0.0.0/24", "ips": text(&ips), "excludeIPs": text(&excluded),
            "gateway": gateway.map(|last| format!("10.0.0.{last}")),
        })).unwrap();
        let usable = pool.usable();
        for last in 0..=u8::MAX {
            let within = |ranges: &[(u8, u8)]| ranges.iter().any(|(a, b)| (*a..=*b).contains(&last));
            let expected = within(&ips) && !within(&excluded) && gateway != Some(last);
            let address = format!("10.0.0.{last}").parse().unwrap();
            prop_assert_eq!(usable.contains(address), expected);
        }
        let within_subnet = |range: AddressRange| pool.subnet.contains_range(&range);
        prop_assert!(usable.ranges().all(within_subnet));
    }
}
