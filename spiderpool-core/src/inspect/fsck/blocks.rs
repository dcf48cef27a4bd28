//! Blocks: their size, their copies, their records.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    finding::{Finding, FindingKind},
    snapshot::{PoolItem, Snapshot},
};
use crate::{
    addr::{Address, IpSet},
    model::{Binding, Block, Copy, Plan, PlanId},
    validate::shown,
};

pub(super) fn check(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    check_scope(snapshot, findings);
    check_copies(snapshot, findings);
    check_records(snapshot, findings);
    check_keys(snapshot, findings);
    check_deletions(snapshot, findings);
}

fn check_scope(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    match snapshot.bits {
        None if !snapshot.blocks.is_empty() => {
            let what = format!("there are {} blocks, but no document of the scope", snapshot.blocks.len());
            findings.push(Finding::new(FindingKind::NoScope, format!("scope {}", snapshot.scope), what));
        }
        None => {}
        Some(bits) => {
            for block in snapshot.blocks.iter().filter(|block| block.bits() != bits) {
                let what = format!(
                    "it has {} addresses, and blocks of the scope have {}",
                    block.bits().size(),
                    bits.size()
                );
                findings.push(Finding::new(FindingKind::BlockSize, block.id(), what));
            }
        }
    }
}

fn check_copies(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let Some(plans) = &snapshot.plans else { return };
    let plans: BTreeMap<&PlanId, &Plan> = plans.iter().map(|plan| (&plan.id, plan.as_ref())).collect();
    for block in &snapshot.blocks {
        for copy in block.copies() {
            match plans.get(&copy.plan) {
                Some(plan) => {
                    if let Some(what) = disagreement(block, copy, plan) {
                        findings.push(Finding::new(FindingKind::CopyDiffers, block.id(), what));
                    }
                }
                None if is_dead(snapshot, &copy.plan) => {
                    let what = format!("it has a copy of {}, which is gone", copy.plan);
                    findings.push(Finding::new(FindingKind::DeadCopy, block.id(), what));
                }
                // An object whose plan is missing is reported with the plans.
                None => {}
            }
        }
    }
}

/// Whether a plan without document belongs to a pool that is gone, too.
fn is_dead(snapshot: &Snapshot, plan: &PlanId) -> bool {
    let (PlanId::Pool(uid), Some(pools)) = (plan, &snapshot.pools) else { return false };
    !pools.iter().any(|item| item.object.metadata.uid.as_deref() == Some(uid.as_str()))
}

/// What is wrong with a copy. An older one is normal, as long as it allows nothing that the plan does not allow any
/// more: a block is brought up to date when an edit takes something away from it, or when a grant needs it.
pub(in crate::inspect) fn disagreement(block: &Block, copy: &Copy, plan: &Plan) -> Option<String> {
    let id = &copy.plan;
    if copy.epoch.birth != plan.epoch.birth {
        return Some(format!("its copy of {id} was taken from a plan that was lost and made again"));
    }
    if copy.epoch.n > plan.epoch.n {
        return Some(format!("its copy of {id} is newer than the plan: the plan was put back"));
    }
    let allowed = block.usable_of(plan);
    if copy.epoch == plan.epoch && copy.usable != allowed {
        return Some(format!("its copy of {id} differs from the plan that it was taken from"));
    }
    let leaving =
        plan.pending.iter().fold(IpSet::new(plan.usable.family()), |all, edit| all.union(&edit.removed));
    let more = copy.usable & !allowed & !leaving.window_mask(block.first(), block.bits().get());
    let mut addresses = IpSet::new(block.id().family);
    (0..block.bits().size()).filter(|offset| more & (1 << offset) != 0).for_each(|offset| {
        addresses.insert(block.address(offset));
    });
    (more != 0).then(|| format!("its copy of {id} allows {}, and the plan does not", shown(&addresses)))
}

fn check_records(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let Some(pools) = &snapshot.pools else { return };
    let by_uid: BTreeMap<&str, &PoolItem> =
        pools.iter().filter_map(|item| Some((item.object.metadata.uid.as_deref()?, item))).collect();
    let offered: BTreeMap<&str, Option<IpSet>> =
        by_uid.iter().map(|(uid, item)| (*uid, item.offered())).collect();
    for (address, record) in snapshot.records() {
        let holder = || format!("{} on node {}", record.owner, record.node);
        match (by_uid.get(record.pool.as_str()), offered.get(record.pool.as_str())) {
            (Some(item), Some(Some(offered))) if !offered.contains(address) => {
                let what = format!(
                    "{} holds it from pool {}, which does not offer it",
                    holder(),
                    item.object.metadata.name
                );
                findings.push(Finding::new(FindingKind::RecordOutside, address, what));
            }
            (None, _) => {
                let what = format!(
                    "{} holds it from a pool with uid {}, which does not exist",
                    holder(),
                    record.pool
                );
                findings.push(Finding::new(FindingKind::UnknownPool, address, what));
            }
            _ => {}
        }
        let unreserved = snapshot.unreserved.as_ref().and_then(|all| all.get(&address.family()));
        if unreserved.is_some_and(|unreserved| !unreserved.contains(address)) {
            let what = format!("it is reserved, and held by {}", holder());
            findings.push(Finding::new(FindingKind::HeldReserved, address, what));
        }
    }
}

/// At most one address per grant key, and per stateful owner's name (I13).
fn check_keys(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let mut keys: BTreeMap<String, BTreeSet<Address>> = BTreeMap::new();
    for (address, record) in snapshot.records() {
        let family = address.family();
        keys.entry(record.key(family).to_string()).or_default().insert(address);
        if let (Binding::Stateful, Some(pod)) = (record.binding, &record.owner.pod) {
            let name = format!("{family} {} of stateful pod {pod}", record.slot);
            keys.entry(name).or_default().insert(address);
        }
    }
    let mut reported = BTreeSet::new();
    for (key, addresses) in keys.into_iter().filter(|(_, addresses)| addresses.len() > 1) {
        let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        // The same two addresses of one stateful pod are found by both of its names.
        if reported.insert(addresses) {
            let what = format!("it holds {} at once", texts.join(", "));
            findings.push(Finding::new(FindingKind::DuplicateGrant, key, what));
        }
    }
}

fn check_deletions(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    if !snapshot.all_blocks {
        return;
    }
    let held: BTreeSet<&str> = snapshot.records().map(|(_, record)| record.pool.as_str()).collect();
    for item in snapshot.pools.iter().flatten() {
        let metadata = &item.object.metadata;
        if metadata.deletion_timestamp.is_some()
            && metadata.uid.as_deref().is_some_and(|uid| !held.contains(uid))
        {
            let what = "it is being deleted, and nobody holds an address of it any more";
            let object = format!("pool {}", metadata.name);
            findings.push(Finding::new(FindingKind::DeletionUnfinished, object, what));
        }
    }
}
