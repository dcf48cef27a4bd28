//! Branches that show in what was written.

use super::{Branch, hit};
use crate::{
    api::{Claim, ClaimState},
    model::{Attachment, Block, Plan},
    store::{Document, Key},
};

/// Counts what a write that took effect did.
pub(in crate::simulation) fn wrote(key: &Key, old: Option<&Document>, new: Option<&Document>) {
    match (key, old, new) {
        (Key::Block(_), Some(Document::Block(_)), None) => hit(Branch::BlockDropped),
        (Key::Block(_), None, Some(_)) => hit(Branch::BlockMade),
        (Key::Block(_), Some(Document::Block(old)), Some(Document::Block(new))) => block(old, new),
        (Key::Plan(_), None, Some(Document::Plan(new))) => {
            hit(if new.pending.is_empty() { Branch::PlanMade } else { Branch::PlanNarrowed });
        }
        (Key::Plan(_), Some(_), None) => hit(Branch::PlanBuried),
        (Key::Plan(_), Some(Document::Plan(old)), Some(Document::Plan(new))) => plan(old, new),
        (Key::Pool(_), Some(Document::Pool(old)), Some(Document::Pool(new)))
            if old.spec == new.spec
                && old.metadata == new.metadata
                && old.status.fence != new.status.fence =>
        {
            hit(Branch::PoolFenced);
        }
        (Key::Reservation(_), Some(Document::Reservation(old)), Some(Document::Reservation(new)))
            if old.spec == new.spec && old.status.fence != new.status.fence =>
        {
            hit(Branch::ReservationFenced);
        }
        (Key::Subnet(_), _, Some(Document::Subnet(new)))
            if new.status.controlled_ip_pools.as_ref().is_some_and(|text| text.contains("\"pending\"")) =>
        {
            hit(Branch::SubnetClaimed);
        }
        (Key::Endpoint(_), old, new) => endpoint(claims(old), claims(new)),
        _ => {}
    }
}

fn claims(document: Option<&Document>) -> &[Claim] {
    match document {
        Some(Document::Endpoint(endpoint)) => &endpoint.status.claims,
        _ => &[],
    }
}

fn endpoint(old: &[Claim], new: &[Claim]) {
    let same = |a: &Claim, b: &Claim| a.interface == b.interface && a.ip_version == b.ip_version;
    for claim in new {
        match old.iter().find(|before| same(before, claim)) {
            None => hit(Branch::ClaimMade),
            Some(before) if before.address != claim.address => hit(Branch::ClaimMoved),
            Some(before) if before.state != claim.state => match claim.state {
                ClaimState::Leaving => hit(Branch::ClaimLeaving),
                ClaimState::Holds => hit(Branch::ClaimBack),
            },
            Some(_) => {}
        }
    }
    if old.iter().any(|before| !new.iter().any(|claim| same(before, claim))) {
        hit(Branch::ClaimDropped);
    }
}

fn block(old: &Block, new: &Block) {
    let mut changes = 0;
    let mut granted = false;
    for offset in 0..new.bits().size() {
        let branch = match (old.record(offset), new.record(offset)) {
            (None, Some(_)) => {
                granted = true;
                changes += 1;
                continue;
            }
            (Some(_), None) if new.released_at(offset).is_some() => Branch::BlockReleased,
            (Some(_), None) => Branch::BlockUndone,
            (Some(old), Some(new)) if old == new => continue,
            (Some(_), Some(new)) if new.attachment == Attachment::Detached => Branch::BlockDetached,
            (Some(_), Some(_)) => Branch::BlockReattached,
            (None, None) => continue,
        };
        changes += 1;
        hit(branch);
    }
    let copied = old.copies() != new.copies();
    match (granted, copied, changes) {
        (true, true, _) => hit(Branch::BlockGrantInstalled),
        (true, false, _) => hit(Branch::BlockGrant),
        (false, true, 0) if new.copies().len() < old.copies().len() => hit(Branch::BlockCopiesDropped),
        (false, true, 0) => hit(Branch::BlockInstalled),
        (false, false, 0) => hit(Branch::BlockBumped),
        _ => {}
    }
    if changes > 1 {
        hit(Branch::BlockShared);
    }
}

fn plan(old: &Plan, new: &Plan) {
    let has = |plan: &Plan, edit: &str| plan.pending.iter().any(|entry| entry.edit == edit);
    let added = new.pending.iter().any(|entry| !has(old, &entry.edit));
    let dropped = old.pending.iter().filter(|entry| !has(new, &entry.edit));
    let (mut any, mut creation) = (false, false);
    for entry in dropped {
        any = true;
        creation |= entry.base.is_none() && entry.removed.is_disjoint(&new.usable.complement());
    }
    if added {
        hit(Branch::PlanNarrowed);
    } else if any && old.usable == new.usable {
        hit(Branch::PlanTakenBack);
    } else if new.pending.is_empty() {
        hit(Branch::PlanSettled);
    } else {
        hit(Branch::PlanWaits);
    }
    if creation {
        hit(Branch::PlanCreationDropped);
    }
}
