//! What goes wrong besides the store: processes die and stand still, machines are lost, clocks jump.

use std::time::Duration;

use super::{
    administrator::administer,
    cluster::Stage,
    controller::control,
    coverage::{Branch, hit},
    executor::ProcessId,
    keeper::NOBODY,
    kubelet::{delete, end, kubelet_of, live, remove},
    process::{self, Role, boot},
    profile::Memory,
    world::{Command, Shared},
};
use crate::name::{ContainerId, OwnerUid};

/// Starts `process` and whatever it does by itself.
pub(super) fn start(world: &Shared, process: ProcessId) {
    world.processes.borrow_mut()[process].up = true;
    let own = world.clone();
    world.spawn(process, async move {
        let allocator = boot(own.clone(), process).await;
        let role = own.processes.borrow()[process].role;
        match role {
            Role::Administrator => administer(own, process, allocator).await,
            Role::Controller => control(own, process, allocator).await,
            Role::Agent(_) | Role::Inspector => {}
        }
    });
}

/// Goes on for ever, but for calm times.
pub(super) async fn rage(world: Shared) {
    loop {
        world.calm.open().await;
        if world.closing.get() {
            return;
        }
        world.rest(world.profile.unrest).await;
        if world.calm.is_closed() {
            continue;
        }
        match world.draw(|dice| dice.below(100)) {
            0..45 => crash(&world),
            45..65 => pause(&world),
            65..78 => partition(&world),
            78..86 => jump(&world),
            86..92 => process::land(&world).await,
            92..97 => lose_machine(&world),
            _ => give_up(&world),
        }
    }
}

/// Late writes arrive in the end: no request is under way for longer than this.
pub(super) async fn deliver(world: Shared) {
    loop {
        world.sleep(Duration::from_secs(25)).await;
        process::land(&world).await;
    }
}

fn any(world: &Shared) -> ProcessId {
    let all = process::of_role(world, |role| role != Role::Inspector);
    all[world.draw(|dice| dice.index(all.len()))]
}

/// A process dies, now or a few polls later, and comes back.
fn crash(world: &Shared) {
    let process = any(world);
    let polls = world.draw(|dice| dice.below(40));
    world.command(Command::KillAfter(process, polls));
}

/// What happens once a process is dead.
pub(super) fn died(world: &Shared, process: ProcessId) {
    let role = world.processes.borrow()[process].role;
    hit(match role {
        Role::Agent(_) => Branch::AgentCrash,
        Role::Administrator => Branch::AdminCrash,
        Role::Controller | Role::Inspector => Branch::ControllerCrash,
    });
    if let Role::Agent(node) = role
        && world.profile.memory == Memory::Blocks
    {
        forget(world, node, false);
    }
    let own = world.clone();
    world.ledger().note(|| format!("process {process} died"));
    world.spawn(NOBODY, async move {
        let _busy = own.busy();
        own.rest(Duration::from_millis(300)).await;
        start(&own, process);
    });
}

/// Containers of a node of which its agent does not know for certain what they hold any more.
fn forget(world: &Shared, node: usize, all: bool) {
    let mut ledger = world.ledger();
    let cluster = &mut ledger.cluster;
    for container in cluster.containers.values_mut() {
        let there = cluster.pods.get(&container.owner).is_some_and(|pod| pod.node == node);
        if there && (all || !matches!(container.stage, Stage::Running(_))) {
            container.forgotten = true;
        }
    }
}

/// A process stands still, and what it does next rests on what was true before.
fn pause(world: &Shared) {
    let process = any(world);
    hit(Branch::Paused);
    world.processes.borrow_mut()[process].pauses += 1;
    world.ledger().began.remove(&process);
    for container in world.ledger().cluster.containers.values_mut().filter(|container| container.adds > 0) {
        container.disturbed = true;
    }
    world.command(Command::Pause(process));
    let own = world.clone();
    let mean = world.draw(|dice| [100, 2_000, 45_000][dice.index(3)]);
    world.ledger().note(|| format!("process {process} stands still"));
    world.spawn(NOBODY, async move {
        let _busy = own.busy();
        own.rest(Duration::from_millis(mean)).await;
        own.command(Command::Resume(process));
    });
}

