//! The life of a pod on its node: ADD, CHECK, DEL, as a kubelet asks for them, again and again.

use std::time::Duration;

use futures_util::future::{Either, select};

use super::{
    coverage::{Branch, hit},
    executor::ProcessId,
    names::parse,
    process::agent_of,
    requests,
    world::{Busy, Shared},
};
use crate::{
    model::Slot,
    name::{ContainerId, InterfaceName, OwnerUid},
    simulation::cluster::Stage,
};

/// The number under which the tasks of a node's kubelet run.
pub(super) const fn kubelet_of(node: usize) -> ProcessId {
    1_000 + node
}

/// How a container's time ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Another sandbox of the same pod.
    Restart,
    Delete,
    /// The pod goes at once, its container later.
    Force,
}

/// The whole life of a pod.
pub(super) async fn live(world: Shared, uid: OwnerUid) {
    let Some(_attended) = Attended::new(&world, &uid) else { return };
    let mut refused = 0;
    let mut first = true;
    loop {
        let busy = world.busy();
        let container: ContainerId = parse(format!("c{}", world.number()));
        world.ledger().cluster.starts(&container, &uid, false);
        let running = start(&world, &uid, &container, first).await;
        first = false;
        let next = match running {
            true => {
                drop(busy);
                stay(&world, &uid, &container).await
            }
            false => {
                refused += 1;
                let over =
                    refused > 3 || world.calm.is_closed() || world.closing.get() || !exists(&world, &uid);
                if over { Next::Delete } else { Next::Restart }
            }
        };
        let busy = world.busy();
        if next == Next::Force {
            hit(Branch::PodForced);
            remove(&world, &uid);
            world.rest(Duration::from_millis(300)).await;
        }
        end(&world, &container);
        if next == Next::Restart && running && world.chance(25) {
            hit(Branch::DelOverdue);
            let (late, uid) = (world.clone(), uid.clone());
            let node = node_of(&world, &uid);
            world.spawn(kubelet_of(node), async move {
                let _busy = late.busy();
                late.rest(Duration::from_millis(800)).await;
                delete(&late, &uid, &container).await;
            });
        } else {
            delete(&world, &uid, &container).await;
        }
        if next != Next::Restart {
            if next == Next::Delete {
                hit(Branch::PodDeleted);
                remove(&world, &uid);
            }
            return;
        }
        hit(Branch::PodRestarted);
        if !running {
            world.rest(Duration::from_millis(200)).await;
        }
        drop::<Busy>(busy);
    }
}

/// A pod that a kubelet looks after: one task of it, until that is dropped.
struct Attended(Shared, OwnerUid);

impl Attended {
    fn new(world: &Shared, uid: &OwnerUid) -> Option<Self> {
        world.attended.borrow_mut().insert(uid.clone()).then(|| Self(world.clone(), uid.clone()))
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        self.0.attended.borrow_mut().remove(&self.1);
    }
}

pub(super) fn node_of(world: &Shared, uid: &OwnerUid) -> usize {
    world.ledger().cluster.pods.get(uid).map_or(0, |pod| pod.node)
}

pub(super) fn exists(world: &Shared, uid: &OwnerUid) -> bool {
    let ledger = world.ledger();
    ledger.cluster.pods.get(uid).is_some_and(|pod| ledger.cluster.exists(&pod.owner))
}

/// The pod goes from the API server.
pub(super) fn remove(world: &Shared, uid: &OwnerUid) {
    let mut ledger = world.ledger();
    let name = ledger.cluster.pods.get(uid).and_then(|pod| pod.owner.pod.clone());
    if let Some(name) = name
        && ledger.cluster.present.get(&name) == Some(uid)
    {
        ledger.cluster.present.remove(&name);
        ledger.cluster.present_since.remove(&name);
        let now = ledger.now;
        if let Some(pod) = ledger.cluster.pods.get_mut(uid) {
            pod.removed = Some(now);
        }
        ledger.note(|| format!("pod {name} ({uid}) is gone from the API server"));
    }
}

