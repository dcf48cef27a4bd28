//! Edits, by people who change their minds and whose programs die half-way.

use super::{
    coverage::{Branch, hit},
    executor::ProcessId,
    keeper::pool_names,
    names::parse,
    world::Shared,
};
use crate::{
    addr::Family,
    admin::{AdminError, Applied, Deletion, Freeing, Mode},
    alloc::Allocator,
    api::{
        IPPoolSpec, ObjectMeta, ReservedIPSpec, SpiderIPPool, SpiderReservedIP, SpiderSubnet, SubnetSpec,
        keys,
    },
    model::{Attachment, Binding},
    protocol::SandboxState,
};

/// The lowest number of an address.
const FIRST: u64 = 3;

/// An address of the simulation, by number; those of the second pools lie apart unless pools overlap.
fn text(family: Family, number: u64) -> String {
    match family {
        Family::V4 => format!("10.0.0.{number}"),
        Family::V6 => format!("fd00::{number:x}"),
    }
}

fn network(family: Family) -> &'static str {
    match family {
        Family::V4 => "10.0.0.0/24",
        Family::V6 => "fd00::/120",
    }
}

/// Numbers between the two pools of a family that neither begins with, and both may take.
const BETWEEN: u64 = 4;

/// The numbers that a pool begins with.
fn window(world: &Shared, second: bool) -> (u64, u64) {
    let size = world.profile.pool_size;
    let first = if second && !world.profile.overlap { FIRST + size + BETWEEN } else { FIRST };
    (first, first + size - 1)
}

/// The numbers that it may have.
fn reach(world: &Shared, second: bool) -> (u64, u64) {
    let (first, last) = window(world, second);
    match (world.profile.overlap, second) {
        (true, _) => (first, last),
        (false, true) => (first - BETWEEN, last),
        (false, false) => (first, last + BETWEEN),
    }
}

/// A pool with those of its numbers that `chosen` says.
fn pool(world: &Shared, family: Family, second: bool, mut chosen: impl FnMut(u64) -> bool) -> SpiderIPPool {
    let name = pool_names(family)[usize::from(second)];
    let (first, last) = reach(world, second);
    let ips = (first..=last).filter(|number| chosen(*number)).map(|number| text(family, number));
    let mut pool = SpiderIPPool {
        metadata: ObjectMeta { name: name.into(), ..ObjectMeta::default() },
        spec: IPPoolSpec { subnet: network(family).into(), ips: ips.collect(), ..IPPoolSpec::default() },
        ..SpiderIPPool::default()
    };
    // Inside the first pool's range: a gateway is never granted.
    pool.spec.gateway = Some(text(family, FIRST + 1));
    pool.spec.exclude_ips = vec![text(family, FIRST + 1)];
    let cooldown = world.profile.cooldown.as_millis();
    if cooldown > 0 {
        pool.metadata.annotations.insert(keys::COOLDOWN.into(), format!("{cooldown}ms"));
    }
    pool
}

/// What a pool begins with.
fn begins(world: &Shared, second: bool) -> impl Fn(u64) -> bool {
    let (first, last) = window(world, second);
    move |number| (first..=last).contains(&number)
}

/// Whole pools, before anything happens.
pub(super) async fn prepare(world: &Shared, allocator: &Allocator) -> Result<(), AdminError> {
    for family in families(world) {
        if world.profile.subnets {
            allocator.apply_subnet(&subnet(family, 200), Mode::Real).await?;
        }
        allocator.apply_pool(&pool(world, family, false, begins(world, false)), Mode::Real).await?;
        let second = pool(world, family, true, begins(world, true));
        match world.profile.overlap {
            false => drop(allocator.apply_pool(&second, Mode::Real).await?),
            true => past_validation(world, allocator, second).await?,
        }
    }
    Ok(())
}

