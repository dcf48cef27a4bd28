//! Rules for SpiderReservedIP. Deleting one is never refused.

use super::{
    Context,
    context::{check_fixed, check_free, check_name, check_terminating},
    network::merge,
};
use crate::{
    addr::{AddressRange, Family},
    api::{SpiderReservedIP, Violations},
    model::read_reserved,
};

/// Fills in what a reservation may leave out: `ipVersion` from its first address; ranges merged and sorted.
pub fn set_defaults(reservation: &mut SpiderReservedIP) {
    if reservation.metadata.deletion_timestamp.is_some() {
        return;
    }
    let spec = &mut reservation.spec;
    let first =
        spec.ips.first().and_then(|text| text.parse::<AddressRange>().ok()).map(|range| range.family());
    if let Some(family) = first {
        let version = spec.ip_version.get_or_insert(family.number().into());
        merge(&mut spec.ips, (*version == i64::from(family.number())).then_some(family));
    }
}

/// Whether `reservation` may be created, where reservations of the names `taken` exist.
#[must_use]
pub fn create<'n>(
    reservation: &SpiderReservedIP,
    taken: impl IntoIterator<Item = &'n str>,
    context: &Context<'_>,
) -> Violations {
    let mut found = Violations::none();
    check_name(&reservation.metadata.name, &mut found);
    check_free(&reservation.metadata.name, taken.into_iter(), &mut found);
    check_itself(reservation, context, &mut found);
    found
}

/// Whether `old` may become `new`.
#[must_use]
pub fn update(old: &SpiderReservedIP, new: &SpiderReservedIP, context: &Context<'_>) -> Violations {
    if old.metadata.deletion_timestamp.is_some() {
        return check_terminating(&old.spec, &new.spec);
    }
    let mut found = Violations::none();
    let family = check_itself(new, context, &mut found);
    let before = read_reserved(old, &mut Violations::none()).map(|(family, _)| family);
    let version = |family: Option<Family>| family.map(Family::number);
    check_fixed("spec.ipVersion", version(before), version(family), &mut found);
    found
}

fn check_itself(
    reservation: &SpiderReservedIP,
    context: &Context<'_>,
    found: &mut Violations,
) -> Option<Family> {
    let family = read_reserved(reservation, found).map(|(family, _)| family);
    context.check_family(family, found);
    family
}
