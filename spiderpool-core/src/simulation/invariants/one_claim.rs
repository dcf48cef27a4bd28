//! Rule 9: the claim comes before the grant, and moves only after the old address was given up. What stickiness (I13)
//! rests on.

use super::Broken;
use crate::{
    addr::Address,
    api::{Claim, ClaimState},
    model::{Attachment, Binding, Record},
    name::NamespacedName,
    simulation::ledger::{Change, Ledger},
};

/// A stateful record and its claim follow on each other as rule 9 says.
pub(super) fn changed(ledger: &Ledger, change: &Change<'_>) -> Result<(), Broken> {
    match change {
        Change::Granted { address, record } => {
            granted(ledger, *address, record)?;
            incarnation(ledger, *address, record)
        }
        Change::Replaced { address, new, .. } => incarnation(ledger, *address, new),
        // What a request that failed undoes does not rest; the claim stays for the next one.
        Change::Freed { address, old, rests: true } => freed(ledger, *address, old),
        Change::Claims { pod, old, new } => moved(ledger, pod, old, new),
        _ => Ok(()),
    }
}

fn name(record: &Record) -> Option<&NamespacedName> {
    record.owner.pod.as_ref().filter(|_| record.binding == Binding::Stateful)
}

/// Granted is what the claim names. It may be about to be given up: then the record is found.
fn granted(ledger: &Ledger, address: Address, record: &Record) -> Result<(), Broken> {
    let Some(pod) = name(record) else { return Ok(()) };
    let claim = ledger.claim(pod, &record.slot, address.family());
    if claim.is_some_and(|claim| claim.address == address) {
        return Ok(());
    }
    let claims = claim.map_or("nothing".to_owned(), |claim| claim.address.to_string());
    Err(("I13", format!("{pod} was granted {address} for {} and claims {claims}", record.slot)))
}

/// An address never goes back to an earlier incarnation, and none that was gone when it asked gets one.
fn incarnation(ledger: &Ledger, address: Address, record: &Record) -> Result<(), Broken> {
    let Some(pod) = name(record) else { return Ok(()) };
    let Some(own) = ledger.cluster.pods.get(&record.owner.uid) else { return Ok(()) };
    let Attachment::Container(container) = &record.attachment else { return Ok(()) };
    let asked = ledger.cluster.containers.get(container).map_or(u64::MAX, |container| container.asked);
    if own.removed.is_some_and(|removed| removed < asked) {
        return Err(("I13", format!("{address} went to {}, which was gone when it asked", record.owner)));
    }
    let newer = ledger.cluster.present.get(pod).and_then(|uid| ledger.cluster.pods.get(uid));
    let newer = newer.filter(|newer| newer.number > own.number && newer.binding == Binding::Stateful);
    let uses = newer.and_then(|newer| {
        let mut own = ledger.cluster.containers.iter().filter(|(_, other)| other.owner == newer.owner.uid);
        own.find(|(id, other)| {
            matches!(&other.stage, crate::simulation::cluster::Stage::Running(all)
                if all.iter().any(|(_, used)| *used == address) && !other.given_up && *id != container)
        })
    });
    match uses {
        None => Ok(()),
        Some((id, _)) => Err((
            "I13",
            format!(
                "{address} went back to {}, and container {id} of a later one runs with it",
                record.owner
            ),
        )),
    }
}

/// A stateful owner's record goes only while its claim says that the address is given up.
fn freed(ledger: &Ledger, address: Address, old: &Record) -> Result<(), Broken> {
    let Some(pod) = name(old) else { return Ok(()) };
    let claim = ledger.claim(pod, &old.slot, address.family());
    // Given up once, the claim may have been put back while the write was on its way.
    let given_up = ledger.given_up.contains(&address);
    if !given_up && claim.is_some_and(|claim| claim.address == address && claim.state == ClaimState::Holds) {
        return Err(("I13", format!("{address} was taken from {pod}, which claims it")));
    }
    Ok(())
}

/// A claim names another address, or goes, only once nothing is left at the old one.
fn moved(ledger: &Ledger, pod: &NamespacedName, old: &[Claim], new: &[Claim]) -> Result<(), Broken> {
    for before in old {
        let same =
            |claim: &&Claim| claim.interface == before.interface && claim.ip_version == before.ip_version;
        let after = new.iter().find(same);
        if after.is_some_and(|after| after.address == before.address) {
            continue;
        }
        let what = after.map_or("goes".to_owned(), |after| format!("moves to {}", after.address));
        if before.state != ClaimState::Leaving {
            return Err((
                "I13",
                format!("the claim of {pod} to {} {what}, and it was not given up", before.address),
            ));
        }
        let left = ledger
            .held
            .get(&before.address)
            .is_some_and(|record| name(record) == Some(pod) && record.slot == before.interface);
        if left {
            return Err((
                "I13",
                format!("the claim of {pod} to {} {what}, and its record is there", before.address),
            ));
        }
    }
    Ok(())
}