pub(super) fn end(world: &Shared, container: &ContainerId) {
    let mut ledger = world.ledger();
    let now = ledger.now;
    ledger.note(|| format!("container {container} ends"));
    ledger.cluster.ends(container, now);
}

/// ADD until it is answered, or the kubelet gives up.
async fn start(world: &Shared, uid: &OwnerUid, container: &ContainerId, first: bool) -> bool {
    let patience = world.draw(|dice| [200, 3_000, 30_000][dice.index(3)]);
    for attempt in 0..2 {
        let Some(agent) = agent_of(world, node_of(world, uid)) else { return false };
        let asked = Box::pin(requests::add(world, agent, uid, container, first && attempt == 0));
        match select(asked, world.rest(Duration::from_millis(patience))).await {
            Either::Left((Some(true), _)) => return second(world, agent, uid, container).await,
            Either::Left((Some(false), _)) => return false,
            Either::Left((None, _)) => hit(Branch::NoAgent),
            Either::Right(_) => hit(Branch::KubeletGaveUp),
        }
        // Some runtimes ask once more for the same sandbox.
        if world.chance(70) {
            return false;
        }
        world.rest(Duration::from_millis(30)).await;
    }
    false
}

/// A second interface without a name gets it, mostly.
async fn second(world: &Shared, agent: ProcessId, uid: &OwnerUid, container: &ContainerId) -> bool {
    if !is_indexed(world, uid) || world.chance(30) {
        return true;
    }
    let asked = Box::pin(requests::add_second(world, agent, uid, container));
    match select(asked, world.rest(Duration::from_millis(5_000))).await {
        Either::Left((Some(done), _)) => done,
        Either::Left((None, _)) | Either::Right(_) => false,
    }
}

fn is_indexed(world: &Shared, uid: &OwnerUid) -> bool {
    let ledger = world.ledger();
    let pod = ledger.cluster.pods.get(uid);
    pod.is_some_and(|pod| pod.interfaces.iter().any(|interface| interface.slot == Slot::Indexed(1)))
}

/// Runs until something happens to it.
async fn stay(world: &Shared, uid: &OwnerUid, container: &ContainerId) -> Next {
    loop {
        world.rest(world.profile.life).await;
        world.calm.open().await;
        if world.closing.get() || !exists(world, uid) {
            return Next::Delete;
        }
        if world.chance(world.profile.force) {
            return Next::Force;
        }
        match world.draw(|dice| dice.below(100)) {
            0..14 => return Next::Restart,
            14..30 => return Next::Delete,
            30..45 => {
                if let Some(agent) = agent_of(world, node_of(world, uid)) {
                    requests::check(world, agent, container).await;
                }
            }
            _ => {}
        }
    }
}

/// DEL until it is answered with success; sometimes once more.
pub(super) async fn delete(world: &Shared, uid: &OwnerUid, container: &ContainerId) {
    if let Some(container) = world.ledger().cluster.containers.get_mut(container) {
        container.del_sent = true;
        debug_assert_eq!(container.stage, Stage::Ended);
    }
    // All at once, or one interface after the other; the first one also ends what nobody named.
    let mut left: Vec<Option<InterfaceName>> = match is_indexed(world, uid) && world.chance(80) {
        false => vec![None],
        true if world.chance(50) => vec![Some(parse("eth0")), Some(parse("eth1"))],
        true => vec![Some(parse("eth1")), Some(parse("eth0"))],
    };
    if world.chance(15) {
        hit(Branch::DelRepeated);
        left.push(None);
    }
    // The last is asked first.
    left.reverse();
    while let Some(interface) = left.last().cloned() {
        let last = left.len() == 1;
        let done = match agent_of(world, node_of(world, uid)) {
            Some(agent) => requests::del(world, agent, uid, container, interface, last).await,
            None => return,
        };
        match done {
            Some(true) => {
                left.pop();
                if !left.is_empty() {
                    world.rest(Duration::from_millis(200)).await;
                }
            }
            Some(false) => world.rest(Duration::from_millis(40)).await,
            None => {
                hit(Branch::NoAgent);
                world.rest(Duration::from_millis(150)).await;
            }
        }
    }
}
