//! The forms in documents.

use proptest::prelude::*;
use serde_json::{from_value, json, to_value};
use spiderpool_core::addr::{Address, AddressRange, Cidr, Family, InterfaceAddress, IpSet};

use crate::support::*;

#[test]
fn every_type_has_its_form() {
    let network: Cidr = "10.0.0.0/24".parse().unwrap();
    let interface: InterfaceAddress = "10.0.0.5/24".parse().unwrap();
    let document = json!({
        "address": address("FD00::1"),
        "range": range("10.0.0.1-10.0.0.9"),
        "single": range("10.0.0.1"),
        "network": network,
        "interface": interface,
        "families": [Family::V4, Family::V6],
        "set": set(Family::V4, &["10.0.0.12", "10.0.0.1-10.0.0.9"]),
        "empty": IpSet::new(Family::V6),
    });
    insta::assert_json_snapshot!(document, @r#"
    {
      "address": "fd00::1",
      "empty": {
        "family": 6,
        "ranges": []
      },
      "families": [
        4,
        6
      ],
      "interface": "10.0.0.5/24",
      "network": "10.0.0.0/24",
      "range": "10.0.0.1-10.0.0.9",
      "set": {
        "family": 4,
        "ranges": [
          "10.0.0.1-10.0.0.9",
          "10.0.0.12"
        ]
      },
      "single": "10.0.0.1"
    }
    "#);
}

#[test]
fn refusals_say_what_was_wanted() {
    let family = from_value::<Family>(json!(5)).unwrap_err();
    let kind = from_value::<AddressRange>(json!(10)).unwrap_err();
    let text = from_value::<Address>(json!("10.0.0")).unwrap_err();
    let mixed = from_value::<IpSet>(json!({"family": 6, "ranges": ["10.0.0.1"]})).unwrap_err();
    insta::assert_snapshot!([family, kind, text, mixed].map(|error| error.to_string()).join("\n"), @"
    5 is not an address family: write 4 or 6
    invalid type: integer `10`, expected an IP address or a range `first-last`
    `10.0.0` is not an IP address: write four decimal numbers such as `10.0.0.1` (0 to 255, no leading zeros), or an IPv6 address such as `fd00::1` (no brackets, no zone)
    `10.0.0.1` is IPv4, but IPv6 is wanted here: write IPv6 and IPv4 into separate objects
    ");
}

#[test]
fn a_document_may_list_ranges_in_any_order() {
    let read: IpSet =
        from_value(json!({"family": 4, "ranges": ["10.0.0.5", "10.0.0.1-10.0.0.5", "10.0.0.6"]})).unwrap();
    assert_eq!(read, set(Family::V4, &["10.0.0.1-10.0.0.6"]));
}

proptest! {
    #[test]
    fn what_is_stored_is_read_back((a, _, _) in three_sets()) {
        let stored = to_value(&a).unwrap();
        prop_assert_eq!(&from_value::<IpSet>(stored).unwrap(), &a);
        for range in a.ranges() {
            prop_assert_eq!(from_value::<AddressRange>(to_value(range).unwrap()).unwrap(), range);
            prop_assert_eq!(from_value::<Address>(to_value(range.first()).unwrap()).unwrap(), range.first());
        }
    }
}
