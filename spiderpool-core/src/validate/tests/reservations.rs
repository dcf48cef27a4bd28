use rstest::rstest;
use serde_json::{Value, json};

use super::{super::*, world::*};
use crate::model::Families;

#[rstest]
#[case::good(json!({"ips": ["10.0.0.1", "10.0.0.5-10.0.0.9"]}), &[])]
#[case::v6(json!({"ipVersion": 6, "ips": ["fd00::1"]}), &["spec.ipVersion Forbidden"])]
#[case::nothing(json!({}), &["spec.ips Required"])]
#[case::version(json!({"ipVersion": 5, "ips": ["10.0.0.1"]}), &["spec.ipVersion NotSupported"])]
#[case::malformed(json!({"ips": ["10.0.0.1", "10.0.0.0/24", "fd00::1"]}),
    &["spec.ips[1] Invalid", "spec.ips[2] Invalid"])]
fn the_reservation_itself(#[case] fields: Value, #[case] expected: &[&str]) {
    let world = World { families: Families::V4, ..World::default() };
    let found = reservation::create(&reservation("r", fields), [], &world.context());
    assert_eq!(kinds(&found), expected);
}

#[test]
fn its_name_must_be_free() {
    let new = reservation("r", json!({"ips": ["10.0.0.1"]}));
    let found = reservation::create(&new, ["q", "r"], &World::default().context());
    assert_eq!(kinds(&found), ["metadata.name Duplicate"]);
}

#[rstest]
#[case(json!({"ips": ["10.0.0.2"]}), &[])]
#[case(json!({"ips": ["fd00::1"]}), &["spec.ipVersion Forbidden"])]
#[case(json!({"ipVersion": 6, "ips": ["fd00::1"]}), &["spec.ipVersion Forbidden"])]
fn its_family_is_fixed(#[case] fields: Value, #[case] expected: &[&str]) {
    let old = reservation("r", json!({"ips": ["10.0.0.1"]}));
    let found = reservation::update(&old, &reservation("r", fields), &World::default().context());
    assert_eq!(kinds(&found), expected);
}

#[test]
fn a_terminating_one_is_not_edited() {
    let old = reservation("r", json!({"ips": ["10.0.0.1"], "deletionTimestamp": "2026-01-01T00:00:00Z"}));
    let found = reservation::update(&old, &reservation("r", json!({"ips": []})), &World::default().context());
    assert_eq!(kinds(&found), ["spec Forbidden"]);
}
