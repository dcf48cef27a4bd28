//! Every order of steps of a small world, breadth first, so that the first counterexample is a shortest one.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    hash::{BuildHasherDefault, Hasher},
};

use spiderpool_core::{
    addr::Address,
    model::{Attachment, Binding, Slot},
    name::{NamespacedName, OwnerUid},
};

use super::world::{World, bit};

/// What a search came to.
#[derive(Debug)]
pub(crate) struct Explored {
    /// States seen.
    pub(crate) states: usize,
    /// Steps taken from one state to another.
    pub(crate) steps: usize,
    /// What is wrong in the first bad state, and how to get there.
    pub(crate) violation: Option<Violation>,
}

#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) what: String,
    pub(crate) trace: String,
}

/// What is judged where nothing is left to do.
pub(crate) type Last = dyn Fn(&World) -> Result<(), String>;

/// Whose an address is, and the address.
type Key<'a> = (&'a Option<NamespacedName>, Option<&'a OwnerUid>, &'a Slot, Address);

/// What must hold in every state.
fn check(world: &World) -> Result<(), String> {
    if let Some(violation) = &world.violation {
        return Err(violation.clone());
    }
    let records = world.records();
    let reserved = world.reserved(true);
    let mut keys: Vec<Key<'_>> = Vec::new();
    for (address, record) in &records {
        let Some(offered) = world.offers(&record.pool) else {
            return Err(format!("{address} is recorded for a pool that is gone (I11)"));
        };
        if offered & bit(*address) == 0 {
            return Err(format!("{address} is recorded outside its pool (I7, I11)"));
        }
        if reserved & bit(*address) != 0 {
            return Err(format!("{address} was granted after it was reserved (I7)"));
        }
        // Of stateful owners the name counts.
        let uid = (record.binding == Binding::Stateless).then_some(&record.owner.uid);
        keys.push((&record.owner.pod, uid, &record.slot, *address));
    }
    let same = |a: &Key<'_>, b: &Key<'_>| (a.0, a.1, a.2, a.3.family()) == (b.0, b.1, b.2, b.3.family());
    for (at, key) in keys.iter().enumerate() {
        if let Some(other) = keys[..at].iter().find(|other| same(other, key))
            && !world.lost_log
        {
            return Err(format!("one owner has {} and {} (rule 7, I13)", other.3, key.3));
        }
    }
    for (container, (uid, addresses)) in &world.running {
        for address in addresses {
            let record = records.iter().find(|(held, _)| held == address).map(|(_, record)| record);
            let own = record.is_some_and(|record| {
                record.owner.uid == *uid && record.attachment == Attachment::Container(container.clone())
            });
            if !own {
                let what = "which is not recorded as its own (I1, I2, I4)";
                return Err(format!("{container} runs with {address}, {what}"));
            }
        }
    }
    Ok(())
}

/// Fingerprints are hashes already.
#[derive(Default)]
struct Plain(u64);

impl Hasher for Plain {
    fn write(&mut self, _: &[u8]) {
        unreachable!("only fingerprints are hashed");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type Parents = HashMap<u64, (u64, u16), BuildHasherDefault<Plain>>;

/// Explores `world` completely, or until something is wrong. `last` judges the states in which nothing is left to do.
pub(crate) fn explore(world: &World, last: &Last) -> Explored {
    const LIMIT: usize = 4_000_000;
    let mut world = world.clone();
    let start = world.seal(None);
    let mut parents = Parents::default();
    parents.insert(start, (start, 0));
    let mut queue = VecDeque::from([(start, world.clone())]);
    let mut steps = 0;
    while let Some((own, state)) = queue.pop_front() {
        let judged = check(&state).and_then(|()| if state.idle() { last(&state) } else { Ok(()) });
        if let Err(what) = judged {
            let trace = trace(&world, &parents, own, start);
            return Explored { states: parents.len(), steps, violation: Some(Violation { what, trace }) };
        }
        for (n, mut next) in state.successors().into_iter().enumerate() {
            steps += 1;
            let key = next.seal(Some(&state));
            if let Entry::Vacant(entry) = parents.entry(key) {
                entry.insert((own, n as u16));
                queue.push_back((key, next));
            }
        }
        assert!(parents.len() <= LIMIT, "more than {LIMIT} states: make the world smaller");
    }
    Explored { states: parents.len(), steps, violation: None }
}

fn trace(world: &World, parents: &Parents, end: u64, start: u64) -> String {
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
        text.push_str(&state.tell(&next));
        state = next;
    }
    text
}
