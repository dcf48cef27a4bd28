//! Every order of steps of a small world, breadth first, so that the first counterexample is a shortest one.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
};

use spiderpool_core::{
    addr::Family,
    model::{Attachment, Binding},
    protocol::{pool_usable, reserved},
    store::Document,
};

use super::world::World;

fn hash(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

/// What must hold in every state.
fn check(world: &World) -> Result<(), String> {
    let records = world.records();
    let mut keys = BTreeMap::new();
    for (address, record) in &records {
        let Some(pool) = world.persisted(&record.pool) else {
            return Err(format!("{address} is recorded for a pool that is gone"));
        };
        if !pool_usable(pool, Family::V4).contains(*address) {
            return Err(format!("{address} is recorded outside its pool (I7, I11)"));
        }
        for (key, document) in world.store.documents() {
            if let Document::Reservation(reservation) = document
                && world.clean.contains(key)
                && reserved(reservation, Family::V4).contains(*address)
            {
                return Err(format!("{address} was granted after it was reserved (I7)"));
            }
        }
        let name = match record.binding {
            Binding::Stateful => format!("{:?} {}", record.owner.pod, record.slot),
            Binding::Stateless => format!("{} {}", record.owner.uid, record.slot),
        };
        if let Some(other) = keys.insert(name, address) {
            return Err(format!("one owner has {other} and {address} (rule 7, I13)"));
        }
    }
    for (container, (uid, addresses)) in &world.running {
        for address in addresses {
            let record = records.iter().find(|(held, _)| held == address).map(|(_, record)| record);
            let own = record.is_some_and(|record| {
                record.owner.uid == *uid && record.attachment == Attachment::Container(container.clone())
            });
            if !own {
                return Err(format!(
                    "{container} runs with {address}, which is not recorded as its own (I1, I2, I4)"
                ));
            }
        }
    }
    Ok(())
}

/// Explores `world` completely. `last` judges the states in which nothing is left to do.
///
/// Returns how many states there were.
pub(crate) fn explore(world: World, last: impl Fn(&World) -> Result<(), String>) -> usize {
    const LIMIT: usize = 400_000;
    let start = hash(&world);
    let mut parents: HashMap<u64, (u64, u16)> = HashMap::from([(start, (start, 0))]);
    let mut queue = VecDeque::from([world.clone()]);
    while let Some(state) = queue.pop_front() {
        let own = hash(&state);
        let judged = check(&state).and_then(|()| if state.idle() { last(&state) } else { Ok(()) });
        if let Err(violation) = judged {
            panic!("{violation}\n{}", trace(&world, &parents, own, start));
        }
        for (n, next) in state.successors().into_iter().enumerate() {
            let key = hash(&next);
            if let std::collections::hash_map::Entry::Vacant(entry) = parents.entry(key) {
                entry.insert((own, n as u16));
                queue.push_back(next);
            }
        }
        assert!(parents.len() <= LIMIT, "more than {LIMIT} states: make the world smaller");
    }
    parents.len()
}

fn trace(world: &World, parents: &HashMap<u64, (u64, u16)>, end: u64, start: u64) -> String {
    let mut steps = Vec::new();
    let mut at = end;
    while at != start {
        let (parent, n) = parents[&at];
        steps.push(n);
        at = parent;
    }
    let mut text = String::new();
    let mut state = world.clone();
    for n in steps.into_iter().rev() {
        let next = state.successors().remove(n.into());
        text.push_str(&state.describe(&next));
        state = next;
    }
    text.push_str(&format!("at the end: {:#?}", state.records()));
    text
}
