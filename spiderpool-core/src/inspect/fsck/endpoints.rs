//! Endpoints against records: claims of stateful owners, and views.

use std::{collections::BTreeMap, collections::BTreeSet, sync::Arc};

use super::{
    finding::{Finding, FindingKind},
    snapshot::Snapshot,
};
use crate::{
    addr::Address,
    api::{Claim, ClaimState, SpiderEndpoint},
    endpoint::shown_addresses,
    model::{Binding, Record},
    name::NamespacedName,
};

type Records<'a> = BTreeMap<Address, &'a Arc<Record>>;

pub(super) fn check(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let Some(endpoints) = &snapshot.endpoints else { return };
    let records: Records<'_> = snapshot.records().collect();
    if snapshot.all_blocks {
        for (name, endpoint) in endpoints {
            for claim in &endpoint.status.claims {
                findings.extend(check_claim(name, claim, &records));
            }
            findings.extend(check_view(name, endpoint, &records));
        }
    }
    for (address, record) in &records {
        findings.extend(check_record(*address, record, endpoints));
    }
}

fn check_claim(name: &NamespacedName, claim: &Claim, records: &Records<'_>) -> Option<Finding> {
    let Claim { interface, address, state, .. } = claim;
    let record = records.get(address);
    if record.is_some_and(|record| record.owner.pod.as_ref() == Some(name) && record.slot == *interface) {
        return None;
    }
    let (verb, kind) = match state {
        ClaimState::Holds => ("claims", FindingKind::ClaimWithoutRecord),
        ClaimState::Leaving => ("gave up", FindingKind::ClaimLeaving),
    };
    let holder = match record {
        Some(record) => format!("{} holds it", record.owner),
        None => "nobody holds it".to_owned(),
    };
    let what = format!("it {verb} {address} for {interface}, and {holder}");
    Some(Finding::new(kind, format!("endpoint {name}"), what))
}

fn check_record(
    address: Address,
    record: &Record,
    endpoints: &BTreeMap<NamespacedName, Arc<SpiderEndpoint>>,
) -> Option<Finding> {
    let pod = record.owner.pod.as_ref().filter(|_| record.binding == Binding::Stateful)?;
    let claims = endpoints.get(pod).map(|endpoint| endpoint.status.claims.as_slice()).unwrap_or_default();
    let claimed = claims.iter().any(|claim| claim.address == address && claim.interface == record.slot);
    (!claimed).then(|| {
        let what = format!("{} holds it for {} without a claim in its endpoint", record.owner, record.slot);
        Finding::new(FindingKind::RecordWithoutClaim, address, what)
    })
}

fn check_view(name: &NamespacedName, endpoint: &SpiderEndpoint, records: &Records<'_>) -> Option<Finding> {
    let current = &endpoint.status.current;
    if current.ips.is_empty() {
        // A claim that no view was written for.
        return None;
    }
    let shown: BTreeSet<Address> = shown_addresses(endpoint).collect();
    let is_own = |record: &Record| record.owner.uid.as_str() == current.uid;
    let held: BTreeSet<Address> = records
        .iter()
        .filter(|(_, record)| is_own(record) && record.owner.pod.as_ref() == Some(name))
        .map(|(address, _)| *address)
        .collect();
    let list = |addresses: &mut dyn Iterator<Item = &Address>| {
        addresses.map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let (more, less) = (list(&mut shown.difference(&held)), list(&mut held.difference(&shown)));
    let what = match (more.is_empty(), less.is_empty()) {
        (true, true) => return None,
        (false, true) => format!("it shows {more}, which its pod does not hold"),
        (true, false) => format!("it does not show {less}, which its pod holds"),
        (false, false) => {
            format!("it shows {more}, which its pod does not hold, and not {less}, which it holds")
        }
    };
    Some(Finding::new(FindingKind::ViewDiffers, format!("endpoint {name}"), what))
}