/// A process cannot reach the store for a while.
fn partition(world: &Shared) {
    let process = any(world);
    hit(Branch::Partition);
    let faults = world.processes.borrow()[process].faults.clone();
    faults.crash(world.draw(|dice| dice.between(1, 5)), crate::store::Fault::After);
    let own = world.clone();
    world.spawn(NOBODY, async move {
        let _busy = own.busy();
        own.rest(Duration::from_millis(800)).await;
        faults.restart();
    });
}

/// A wall clock jumps, within what the profile allows.
fn jump(world: &Shared) {
    let most = world.profile.skew;
    if most == 0 {
        return;
    }
    let offset = world.draw(|dice| dice.between(0, 2 * most as u64)) as i64 - most;
    hit(if offset > 0 { Branch::ClockForward } else { Branch::ClockBack });
    world.processes.borrow()[any(world)].clock.set_off(offset);
}

/// A machine is lost: containers, kubelet, agent, sometimes the disk with the log. It comes back empty.
fn lose_machine(world: &Shared) {
    let node = world.draw(|dice| dice.index(world.profile.agents));
    let Some(agent) = process::agent_of(world, node) else { return };
    hit(Branch::MachineLost);
    world.ledger().note(|| format!("machine {node} is lost"));
    let lost = world.chance(50);
    if lost && let Some(log) = world.processes.borrow()[agent].log.clone() {
        hit(Branch::LogLost);
        log.lose();
    }
    let remembers = !lost && world.profile.memory == Memory::Log;
    let (containers, pods) = on_node(world, node);
    for (container, _) in &containers {
        end(world, container);
    }
    if !remembers {
        forget(world, node, true);
    }
    world.command(Command::End(kubelet_of(node)));
    world.command(Command::Kill(agent));
    let own = world.clone();
    world.spawn(NOBODY, async move {
        let _busy = own.busy();
        own.rest(Duration::from_millis(500)).await;
        // Its pods go, or start again; what was left of them is deleted, or is the sweep's.
        for (container, uid) in containers {
            if own.chance(60) {
                let world = own.clone();
                own.spawn(kubelet_of(node), async move {
                    let _busy = world.busy();
                    delete(&world, &uid, &container).await;
                });
            }
        }
        for uid in pods {
            match own.chance(50) {
                true => remove(&own, &uid),
                false => own.spawn(kubelet_of(node), live(own.clone(), uid)),
            }
        }
    });
}

/// The containers of a node that are not deleted yet, and its pods.
fn on_node(world: &Shared, node: usize) -> (Vec<(ContainerId, OwnerUid)>, Vec<OwnerUid>) {
    let ledger = world.ledger();
    let cluster = &ledger.cluster;
    let there = |uid: &OwnerUid| cluster.pods.get(uid).is_some_and(|pod| pod.node == node);
    let containers = cluster.containers.iter();
    let containers = containers.filter(|(_, container)| !container.deleted && there(&container.owner));
    let containers = containers.map(|(id, container)| (id.clone(), container.owner.clone())).collect();
    let pods = cluster.present.values().filter(|uid| there(uid)).cloned().collect();
    (containers, pods)
}

/// A node is given up although it runs: its pods go from the API server, and the second source calls its sandboxes
/// gone. What runs there keeps running, and never gets its addresses back.
fn give_up(world: &Shared) {
    let node = world.draw(|dice| dice.index(world.profile.agents));
    hit(Branch::GivenUp);
    let (containers, pods) = on_node(world, node);
    let mut ledger = world.ledger();
    ledger.note(|| format!("node {node} is given up"));
    for (container, _) in containers {
        if let Some(container) = ledger.cluster.containers.get_mut(&container) {
            container.given_up = true;
        }
    }
    drop(ledger);
    for uid in pods {
        remove(world, &uid);
    }
}
