//! Requests to agents, and what is asked of their answers.

use std::{sync::Arc, time::Duration};

use super::{
    cluster::Pod,
    coverage::{Branch, hit, hits},
    executor::ProcessId,
    invariants::{self, Window, answered_whole, refused_leaves_nothing, refused_rightly},
    names::parse,
    views,
    world::{Asked, Shared},
};
use crate::{
    addr::Address,
    alloc::{AddError, AddPart, AddRequest, Allocation, DelRequest},
    inspect::Holding,
    model::{Attachment, Owner, Slot},
    name::{ContainerId, InterfaceName, OwnerUid, ScopeName},
    protocol::{Fence, How, PoolRef, Refusal, ReleaseMode, Wait},
    simulation::cluster::Stage,
};

/// Asks for all addresses of a pod's container. None: no agent.
pub(super) async fn add(
    world: &Shared,
    agent: ProcessId,
    uid: &OwnerUid,
    container: &ContainerId,
    first: bool,
) -> Option<bool> {
    let pod = world.ledger().cluster.pods.get(uid).cloned()?;
    let request = request_of(world, agent, &pod, container);
    if request.parts.iter().any(|part| part.candidates.is_empty()) {
        return Some(false);
    }
    let asked: Vec<(Slot, crate::addr::Family)> =
        request.parts.iter().map(|part| (part.slot.clone(), part.family)).collect();
    let own = world.clone();
    let answer = world
        .call(agent, |allocator| async move {
            let hand = Hand::new(own.clone(), agent, &request);
            let before = held_by(&own, &request.owner);
            let faults = faults_of(&own, agent);
            let answer = allocator.add(&request).await;
            let undisturbed = faults == faults_of(&own, agent);
            judge_add(&own, &request, &hand, &answer, (first && undisturbed).then_some(&before[..]));
            if let Ok(granted) = &answer {
                views::show(&own, agent, &allocator, &request, granted);
            }
            answer
        })
        .await?;
    let Ok(granted) = answer else { return Some(false) };
    let addresses: Vec<(Slot, Address)> =
        granted.iter().map(|granted| (granted.slot.clone(), granted.address)).collect();
    accept(world, container, &asked, addresses);
    Some(true)
}

/// With unnamed `ippools`: the ADD of the second interface, which gets what the first one has taken for it.
pub(super) async fn add_second(
    world: &Shared,
    agent: ProcessId,
    uid: &OwnerUid,
    container: &ContainerId,
) -> Option<bool> {
    let pod = world.ledger().cluster.pods.get(uid).cloned()?;
    let mut request = request_of(world, agent, &pod, container);
    request.parts.retain(|part| part.slot == Slot::Indexed(1));
    for part in &mut request.parts {
        part.interface = Some(parse("eth1"));
    }
    let own = world.clone();
    let answer = world
        .call(agent, |allocator| async move {
            let _hand = Hand::new(own.clone(), agent, &request);
            let answer = allocator.add(&request).await;
            if let Ok(granted) = &answer {
                views::show(&own, agent, &allocator, &request, granted);
            }
            answer
        })
        .await?;
    let mut ledger = world.ledger();
    ledger.requests += 1;
    let Ok(granted) = answer else { return Some(false) };
    let known = match ledger.cluster.containers.get(container).map(|container| &container.stage) {
        Some(Stage::Running(addresses)) => addresses.clone(),
        _ => return Some(true),
    };
    for granted in granted {
        if granted.how == How::Reattached {
            hit(Branch::AddNamed);
        }
        if !known.iter().any(|(_, address)| *address == granted.address) {
            let what = format!(
                "the second interface of container {container} got {}, and had another",
                granted.address
            );
            ledger.violated("I9", what);
        }
    }
    Some(true)
}

/// A kubelet takes an answer.
fn accept(
    world: &Shared,
    id: &ContainerId,
    asked: &[(Slot, crate::addr::Family)],
    addresses: Vec<(Slot, Address)>,
) {
    let mut ledger = world.ledger();
    let Some(container) = ledger.cluster.containers.get(id) else { return };
    if container.stage != Stage::Starting {
        return;
    }
    let given_up = container.given_up;
    let mut broken = answered_whole(id, asked, &addresses).err();
    for (_, address) in &addresses {
        if !given_up && broken.is_none() {
            broken = invariants::check_answer(&ledger, id, *address).err();
        }
        ledger.digest.number(address.value() as u64);
    }
    ledger.note(|| format!("container {id} runs with {addresses:?}"));
    if let Some((invariant, what)) = broken {
        ledger.violated(invariant, what);
    }
    ledger.cluster.runs(id, addresses);
}

/// A request that an agent has in hand; put down when dropped.
struct Hand {
    world: Shared,
    agent: ProcessId,
    container: ContainerId,
    started: u64,
    number: u64,
}

