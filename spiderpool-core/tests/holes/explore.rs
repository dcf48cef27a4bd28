//! Every order of steps of a small world, breadth first, so that the first counterexample is a shortest one.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    hash::{BuildHasherDefault, Hasher},
};

use super::{sight, world::World};

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

/// Where everything has to recover.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ends {
    /// Where nothing is left to do.
    Last,
    /// In every state, as if everybody died in it.
    Everywhere,
}

/// How far a search goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Search {
    /// More states are a failure.
    pub(crate) limit: usize,
    pub(crate) ends: Ends,
}

/// What must hold in every state.
fn check(world: &World) -> Result<(), String> {
    if let Some(violation) = &world.violation {
        return Err(violation.clone());
    }
    sight::check_records(&world.store, |key| world.clean.contains(key), !world.lost_log)?;
    sight::check_running(&world.store, &world.running)
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
pub(crate) fn explore(world: &World, last: &Last, search: Search) -> Explored {
    let Search { limit, ends } = search;
    let mut world = world.clone();
    let start = world.seal(None);
    let mut parents = Parents::default();
    parents.insert(start, (start, 0));
    let mut queue = VecDeque::from([(start, world.clone())]);
    let mut steps = 0;
    while let Some((own, state)) = queue.pop_front() {
        let judged = check(&state).and_then(|()| if state.idle() { last(&state) } else { Ok(()) });
        let ended = state.idle() || ends == Ends::Everywhere;
        let judged = judged.and_then(|()| if ended { state.recovers() } else { Ok(()) });
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
        assert!(parents.len() <= limit, "more than {limit} states: make the world smaller");
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
