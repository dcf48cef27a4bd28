//! The decision about one block: what an intent does to it. Pure; the heart of the allocator.

use std::{sync::Arc, time::Duration};

use super::{
    intent::{
        Action, Fence, Grant, How, Intent, Outcome, PoolRef, Reason, Release, ReleaseMode, Unusable, Withdraw,
    },
    machine::SandboxState,
    truth::{Truth, Truths},
};
use crate::{
    api::ClaimState,
    model::{Attachment, Binding, Block, GrantKey, Pick, Plan, Record},
    mutation::Mutation,
    name::NamespacedName,
    store::Token,
    time::Timestamp,
};

/// Whether applying an intent changed the block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// It has to be written.
    Changed,
    /// It is as before.
    Unchanged,
}

/// Applies `intent` to `block`, which was read with `token`.
///
/// # Errors
/// A truth that is needed and not among `truths`: read it (after the block's token) and apply again.
pub fn apply(
    intent: &Intent,
    block: &mut Block,
    token: &Token,
    truths: &Truths,
    now: Timestamp,
) -> Result<(Outcome, Effect), Truth> {
    match &intent.action {
        Action::Grant(grant) => grant_or_probe(grant, Purpose::Grant, block, truths, now),
        Action::Probe(grant) => grant_or_probe(grant, Purpose::Probe, block, truths, now),
        Action::Reattach(key, record) => Ok(reattach(key, record, block)),
        Action::Release(release) => Ok(self::release(release, block, now)),
        Action::Close(key, attempt) => Ok(close(key, attempt.as_ref(), block, token)),
        Action::Withdraw(withdraw) => self::withdraw(withdraw, block, truths, now),
        Action::Install(plans) => install(plans, block, truths),
    }
}