impl Hand {
    fn new(world: Shared, agent: ProcessId, request: &AddRequest) -> Self {
        let started = world.time.now();
        let number = world.number();
        world.windows.borrow_mut().push(Asked { agent, number, began: started, ended: None });
        let container = request.container.clone();
        if let Some(container) = world.ledger().cluster.containers.get_mut(&container) {
            container.adds += 1;
            container.asked = started;
            let timeout = u64::try_from(request.timeout.as_micros()).unwrap_or(u64::MAX);
            // Of two requests the one that may run longer counts.
            let before = if container.deadline == u64::MAX { 0 } else { container.deadline };
            container.deadline = started.saturating_add(timeout).max(before);
        }
        Self { world, agent, container, started, number }
    }

    /// From when on a proof may be what this request was answered by: one is believed for a second, and may have begun
    /// with any request of that agent that was under way then.
    fn window(&self) -> Window {
        const BELIEVED: u64 = 1_010_000;
        let mut windows = self.world.windows.borrow_mut();
        let now = self.started;
        windows.retain(|asked| asked.ended.is_none_or(|ended| ended + 20 * BELIEVED > now));
        let others = windows.iter().filter(|asked| {
            asked.agent == self.agent && asked.ended.is_none_or(|ended| ended + BELIEVED >= self.started)
        });
        Window { from: others.map(|asked| asked.began).min().unwrap_or(self.started) }
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        let now = self.world.time.now();
        let mut windows = self.world.windows.borrow_mut();
        if let Some(own) = windows.iter_mut().find(|asked| asked.number == self.number) {
            own.ended = Some(now);
        }
        if let Some(container) = self.world.ledger().cluster.containers.get_mut(&self.container) {
            container.adds = container.adds.saturating_sub(1);
        }
    }
}

/// What a pod holds, in whichever incarnation.
fn held_by(world: &Shared, owner: &Owner) -> Vec<Address> {
    let ledger = world.ledger();
    ledger
        .held
        .iter()
        .filter(|(_, record)| record.owner.pod == owner.pod)
        .map(|(address, _)| *address)
        .collect()
}

/// How much has gone wrong with an agent so far.
fn faults_of(world: &Shared, agent: ProcessId) -> u64 {
    let processes = world.processes.borrow();
    let counts = processes[agent].faults.counts();
    counts.before + counts.after + counts.lost + counts.late + processes[agent].pauses
}

fn judge_add(
    world: &Shared,
    request: &AddRequest,
    hand: &Hand,
    answer: &Result<Vec<Allocation>, AddError>,
    undisturbed: Option<&[Address]>,
) {
    count_add(request, answer);
    let mut ledger = world.ledger();
    ledger.requests += 1;
    ledger.digest.number(answer.is_ok().into());
    ledger.note(|| match answer {
        Ok(granted) => {
            let granted: Vec<String> = granted.iter().map(|g| format!("{} {:?}", g.address, g.how)).collect();
            format!("process {} answers ADD {}: {}", hand.agent, request.container, granted.join(", "))
        }
        Err(error) => format!("process {} answers ADD {}: {error}", hand.agent, request.container),
    });
    let mut broken = None;
    if let Err(AddError::Refused { part, candidates }) = answer {
        let part = request.parts.iter().find(|own| own.slot == part.slot && own.family == part.family);
        let pools = part.map_or(&[][..], |part| &part.candidates);
        let refusals: Vec<(Arc<PoolRef>, Refusal)> =
            pools.iter().cloned().zip(candidates.iter().map(|(_, why)| why.clone())).collect();
        broken = refused_rightly(&ledger, hand.window(), &refusals).err();
    }
    // A write that was under way when the time was up is an open attempt: the DEL of the container closes it.
    if let (Err(AddError::Refused { .. }), Some(before)) = (answer, undisturbed)
        && broken.is_none()
    {
        broken = refused_leaves_nothing(&ledger, &request.container, before).err();
    }
    if let Some((invariant, what)) = broken {
        ledger.violated(invariant, what);
    }
}

fn count_add(request: &AddRequest, answer: &Result<Vec<Allocation>, AddError>) {
    let several = request.parts.len() > 1;
    match answer {
        Ok(granted) => {
            for (granted, part) in granted.iter().zip(&request.parts) {
                hit(match granted.how {
                    How::New => Branch::AddNew,
                    How::Found => Branch::AddFound,
                    How::Reattached => Branch::AddReattached,
                });
                if part.candidates.first().is_some_and(|pool| pool.uid != granted.record.pool) {
                    hit(Branch::AddSecondPool);
                }
            }
            hits(Branch::AddSeveral, several.into());
        }
        Err(AddError::Refused { part, candidates }) => {
            for (_, why) in candidates {
                match why {
                    Refusal::Exhausted => hit(Branch::AddExhausted),
                    Refusal::Cooling(_) => hit(Branch::AddCooling),
                    Refusal::Gone => hit(Branch::AddPoolGone),
                    _ => {}
                }
            }
            let place =
                request.parts.iter().position(|own| own.slot == part.slot && own.family == part.family);
            hits(Branch::AddUndone, place.is_some_and(|place| place > 0).into());
        }
        Err(AddError::Busy { why, .. }) => hit(match why {
            Wait::Contention(_) => Branch::AddContention,
            Wait::Editing(_) => Branch::AddEditing,
            Wait::Attached(_) => Branch::AddAttached,
            Wait::Store(_) => Branch::AddUnanswered,
            Wait::Unresolved(..) => Branch::AddUnresolved,
        }),
        Err(AddError::ContainerGone { .. }) => hit(Branch::AddGone),
        Err(AddError::Replaced { .. }) => hit(Branch::AddReplaced),
        Err(_) => {}
    }
}

