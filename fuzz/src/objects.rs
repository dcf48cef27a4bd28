//! The objects that administrators write, in JSON: pools, subnets and reservations.

use serde::Serialize;
use serde::de::DeserializeOwned;
use spiderpool_core::addr::IpSet;
use spiderpool_core::api::{SpiderIPPool, SpiderReservedIP, SpiderSubnet, Violations};
use spiderpool_core::model::{Pool, Reservation, Subnet};

/// Any JSON as a pool, as a subnet and as a reservation.
///
/// Laws: what is read is written in a form that reads as the same; a refused object is told at least one mistake, each
/// with its field; an accepted one keeps its promises: what a pool may grant is neither excluded nor its gateway nor of
/// another family, and a subnet hands out nothing twice.
pub fn objects(data: &[u8]) {
    if let Some(object) = read::<SpiderIPPool>(data) {
        match Pool::try_from(&object) {
            Ok(pool) => pool_keeps_its_promises(&pool),
            Err(found) => mistakes_are_told(&found),
        }
    }
    if let Some(object) = read::<SpiderSubnet>(data) {
        match Subnet::try_from(&object) {
            Ok(subnet) => subnet_keeps_its_promises(&subnet, &object),
            Err(found) => mistakes_are_told(&found),
        }
    }
    if let Some(object) = read::<SpiderReservedIP>(data) {
        match Reservation::try_from(&object) {
            Ok(reservation) => {
                assert_eq!(reservation.ips.family(), reservation.family);
                assert!(!reservation.terminating || reservation.ips.is_empty());
            }
            Err(found) => mistakes_are_told(&found),
        }
    }
}

/// The object, if these bytes are one. Writing it and reading that gives the same.
fn read<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(data: &[u8]) -> Option<T> {
    let object = serde_json::from_slice(data).ok()?;
    let written = serde_json::to_vec(&object).unwrap_or_else(|error| panic!("{object:?}: {error}"));
    assert_eq!(serde_json::from_slice::<T>(&written).ok().as_ref(), Some(&object));
    Some(object)
}

fn mistakes_are_told(found: &Violations) {
    assert!(!found.is_empty(), "refused without a reason");
    for violation in found.iter() {
        assert!(!violation.field.is_empty() && !violation.message.is_empty(), "{violation}");
    }
}

fn pool_keeps_its_promises(pool: &Pool) {
    let usable = pool.usable();
    assert!(is_of(&usable, pool) && is_of(&pool.ips, pool) && is_of(&pool.excluded, pool));
    assert!(usable.is_subset(&pool.allocatable()));
    assert!(pool.allocatable().is_subset(&pool.ips));
    assert!(usable.is_disjoint(&pool.excluded));
    assert!(pool.gateway.is_none_or(|gateway| !usable.contains(gateway)));
    assert!(!pool.terminating || usable.is_empty());
    assert_eq!(pool.subnet.family(), pool.family);
}

fn is_of(set: &IpSet, pool: &Pool) -> bool {
    set.family() == pool.family
}

fn subnet_keeps_its_promises(subnet: &Subnet, object: &SpiderSubnet) {
    let unclaimed = subnet.unclaimed();
    assert!(unclaimed.is_subset(&subnet.allocatable()));
    assert!(subnet.controlled.values().all(|pool| pool.ips.is_disjoint(&unclaimed)));
    // What it writes of its pools reads as the same.
    let written = subnet.write_controlled().unwrap_or_else(|error| panic!("{error}"));
    let mut again = object.clone();
    again.status.controlled_ip_pools = written;
    assert_eq!(Subnet::try_from(&again).as_ref(), Ok(subnet));
}