/// A pool that nobody validated: the webhook was down.
async fn past_validation(
    world: &Shared,
    allocator: &Allocator,
    mut pool: SpiderIPPool,
) -> Result<(), AdminError> {
    hit(Branch::EditBypassed);
    pool.metadata.uid = Some(format!("bypass-{}", world.number()));
    let key = crate::store::Key::Pool(parse(&pool.metadata.name));
    allocator.store().create(&key, pool.into()).await?;
    Ok(())
}

fn families(world: &Shared) -> Vec<Family> {
    if world.profile.dual { vec![Family::V4, Family::V6] } else { vec![Family::V4] }
}

fn subnet(family: Family, last: u64) -> SpiderSubnet {
    let name = if family == Family::V4 { "home4" } else { "home6" };
    SpiderSubnet {
        metadata: ObjectMeta { name: name.into(), ..ObjectMeta::default() },
        spec: SubnetSpec {
            subnet: network(family).into(),
            ips: vec![format!("{}-{}", text(family, 1), text(family, last))],
            ..SubnetSpec::default()
        },
        ..SpiderSubnet::default()
    }
}

/// One edit after the other.
pub(super) async fn administer(world: Shared, process: ProcessId, allocator: Allocator) {
    loop {
        world.calm.open().await;
        if world.closing.get() {
            return;
        }
        world.rest(world.profile.edits).await;
        if world.calm.is_closed() {
            continue;
        }
        let _busy = world.busy();
        world.ledger().begins(process);
        let outcome = edit(&world, &allocator).await;
        let mut ledger = world.ledger();
        ledger.requests += 1;
        ledger.digest.number(outcome.is_ok().into());
        ledger.note(|| match &outcome {
            Ok(applied) => format!("process {process}: edit: {applied}"),
            Err(error) => format!("process {process}: edit: {error}"),
        });
        drop(ledger);
        count(&outcome);
    }
}

async fn edit(world: &Shared, allocator: &Allocator) -> Result<Applied, AdminError> {
    let all = families(world);
    let family = all[world.draw(|dice| dice.index(all.len()))];
    let second = world.chance(40);
    let name = parse(pool_names(family)[usize::from(second)]);
    let mode = if world.chance(10) { Mode::DryRun } else { Mode::Real };
    if mode == Mode::DryRun {
        hit(Branch::EditDry);
    }
    let reservation = if family == Family::V4 { "r4" } else { "r6" };
    match world.draw(|dice| dice.below(100)) {
        0..45 => {
            let keep = world.draw(|dice| [60, 85, 95, 100][dice.index(4)]);
            let (first, last) = window(world, second);
            let beyond = world.draw(|dice| [0, 20, 80][dice.index(3)]);
            let wanted = pool(world, family, second, |number| {
                world.chance(if (first..=last).contains(&number) { keep } else { beyond })
            });
            if wanted.spec.ips.is_empty() {
                return Ok(Applied::Unchanged);
            }
            let missing =
                !world.ledger().pools.values().any(|pool| pool.name.as_str() == wanted.metadata.name);
            // Applied past validation only where validation would refuse it for the overlap.
            if missing && second && world.profile.overlap && mode == Mode::Real {
                past_validation(world, allocator, wanted).await?;
                return Ok(Applied::Created { warnings: Vec::new() });
            }
            allocator.apply_pool(&wanted, mode).await
        }
        45..52 => allocator.delete_pool(&name, Deletion::Guarded, mode).await,
        52..58 => allocator.delete_pool(&name, Deletion::Terminate, mode).await,
        58..80 => {
            let share = world.draw(|dice| [5, 15, 30][dice.index(3)]);
            let (first, last) = (FIRST, window(world, true).1);
            let ips: Vec<String> =
                (first..=last).filter(|_| world.chance(share)).map(|n| text(family, n)).collect();
            if ips.is_empty() {
                return allocator.delete_reservation(&parse(reservation), mode).await;
            }
            let object = SpiderReservedIP {
                metadata: ObjectMeta { name: reservation.into(), ..ObjectMeta::default() },
                spec: ReservedIPSpec { ips, ..ReservedIPSpec::default() },
                ..SpiderReservedIP::default()
            };
            allocator.apply_reservation(&object, mode).await
        }
        80..90 => allocator.delete_reservation(&parse(reservation), mode).await,
        90..96 => release(world, allocator).await,
        _ if world.profile.subnets => {
            let home = parse(if family == Family::V4 { "home4" } else { "home6" });
            match world.draw(|dice| dice.below(4)) {
                0 | 1 if world.profile.subnets_stay => Ok(Applied::Unchanged),
                0 => allocator.delete_subnet(&home, Deletion::Guarded, mode).await,
                1 => allocator.delete_subnet(&home, Deletion::Terminate, mode).await,
                _ => {
                    let last = world.draw(|dice| dice.between(60, 200));
                    allocator.apply_subnet(&subnet(family, last), mode).await
                }
            }
        }
        _ => Ok(Applied::Unchanged),
    }
}