fn request_of(world: &Shared, agent: ProcessId, pod: &Pod, container: &ContainerId) -> AddRequest {
    let view = world.pools_seen_by(agent);
    let parts = pod.interfaces.iter().flat_map(|interface| {
        interface.pools.iter().map(|(family, names)| AddPart {
            slot: interface.slot.clone(),
            interface: interface.name.clone(),
            family: *family,
            candidates: names.iter().filter_map(|name| view.get(name).cloned()).collect(),
            address: None,
        })
    });
    AddRequest {
        owner: pod.owner.clone(),
        container: container.clone(),
        network: None,
        controller: pod.controller.clone().map(Arc::new),
        binding: pod.binding,
        parts: parts.collect(),
        timeout: Duration::from_millis(world.draw(|dice| [150, 2_000, 20_000][dice.index(3)])),
    }
}

impl super::world::World {
    /// The pools as an agent sees them: mostly as they are, sometimes as they were.
    fn pools_seen_by(&self, agent: ProcessId) -> super::world::View {
        let mut views = self.views.borrow_mut();
        let view = views.entry(agent).or_default();
        let ledger = self.ledger();
        let stale = self.chance(20);
        for truth in ledger.pools.values() {
            let pool = &truth.parsed;
            let seen = view.get(&pool.name);
            let same = seen.is_some_and(|seen| {
                seen.uid == pool.uid && *seen.usable == pool.usable() && seen.cooldown == pool.cooldown
            });
            if same {
                continue;
            }
            if stale && seen.is_some() {
                hit(Branch::StalePool);
                continue;
            }
            let fresh = PoolRef::new(pool, ScopeName::default_scope());
            view.insert(pool.name.clone(), Arc::new(fresh));
        }
        view.clone()
    }
}

/// DEL. None: no agent.
pub(super) async fn del(
    world: &Shared,
    agent: ProcessId,
    uid: &OwnerUid,
    container: &ContainerId,
    interface: Option<InterfaceName>,
    last: bool,
) -> Option<bool> {
    let request = DelRequest {
        owner: uid.clone(),
        fence: Fence::Container(container.clone()),
        interface,
        mode: ReleaseMode::Del,
        timeout: Duration::from_secs(5),
    };
    let own = world.clone();
    let id = container.clone();
    world
        .call(agent, |allocator| async move {
            let answer = allocator.del(&request).await;
            match &answer {
                Ok(freed) => {
                    hits(Branch::DelReleased, freed.released.len() as u64);
                    hits(Branch::DelDetached, freed.detached.len() as u64);
                    let nothing = freed.released.is_empty() && freed.detached.is_empty();
                    hits(Branch::DelNothing, nothing.into());
                }
                Err(_) => hit(Branch::DelPending),
            }
            let mut ledger = own.ledger();
            ledger.requests += 1;
            ledger.note(|| format!("process {agent} answers DEL {id}: {answer:?}"));
            // From now on nothing may be granted to it any more.
            if answer.is_ok()
                && last
                && let Some(container) = ledger.cluster.containers.get_mut(&id)
            {
                container.deleted = true;
                let left =
                    ledger.held.iter().find(|(_, r)| r.attachment == Attachment::Container(id.clone()));
                let forgotten = ledger.cluster.containers.get(&id).is_some_and(|own| own.forgotten);
                if let Some((address, record)) = left
                    && !forgotten
                {
                    let what =
                        format!("DEL of container {id} of {} was answered, and left {address}", record.owner);
                    ledger.violated("I4", what);
                }
            }
            drop(ledger);
            if answer.is_ok() {
                views::clear(&own, agent, &allocator, &request.owner);
            }
            answer.is_ok()
        })
        .await
}

/// CHECK: the node's agent says that the addresses are the container's.
pub(super) async fn check(world: &Shared, agent: ProcessId, container: &ContainerId) {
    let first = {
        let ledger = world.ledger();
        match ledger.cluster.containers.get(container).map(|container| &container.stage) {
            Some(Stage::Running(addresses)) => addresses.first().map(|(_, address)| *address),
            _ => None,
        }
    };
    let Some(address) = first else { return };
    let found = world.call(agent, |allocator| async move { allocator.inspect().who(address).await }).await;
    let mut ledger = world.ledger();
    ledger.requests += 1;
    let Some(Ok(holding)) = found else { return };
    let given_up = ledger.cluster.containers.get(container).is_none_or(|container| container.given_up);
    let own = Attachment::Container(container.clone());
    match holding {
        Holding::Held { record, .. } if record.attachment == own => hit(Branch::CheckAgrees),
        _ if given_up => {}
        other => {
            ledger.violated("I2", format!("CHECK of container {container} with {address} found {other:?}"))
        }
    }
}
