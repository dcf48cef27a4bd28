//! What a cluster's own controllers do: pods come, are replaced, and come back under their names.

use std::time::Duration;

use serde_json::json;

use super::{
    cluster::{Interface, Pod},
    coverage::{Branch, hit},
    executor::ProcessId,
    kubelet::{kubelet_of, live},
    names::parse,
    tap::Tap,
    world::Shared,
};
use crate::{
    addr::Family,
    api::{ObjectMeta, Resource},
    model::{Binding, Controller, Owner, Slot},
    name::{NamespacedName, ObjectName, OwnerUid},
    store::{Key, ResourceName, Store},
};

/// The number under which what belongs to no process runs. It never dies.
pub(super) const NOBODY: ProcessId = 900;

/// The names of the pools of a family, in the order in which pods want them.
pub(super) fn pool_names(family: Family) -> [&'static str; 2] {
    match family {
        Family::V4 => ["a4", "b4"],
        Family::V6 => ["a6", "b6"],
    }
}

/// Keeps as many pods as the profile wants.
pub(super) async fn keep(world: Shared) {
    for number in 0..world.profile.controllers {
        let replicas = world.draw(|dice| dice.between(1, world.profile.replicas));
        scale(&world, number, Some(replicas)).await;
    }
    loop {
        world.calm.open().await;
        if world.closing.get() {
            return;
        }
        world.rest(Duration::from_millis(40)).await;
        if world.calm.is_closed() {
            continue;
        }
        let present = {
            let ledger = world.ledger();
            ledger.cluster.present.keys().filter(|name| name.name.as_str().starts_with('p')).count()
        };
        if present < world.profile.pods {
            stateless(&world);
        }
        if world.profile.controllers > 0 {
            controllers(&world).await;
        }
    }
}

/// One more pod of no controller.
pub(super) fn stateless(world: &Shared) {
    let name = format!("p{}", world.number());
    begin(world, &name, Binding::Stateless, None);
}

async fn controllers(world: &Shared) {
    let number = world.draw(|dice| dice.index(world.profile.controllers));
    if world.chance(4) {
        let replicas = world.draw(|dice| dice.between(0, world.profile.replicas));
        let before = wanted(world, number);
        hit(if Some(replicas) < before { Branch::ScaledDown } else { Branch::ScaledUp });
        // Deleted, and made anew under its name a little later.
        let replicas = (!world.chance(15)).then_some(replicas);
        scale(world, number, replicas).await;
    } else if wanted(world, number).is_none() && world.chance(20) {
        hit(Branch::ControllerReplaced);
        scale(world, number, Some(world.profile.replicas)).await;
    }
    // Somebody makes a bare pod that is called like one of a controller.
    let bare = format!("s{number}-{}", world.draw(|dice| dice.below(world.profile.replicas)));
    if world.chance(2) && !world.ledger().cluster.present.contains_key(&pod_name(&bare)) {
        hit(Branch::PodNamedAlike);
        begin(world, &bare, Binding::Stateless, None);
    }
    fill(world, number);
}

/// Makes the pods that a controller misses.
pub(super) fn fill(world: &Shared, number: usize) {
    let name = format!("s{number}");
    let (controller, replicas) = {
        let ledger = world.ledger();
        let found = ledger.cluster.controllers.get(&parse::<ObjectName>(&name));
        match found {
            Some((controller, replicas)) => (controller.clone(), *replicas),
            None => return,
        }
    };
    for ordinal in 0..replicas {
        let pod = format!("{name}-{ordinal}");
        let missing = !world.ledger().cluster.present.contains_key(&pod_name(&pod));
        if missing && world.chance(30) {
            begin(world, &pod, Binding::Stateful, Some(controller.clone()));
        }
    }
}

fn wanted(world: &Shared, number: usize) -> Option<u64> {
    let name: ObjectName = parse(format!("s{number}"));
    world.ledger().cluster.controllers.get(&name).map(|(_, replicas)| *replicas)
}

pub(super) fn pod_name(name: &str) -> NamespacedName {
    parse(format!("default/{name}"))
}

pub(super) fn resource_of(controller: &ObjectName) -> ResourceName {
    ResourceName {
        kind: parse("StatefulSet"),
        group: Some(parse("apps")),
        namespace: Some(parse("default")),
        name: controller.clone(),
    }
}

