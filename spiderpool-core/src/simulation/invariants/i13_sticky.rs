//! I13: one address per (controller, pod name, interface, family) for stateful owners.

use super::Broken;
use crate::{
    model::Binding,
    simulation::ledger::{Change, Ledger},
};

/// A stateful owner's name has one address per interface and family, whichever incarnation holds it.
pub(super) fn changed(ledger: &Ledger, change: &Change<'_>) -> Result<(), Broken> {
    let (address, record) = match change {
        Change::Granted { address, record } => (*address, *record),
        Change::Replaced { address, new, .. } => (*address, *new),
        _ => return Ok(()),
    };
    let (Binding::Stateful, Some(pod)) = (record.binding, &record.owner.pod) else { return Ok(()) };
    let name = (pod.clone(), record.slot.clone(), address.family());
    let all = ledger.bound.get(&name).map_or(0, std::collections::BTreeSet::len);
    if all <= 1 {
        return Ok(());
    }
    let other = ledger.bound[&name].iter().find(|other| **other != address);
    let other = other.map_or(String::new(), |other| other.to_string());
    Err(("I13", format!("{pod} got {address} for {}, and has {other}", record.slot)))
}