/// Takes an address from a pod whose container has ended and whose next one has not come yet; or has a binding judged,
/// whoever uses it.
async fn release(world: &Shared, allocator: &Allocator) -> Result<Applied, AdminError> {
    let found = {
        let ledger = world.ledger();
        let skip = world.draw(|dice| dice.index(ledger.held.len() + 1));
        ledger.held.iter().skip(skip).find_map(|(address, record)| {
            if record.binding == Binding::Stateful {
                return Some((*address, record.clone()));
            }
            let Attachment::Container(container) = &record.attachment else { return None };
            let ended = ledger.cluster.sandbox(container) == SandboxState::Gone;
            let wanted =
                ended && record.binding == Binding::Stateless && ledger.cluster.exists(&record.owner);
            wanted.then(|| (*address, record.clone()))
        })
    };
    let Some((address, record)) = found else { return Ok(Applied::Unchanged) };
    if allocator.release(address, &record).await? == Freeing::Freed {
        hit(Branch::AddressTaken);
    }
    Ok(Applied::Deleted)
}

fn count(outcome: &Result<Applied, AdminError>) {
    hit(match outcome {
        Ok(Applied::Created { .. }) => Branch::EditCreated,
        Ok(Applied::Configured { warnings }) if !warnings.is_empty() => Branch::EditWarned,
        Ok(Applied::Configured { .. }) => Branch::EditConfigured,
        Ok(Applied::Unchanged) => Branch::EditUnchanged,
        Ok(Applied::Deleted) => Branch::EditDeleted,
        Ok(Applied::Terminating { .. }) => Branch::EditTerminating,
        Err(AdminError::Held { .. }) => Branch::EditHeld,
        Err(AdminError::Taken { .. }) => Branch::EditTaken,
        Err(AdminError::InUse { .. }) => Branch::EditInUse,
        Err(AdminError::Invalid { .. }) => Branch::EditInvalid,
        Err(AdminError::NotFound { .. }) => Branch::EditMissing,
        Err(AdminError::Terminating { .. }) => Branch::EditOfTerminating,
        Err(_) => Branch::EditFailed,
    });
}

/// Every pool as wide as it can be, and no reservation: so that whoever is left can be served.
pub(super) async fn restore(world: &Shared, allocator: &Allocator) -> Result<(), AdminError> {
    for family in families(world) {
        let reservation = parse(if family == Family::V4 { "r4" } else { "r6" });
        match allocator.delete_reservation(&reservation, Mode::Real).await {
            Ok(_) | Err(AdminError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        for second in [false, true] {
            let wanted = pool(world, family, second, begins(world, second));
            let missing =
                !world.ledger().pools.values().any(|pool| pool.name.as_str() == wanted.metadata.name);
            if missing && second && world.profile.overlap {
                past_validation(world, allocator, wanted).await?;
                continue;
            }
            match allocator.apply_pool(&wanted, Mode::Real).await {
                Ok(_)
                | Err(
                    AdminError::Terminating { .. }
                    | AdminError::Invalid { .. }
                    | AdminError::Taken { .. }
                    | AdminError::Held { .. },
                ) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}