/// Sets how many replicas a controller has; none deletes it. One that is made again has another uid.
pub(super) async fn scale(world: &Shared, number: usize, replicas: Option<u64>) {
    let name: ObjectName = parse(format!("s{number}"));
    let tap = Tap { store: world.store.clone(), ledger: world.ledger.clone(), process: NOBODY, slow: None };
    let key = Key::Resource(resource_of(&name));
    let (uid, now) = {
        let ledger = world.ledger();
        let before = ledger.cluster.controllers.get(&name).map(|(controller, _)| controller.uid.clone());
        (before, ledger.now)
    };
    let uid = uid.unwrap_or_else(|| parse(format!("set-{}", world.number())));
    let token = world.ledger().documents.get(&key).map(|found| found.token.clone());
    let written = match (replicas, &token) {
        (None, None) => return,
        (None, Some(token)) => tap.delete(&key, token).await,
        (Some(replicas), token) => {
            let mut rest = serde_json::Map::new();
            rest.insert("spec".into(), json!({ "replicas": replicas }));
            let resource = Resource {
                api_version: "apps/v1".into(),
                kind: "StatefulSet".into(),
                metadata: ObjectMeta {
                    name: name.to_string(),
                    namespace: Some("default".into()),
                    uid: Some(uid.to_string()),
                    ..ObjectMeta::default()
                },
                rest,
            };
            match token {
                None => tap.create(&key, resource.into()).await.map(drop),
                Some(token) => tap.update(&key, token, resource.into()).await.map(drop),
            }
        }
    };
    let mut ledger = world.ledger();
    if written.is_err() {
        return;
    }
    match replicas {
        None => {
            ledger.cluster.controllers.remove(&name);
        }
        Some(replicas) => {
            let controller = Controller {
                api_version: "apps/v1".into(),
                kind: "StatefulSet".into(),
                name: name.clone(),
                uid,
            };
            ledger.cluster.controllers.insert(name.clone(), (controller, replicas));
        }
    }
    let replicas = replicas.unwrap_or(0);
    for ordinal in 0..world.profile.replicas.max(replicas) {
        let pod = pod_name(&format!("{name}-{ordinal}"));
        if ordinal < replicas {
            ledger.cluster.wanted_since.entry(pod).or_insert(now);
        } else {
            ledger.cluster.wanted_since.remove(&pod);
        }
    }
    ledger.note(|| format!("controller {name} wants {replicas}"));
}

/// A pod comes to a node.
pub(super) fn begin(
    world: &Shared,
    name: &str,
    binding: Binding,
    controller: Option<Controller>,
) -> OwnerUid {
    let name = pod_name(name);
    let uid: OwnerUid = parse(format!("u{}", world.number()));
    let node = world.draw(|dice| dice.index(world.profile.agents));
    let families = match (world.profile.dual, world.draw(|dice| dice.below(4))) {
        (false, _) | (true, 0) => vec![Family::V4],
        (true, 1) => vec![Family::V6],
        (true, _) => vec![Family::V4, Family::V6],
    };
    let count = if world.chance(20) { 2 } else { 1 };
    let backup = world.chance(40);
    let interfaces = (0..count).map(|at| {
        let interface: crate::name::InterfaceName = parse(format!("eth{at}"));
        let pools = families.iter().map(|family| {
            let mut names: Vec<ObjectName> = pool_names(*family).into_iter().map(parse).collect();
            if !backup {
                let only = usize::from(at == 1);
                names = names.into_iter().skip(only).take(1).collect();
            }
            (*family, names)
        });
        Interface { slot: Slot::Named(interface.clone()), name: Some(interface), pools: pools.collect() }
    });
    let mut interfaces: Vec<Interface> = interfaces.collect();
    // Unnamed `ippools`: the first ADD takes all, and the second interface gets its name later, if ever.
    if count == 2 && world.chance(40) {
        for (at, interface) in interfaces.iter_mut().enumerate() {
            interface.slot = Slot::Indexed(at as u8);
            interface.name = interface.name.take().filter(|_| at == 0);
        }
    }
    // What a stateful owner asks for does not change from one incarnation to the next.
    if binding == Binding::Stateful {
        interfaces.truncate(1);
        for interface in &mut interfaces {
            let both = if world.profile.dual { vec![Family::V4, Family::V6] } else { vec![Family::V4] };
            let pools =
                both.into_iter().map(|family| (family, pool_names(family).into_iter().map(parse).collect()));
            interface.pools = pools.collect();
        }
    }
    let mut ledger = world.ledger();
    let moved = ledger.cluster.pods.values().rev().find(|pod| pod.owner.pod.as_ref() == Some(&name));
    if moved.is_some_and(|before| before.node != node) {
        hit(Branch::PodMoved);
    }
    let owner = Owner { uid: uid.clone(), pod: Some(name.clone()) };
    ledger.note(|| format!("pod {name} ({uid}) comes to node {node}"));
    let now = ledger.now;
    ledger.cluster.present_since.insert(name.clone(), now);
    ledger.cluster.present.insert(name, uid.clone());
    let number = world.number();
    let pod = Pod { owner, node, binding, controller, interfaces, number, removed: None };
    ledger.cluster.pods.insert(uid.clone(), pod);
    drop(ledger);
    world.spawn(kubelet_of(node), live(world.clone(), uid.clone()));
    uid
}
