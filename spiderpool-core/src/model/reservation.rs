//! A reservation, parsed.

use super::network::{read_ranges, read_version, set_of};
use crate::{
    addr::{Family, IpSet},
    api::{SpiderReservedIP, ViolationKind, Violations},
    model::pool::read_name,
    name::ObjectName,
};

/// A parsed [`SpiderReservedIP`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reservation {
    /// The name.
    pub name: ObjectName,
    /// The family of all of its addresses.
    pub family: Family,
    /// The addresses that no pool may grant; none once it is terminating.
    pub ips: IpSet,
    /// Whether it is being deleted.
    pub terminating: bool,
}

impl TryFrom<&SpiderReservedIP> for Reservation {
    type Error = Violations;

    /// Parses a reservation; all mistakes are reported at once.
    fn try_from(object: &SpiderReservedIP) -> Result<Self, Violations> {
        let mut found = Violations::none();
        let name = read_name(ObjectName::new(&object.metadata.name), "metadata.name", &mut found);
        let body = read_reserved(object, &mut found);
        let terminating = object.metadata.deletion_timestamp.is_some();
        match name.zip(body) {
            Some((name, (family, _))) if terminating && found.is_empty() => {
                Ok(Self { name, family, ips: IpSet::new(family), terminating })
            }
            Some((name, (family, ips))) if found.is_empty() => Ok(Self { name, family, ips, terminating }),
            _ => Err(found),
        }
    }
}

/// Family and addresses of a reservation's `spec`; the family is that of the first address where it is not given.
pub(crate) fn read_reserved(object: &SpiderReservedIP, found: &mut Violations) -> Option<(Family, IpSet)> {
    let spec = &object.spec;
    let version = read_version(spec.ip_version, found);
    let first =
        || spec.ips.iter().find_map(|text| Some(text.parse::<crate::addr::AddressRange>().ok()?.family()));
    let family = version.or_else(first);
    let ranges = read_ranges(&spec.ips, "spec.ips", family, found);
    if family.is_none() && spec.ips.is_empty() && spec.ip_version.is_none() {
        let message =
            "nothing is reserved: write addresses such as `10.0.0.1` or ranges such as `10.0.0.5-10.0.0.9`";
        found.add(ViolationKind::Required, "spec.ips", message);
    }
    family.map(|family| (family, set_of(family, &ranges)))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn parse(spec: Value, deleted: Option<&str>) -> Result<Reservation, Violations> {
        let metadata = json!({"name": "r", "deletionTimestamp": deleted});
        let object: SpiderReservedIP =
            serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap();
        Reservation::try_from(&object)
    }

    #[rstest]
    #[case(json!({"ips": ["10.0.0.9", "10.0.0.1-10.0.0.2"]}), Family::V4, "10.0.0.1-10.0.0.2, 10.0.0.9")]
    #[case(json!({"ipVersion": 6, "ips": ["fd00::1"]}), Family::V6, "fd00::1")]
    #[case(json!({"ipVersion": 4}), Family::V4, "none")]
    fn the_family_comes_from_the_first_address(
        #[case] spec: Value,
        #[case] family: Family,
        #[case] ips: &str,
    ) {
        let reservation = parse(spec, None).unwrap();
        assert_eq!((reservation.family, reservation.ips.to_string().as_str()), (family, ips));
    }

    #[test]
    fn a_terminating_reservation_reserves_nothing() {
        assert!(parse(json!({"ips": ["10.0.0.9"]}), Some("2026-01-01T00:00:00Z")).unwrap().ips.is_empty());
    }

    #[rstest]
    #[case::empty(json!({}))]
    #[case::families_mixed(json!({"ips": ["10.0.0.1", "fd00::1"]}))]
    #[case::version(json!({"ipVersion": 5, "ips": ["10.0.0.1"]}))]
    #[case::malformed(json!({"ips": ["10.0.0.0/24"]}))]
    fn mistakes_are_refused(#[case] spec: Value) {
        assert_eq!(parse(spec, None).unwrap_err().iter().count(), 1);
    }
}
