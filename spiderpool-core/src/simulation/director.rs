//! The course of a run: noise, calm, noise, calm, the end.

use std::time::Duration;

use super::{
    administrator, chaos,
    executor::ProcessId,
    keeper::{self, NOBODY},
    process::{self, Role, boot},
    quiet,
    world::{Command, Shared},
};
use crate::alloc::Allocator;

/// How long everything that is under way may take once no faults happen any more.
const SETTLING: u64 = 600;

/// Runs everything to its end.
pub(super) async fn direct(world: Shared) {
    let inspector = process::add(&world, Role::Inspector);
    let allocator = boot(world.clone(), inspector).await;
    if let Err(error) = administrator::prepare(&world, &allocator).await {
        return world.ledger().violated("setup", format!("the pools cannot be made: {error}"));
    }
    let agents = (0..world.profile.agents).map(Role::Agent);
    let administrators = (0..world.profile.administrators).map(|_| Role::Administrator);
    let roles: Vec<Role> = agents.chain(administrators).chain([Role::Controller]).collect();
    for role in roles {
        let process = process::add(&world, role);
        chaos::start(&world, process);
    }
    world.spawn(NOBODY, keeper::keep(world.clone()));
    world.spawn(NOBODY, chaos::rage(world.clone()));
    world.spawn(NOBODY, chaos::deliver(world.clone()));
    for phase in 1..=world.profile.phases {
        process::set_faults(&world, true);
        world.calm.set(false);
        let until = world.step.get() + world.profile.phase;
        let limit = world.cut.get().unwrap_or(u64::MAX);
        while world.step.get() < until.min(limit) {
            world.sleep(Duration::from_millis(100)).await;
        }
        let cut = world.step.get() >= limit;
        calm_down(&world).await;
        quiet::check(&world, inspector, &allocator).await;
        if cut {
            break;
        }
        if phase < world.profile.phases
            && let Err(error) = administrator::restore(&world, &allocator).await
        {
            world.ledger().violated("setup", format!("the pools cannot be restored: {error}"));
        }
    }
    finish(&world, inspector, &allocator).await;
    world.done.set(true);
}

/// Ends the noise and waits until nothing is under way.
async fn calm_down(world: &Shared) {
    world.calm.set(true);
    world.ledger().note(|| "calm".into());
    process::set_faults(world, false);
    world.command(Command::Spare);
    for process in 0..world.processes.borrow().len() {
        world.command(Command::Resume(process));
    }
    process::land(world).await;
    settle(world).await;
}

async fn settle(world: &Shared) {
    for _ in 0..SETTLING {
        if world.unsettled.get() == 0 {
            process::land(world).await;
            return;
        }
        world.sleep(Duration::from_secs(1)).await;
    }
    let left = world.unsettled.get();
    world
        .ledger()
        .violated("I10", format!("without faults, {left} things are still under way after {SETTLING} s"));
}

/// Everybody leaves, and nothing is left.
async fn finish(world: &Shared, inspector: ProcessId, allocator: &Allocator) {
    for number in 0..world.profile.controllers {
        keeper::scale(world, number, None).await;
    }
    world.closing.set(true);
    world.calm.set(false);
    world.sleep(Duration::from_secs(5)).await;
    settle(world).await;
    quiet::empty(world, inspector, allocator).await;
}