/// What becomes of an intent where there is no block. None: the block has to be made first.
#[must_use]
pub fn apply_to_absent(action: &Action) -> Option<Outcome> {
    match action {
        Action::Grant(_) | Action::Probe(_) => None,
        Action::Reattach(..) | Action::Release(_) | Action::Close(..) => Some(Outcome::Nothing),
        // Whoever makes the block from now on gets a token that is newer than the claim's.
        Action::Withdraw(_) => Some(Outcome::Withdrawn),
        Action::Install(_) => Some(Outcome::Installed(None)),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Grant,
    Probe,
}

const UNCHANGED: Effect = Effect::Unchanged;
const CHANGED: Effect = Effect::Changed;

fn grant_or_probe(
    grant: &Grant,
    purpose: Purpose,
    block: &mut Block,
    truths: &Truths,
    now: Timestamp,
) -> Result<(Outcome, Effect), Truth> {
    if let Some(endpoint) = &grant.claim {
        if let Some(refusal) = check_claim(grant, endpoint, truths)? {
            return Ok((refusal, UNCHANGED));
        }
        if let Some(answer) = take_over(grant, endpoint, block, truths)? {
            return Ok(answer);
        }
    }
    if let Some(offset) = block.find(&grant.key) {
        return Ok(match purpose {
            Purpose::Grant => reattach_at(offset, &grant.record, block),
            Purpose::Probe => (Outcome::WouldGrant(block.address(offset)), UNCHANGED),
        });
    }
    let place = match grant.wanted {
        None => block.bits().mask(),
        Some(address) => match block.offset(address) {
            Some(offset) => 1 << offset,
            None => return Ok((Outcome::Unusable(Unusable::NotInPool), UNCHANGED)),
        },
    };
    let (pool, reservations) = (grant.pool.plan(), grant.pool.reservations());
    let cooldown = if Mutation::GrantIgnoresCooling.active() { Duration::ZERO } else { grant.pool.cooldown };
    let all = if Mutation::IgnoreReservations.active() { u64::MAX } else { 0 };
    if let (Some(offered), Some(unreserved)) = (block.copy(&pool), block.copy(&reservations))
        && let Pick::Free(offset) =
            block.pick(offered.usable & (unreserved.usable | all) & place, now, cooldown)
    {
        return Ok(settle_on(offset, grant, purpose, block));
    }
    if grant.wanted.is_none() && block.held() == block.bits().mask() && !Mutation::CopyWithoutGrant.active() {
        // Whatever the plans say.
        return Ok((Outcome::Full, UNCHANGED));
    }
    let [pool_plan, reservation_plan] = match Mutation::PlanFromCache.active() {
        true => [Some(remembered(&grant.pool)), truths.plan(&reservations)?.cloned()],
        false => truths.both_plans([&pool, &reservations])?.map(Option::<&_>::cloned),
    };
    let Some(pool_plan) = pool_plan else { return Ok((Outcome::NoPlan(pool), UNCHANGED)) };
    let Some(reservation_plan) = reservation_plan else {
        return Ok((Outcome::NoPlan(reservations), UNCHANGED));
    };
    let offered = block.usable_of(&pool_plan);
    let unreserved = block.usable_of(&reservation_plan) | all;
    Ok(match block.pick(offered & unreserved & place, now, cooldown) {
        Pick::Free(offset) => {
            if purpose == Purpose::Grant {
                block.install(&pool_plan);
                block.install(&reservation_plan);
            }
            settle_on(offset, grant, purpose, block)
        }
        Pick::Cooling(until) => (Outcome::Cooling(until), UNCHANGED),
        Pick::Full => {
            let outcome = match grant.wanted.and_then(|address| block.record_of(address)) {
                _ if grant.wanted.is_none() => Outcome::Full,
                Some(record) => Outcome::Unusable(Unusable::Held(record.clone())),
                None if offered & place == 0 => Outcome::Unusable(Unusable::NotInPool),
                None => Outcome::Unusable(Unusable::Reserved),
            };
            if Mutation::CopyWithoutGrant.active() {
                block.install(&pool_plan);
                return Ok((outcome, CHANGED));
            }
            (outcome, UNCHANGED)
        }
    })
}

/// A plan as the request believes it is.
fn remembered(pool: &PoolRef) -> Arc<Plan> {
    let mut remembered = Plan::empty(pool.plan(), Some(pool.name.clone()), pool.family, 0);
    remembered.set_usable(pool.usable.as_ref().clone());
    Arc::new(remembered)
}

fn settle_on(offset: u8, grant: &Grant, purpose: Purpose, block: &mut Block) -> (Outcome, Effect) {
    let address = block.address(offset);
    match purpose {
        Purpose::Probe => (Outcome::WouldGrant(address), UNCHANGED),
        Purpose::Grant => {
            block.put(offset, grant.record.clone());
            (Outcome::Granted(address, How::New, grant.record.clone()), CHANGED)
        }
    }
}

/// Rule 9a: the claim still holds the address, and the pod of this name is this owner.
fn check_claim(grant: &Grant, endpoint: &NamespacedName, truths: &Truths) -> Result<Option<Outcome>, Truth> {
    let holds = Mutation::ClaimNotRead.active()
        || truths.claim(endpoint)?.is_some_and(|endpoint| {
            endpoint.status.claims.iter().any(|claim| {
                claim.interface == grant.key.slot
                    && claim.ip_version == grant.key.family
                    && Some(claim.address) == grant.wanted
                    && claim.state == ClaimState::Holds
            })
        });
    if !holds {
        return Ok(Some(Outcome::ClaimMoved));
    }
    if !Mutation::PodNotRead.active() && truths.pod(endpoint)? != Some(&grant.key.owner) {
        return Ok(Some(Outcome::PodReplaced));
    }
    Ok(None)
}

/// Rule 9b: the owner's name may hold the address already, through this or another incarnation.
fn take_over(
    grant: &Grant,
    pod: &NamespacedName,
    block: &mut Block,
    truths: &Truths,
) -> Result<Option<(Outcome, Effect)>, Truth> {
    let Some(offset) = grant.wanted.and_then(|address| block.offset(address)) else { return Ok(None) };
    let Some(record) = block.record(offset).cloned() else { return Ok(None) };
    if record.owner.pod.as_ref() != Some(pod) {
        return Ok(None);
    }
    let own_slot = record.slot == grant.record.slot;
    if !own_slot || record.binding != Binding::Stateful {
        return Ok(None);
    }
    if record.pool != grant.pool.uid {
        return Ok(Some((Outcome::Unusable(Unusable::NotInPool), UNCHANGED)));
    }
    if record.owner.uid != grant.record.owner.uid {
        let gone = match &record.attachment {
            Attachment::Detached => true,
            Attachment::Container(_) if Mutation::TakeOverRunning.active() => true,
            Attachment::Container(container) => {
                truths.sandbox(&record.node, container)? == SandboxState::Gone
            }
            Attachment::Unknown => false,
        };
        if !gone {
            return Ok(Some((Outcome::Busy(record.node.clone()), UNCHANGED)));
        }
    }
    Ok(Some(reattach_at(offset, &grant.record, block)))
}

fn reattach(key: &GrantKey, record: &Arc<Record>, block: &mut Block) -> (Outcome, Effect) {
    match block.find(key) {
        Some(offset) => reattach_at(offset, record, block),
        None => (Outcome::Nothing, UNCHANGED),
    }
}

fn reattach_at(offset: u8, wanted: &Arc<Record>, block: &mut Block) -> (Outcome, Effect) {
    let address = block.address(offset);
    let Some(found) = block.record(offset).cloned() else { return (Outcome::Nothing, UNCHANGED) };
    let named = wanted.interface.is_none() || found.interface == wanted.interface;
    if found.owner.uid == wanted.owner.uid && found.attachment == wanted.attachment && named {
        return (Outcome::Granted(address, How::Found, found), UNCHANGED);
    }
    // Pool and time are those of the grant; everything about the container is the new one's.
    let record = Arc::new(Record {
        pool: found.pool.clone(),
        since: found.since,
        interface: wanted.interface.clone().or_else(|| found.interface.clone()),
        ..Record::clone(wanted)
    });
    block.put(offset, record.clone());
    (Outcome::Granted(address, How::Reattached, record), CHANGED)
}

fn release(release: &Release, block: &mut Block, now: Timestamp) -> (Outcome, Effect) {
    let place = match &release.fence {
        Fence::Seen(address, _) => block.offset(*address),
        Fence::Container(_) | Fence::Owner => block.find(&release.key),
    };
    let Some(offset) = place else { return (Outcome::Nothing, UNCHANGED) };
    let address = block.address(offset);
    let Some(record) = block.record(offset).cloned() else { return (Outcome::Nothing, UNCHANGED) };
    if let Fence::Seen(_, seen) = &release.fence
        && *seen != record
        && !Mutation::UnfencedRelease.active()
    {
        return (Outcome::Superseded(address), UNCHANGED);
    }
    if let Fence::Container(container) = &release.fence
        && !record.attachment.matches(container)
        && !Mutation::UnfencedRelease.active()
    {
        return (Outcome::Superseded(address), UNCHANGED);
    }
    let stays = record.binding == Binding::Stateful && !Mutation::DelFreesStateful.active();
    if release.mode == ReleaseMode::Del && stays {
        if record.attachment == Attachment::Detached {
            return (Outcome::Detached(address), UNCHANGED);
        }
        let detached = Record { attachment: Attachment::Detached, ..Record::clone(&record) };
        block.put(offset, Arc::new(detached));
        return (Outcome::Detached(address), CHANGED);
    }
    let cools = match release.mode {
        ReleaseMode::Del | ReleaseMode::Free => !Mutation::ReleaseDoesNotCool.active(),
        ReleaseMode::Undo => Mutation::UndoCools.active(),
    };
    let cooling = cools.then_some(now);
    block.take(offset, cooling);
    (Outcome::Released(address), CHANGED)
}

/// Rule 7: an attempt whose write had no definite reply. Another token: the write took effect, and its record is
/// here, or it is dead. The same token: make it dead, also where the key holds an address here: that may be the record
/// of an older container, and the write would reattach it.
fn close(key: &GrantKey, attempt: Option<&Token>, block: &mut Block, token: &Token) -> (Outcome, Effect) {
    let decided = attempt.is_some_and(|attempt| attempt != token) || Mutation::CloseWithoutBump.active();
    let found =
        block.find(key).and_then(|offset| Some((block.address(offset), block.record(offset)?.clone())));
    let outcome = match found {
        Some((address, record)) => Outcome::Granted(address, How::Found, record),
        None => Outcome::Nothing,
    };
    if decided || (outcome != Outcome::Nothing && Mutation::CloseForgetsReattaching.active()) {
        return (outcome, UNCHANGED);
    }
    block.bump();
    (outcome, CHANGED)
}

/// Rule 9c, the second of three writes: only while the claim says that the address is being left.
fn withdraw(
    withdraw: &Withdraw,
    block: &mut Block,
    truths: &Truths,
    now: Timestamp,
) -> Result<(Outcome, Effect), Truth> {
    let leaving = truths.claim(&withdraw.pod)?.is_some_and(|endpoint| {
        endpoint.status.claims.iter().any(|claim| {
            claim.interface == withdraw.slot
                && claim.ip_version == withdraw.address.family()
                && claim.address == withdraw.address
                && claim.state == ClaimState::Leaving
        })
    });
    if !leaving {
        return Ok((Outcome::ClaimMoved, UNCHANGED));
    }
    let unwanted = withdraw.reason == Reason::Unwanted;
    if unwanted && !Mutation::UnbindBeforePod.active() && truths.pod(&withdraw.pod)?.is_some() {
        return Ok((Outcome::PodReplaced, UNCHANGED));
    }
    let own = block
        .offset(withdraw.address)
        .and_then(|offset| Some((offset, block.record(offset)?.clone())))
        .filter(|(_, record)| {
            record.owner.pod.as_ref() == Some(&withdraw.pod) && record.slot == withdraw.slot
        });
    let Some((offset, record)) = own else {
        if unwanted && Mutation::UnbindNeedsRecord.active() {
            return Ok((Outcome::ClaimMoved, UNCHANGED));
        }
        if Mutation::WithdrawWithoutBump.active() {
            return Ok((Outcome::Withdrawn, UNCHANGED));
        }
        block.bump();
        return Ok((Outcome::Withdrawn, CHANGED));
    };
    let gone = match &record.attachment {
        Attachment::Detached => true,
        Attachment::Container(_) if Mutation::UnbindRunning.active() => true,
        Attachment::Container(container) => truths.sandbox(&record.node, container)? == SandboxState::Gone,
        Attachment::Unknown => false,
    };
    if !gone {
        return Ok((Outcome::Busy(record.node.clone()), UNCHANGED));
    }
    block.take(offset, Some(now));
    Ok((Outcome::Withdrawn, CHANGED))
}

fn install(
    plans: &[crate::model::PlanId],
    block: &mut Block,
    truths: &Truths,
) -> Result<(Outcome, Effect), Truth> {
    let mut effect = UNCHANGED;
    for id in plans {
        let Some(plan) = truths.plan(id)? else { continue };
        if block.copy(id).is_none_or(|copy| copy.epoch != plan.epoch) {
            block.install(plan);
            effect = CHANGED;
        }
    }
    Ok((Outcome::Installed(Some(Arc::new(block.clone()))), effect))
}
