//! Plans against their objects.

use std::collections::BTreeSet;

use super::{
    finding::{Finding, FindingKind},
    snapshot::Snapshot,
};
use crate::{
    addr::{Family, IpSet},
    model::{Pending, PlanId},
    protocol::{CREATION_GRACE, FENCE_GRACE},
    time::Timestamp,
    validate::shown,
};

pub(super) fn check(snapshot: &Snapshot, now: Timestamp, findings: &mut Vec<Finding>) {
    let Some(plans) = &snapshot.plans else { return };
    for plan in plans {
        let says = match &plan.id {
            PlanId::Reservations(scope, _) if *scope != snapshot.scope => continue,
            PlanId::Reservations(_, family) => match &snapshot.unreserved {
                Some(unreserved) => unreserved.get(family).cloned(),
                None => continue,
            },
            PlanId::Pool(uid) => match &snapshot.pools {
                Some(pools) => {
                    let mut own = pools.iter();
                    let own = own.find(|item| item.object.metadata.uid.as_deref() == Some(uid.as_str()));
                    // What cannot be read offers nothing.
                    own.map(|item| match &item.parsed {
                        Some(pool) => pool.usable(),
                        None => IpSet::new(plan.usable.family()),
                    })
                }
                None => continue,
            },
        };
        let object = match &plan.pool {
            Some(pool) => format!("{} of pool {pool}", plan.id),
            None => plan.id.to_string(),
        };
        let object = format!("plan {object}");
        for entry in &plan.pending {
            findings.push(in_flight(&object, entry, now));
        }
        match says {
            None => {
                let what = "there is no pool with this uid";
                findings.push(Finding::new(FindingKind::PlanWithoutObject, object, what));
            }
            Some(says) if says != plan.usable && plan.pending.is_empty() => {
                findings.push(Finding::new(FindingKind::PlanLags, object, difference(&plan.usable, &says)));
            }
            Some(_) => {}
        }
    }
    check_missing(snapshot, plans.iter().map(|plan| &plan.id).collect(), findings);
}

fn in_flight(object: &str, entry: &Pending, now: Timestamp) -> Finding {
    let age = now.since(entry.since);
    let grace = if entry.base.is_some() { FENCE_GRACE } else { CREATION_GRACE };
    let kind = if age >= grace { FindingKind::StaleEdit } else { FindingKind::PendingEdit };
    let removed = shown(&entry.removed);
    let what =
        format!("an edit of {} that takes {removed} away is in flight for {} s", entry.object, age.as_secs());
    Finding::new(kind, object, what)
}

fn difference(plan: &IpSet, object: &IpSet) -> String {
    let (more, less) = (plan.difference(object), object.difference(plan));
    match (more.is_empty(), less.is_empty()) {
        (false, true) => format!("it allows {} more than its object", shown(&more)),
        (true, _) => format!("it lacks {} of its object", shown(&less)),
        (false, false) => {
            format!("it allows {} more than its object and lacks {}", shown(&more), shown(&less))
        }
    }
}

fn check_missing(snapshot: &Snapshot, plans: BTreeSet<&PlanId>, findings: &mut Vec<Finding>) {
    let copied: BTreeSet<&PlanId> =
        snapshot.blocks.iter().flat_map(|block| block.copies()).map(|copy| &copy.plan).collect();
    let mut missing = |object: String, id: &PlanId| {
        if !plans.contains(id) {
            let what = match copied.contains(id) {
                true => "it has no plan, although blocks have copies of one",
                false => "it has no plan yet",
            };
            findings.push(Finding::new(FindingKind::ObjectWithoutPlan, object, what));
        }
    };
    for pool in snapshot.pools.iter().flatten().filter_map(|item| item.parsed.as_ref()) {
        missing(format!("pool {}", pool.name), &PlanId::Pool(pool.uid.clone()));
    }
    for family in [Family::V4, Family::V6] {
        let reserved = snapshot.unreserved.as_ref().and_then(|all| all.get(&family));
        if reserved.is_some_and(|unreserved| *unreserved != IpSet::everything(family)) {
            missing(format!("{family} reservations"), &PlanId::Reservations(snapshot.scope.clone(), family));
        }
    }
}
