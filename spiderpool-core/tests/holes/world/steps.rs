//! What can happen next in a world.

use std::sync::Arc;

use spiderpool_core::{
    protocol::{Op, Reply, SandboxState, Snapshots, Surveyed},
    store::{Key, Listing, Selector},
};

use super::{
    World,
    actor::{Current, Task},
    runner::lost,
};

impl World {
    /// Everything that can happen next.
    pub(crate) fn successors(&self) -> Vec<Self> {
        let mut all = Vec::new();
        for at in 0..self.actors.len() {
            self.actor_steps(at, &mut all);
        }
        for at in 0..self.late.len() {
            let mut next = self.clone();
            let op = next.late.remove(at);
            let never = next.clone();
            next.perform(&op);
            all.push(next);
            all.push(never);
        }
        for world in &mut all {
            world.look();
        }
        all
    }

    fn actor_steps(&self, at: usize, all: &mut Vec<Self>) {
        let actor = &self.actors[at];
        let Some(current) = &actor.current else {
            let may_begin = match actor.tasks.last().map(AsRef::as_ref) {
                None => false,
                // A write takes less than a cool-down.
                Some(Task::Pass(_)) => !self.actors.iter().any(|other| other.releases()),
                Some(_) => true,
            };
            if may_begin {
                let mut next = self.clone();
                next.begin(at);
                all.push(next);
            }
            return;
        };
        let mut also = |allowed: u8, change: &dyn Fn(&mut Self)| {
            if allowed > 0 {
                let mut next = self.clone();
                change(&mut next);
                all.push(next);
            }
        };
        if let Current::Persist(..) = current {
            also(self.faults.dead, &|next| {
                next.faults.dead -= 1;
                Arc::make_mut(&mut next.actors[at]).current = None;
            });
        }
        also(self.faults.crash, &|next| {
            next.faults.crash -= 1;
            next.crash(at);
        });
        also(self.faults.loss, &|next| {
            next.faults.loss -= 1;
            next.lose(at);
        });
        let op = current.next();
        if let Some(op @ (Op::Create(..) | Op::Update(..) | Op::Delete(..))) = &op {
            also(self.faults.lost, &|next| {
                next.faults.lost -= 1;
                next.perform(op);
                next.resume(at, lost());
            });
            also(self.faults.late, &|next| {
                next.faults.late -= 1;
                next.late.push(op.clone());
                next.resume(at, lost());
            });
        }
        let mut next = self.clone();
        let reply = match op {
            Some(Op::List(ref selector) | Op::Survey(ref selector)) if self.snapshots == Snapshots::No => {
                match (next.list_on(at, selector), &op) {
                    (Some(listing), Some(Op::Survey(_))) => next.survey(at, listing),
                    (Some(listing), _) => Reply::Listed(listing),
                    (None, _) => {
                        all.push(next);
                        return;
                    }
                }
            }
            Some(Op::Survey(selector)) => next.survey(at, next.store.list(&selector)),
            Some(op) => {
                next.judging = matches!(current, Current::Unbind(_));
                let reply = next.perform(&op);
                next.judging = false;
                reply
            }
            None => Reply::Start,
        };
        next.resume(at, reply);
        all.push(next);
    }

    /// One more document of a listing that takes its time; the listing, once there is none.
    fn list_on(&mut self, at: usize, selector: &Selector) -> Option<Listing> {
        let mut listing = self.store.list(selector);
        let seen = &mut Arc::make_mut(&mut self.actors[at]).listed;
        let next = listing.items.into_iter().find(|item| seen.last().is_none_or(|last| last.key < item.key));
        match next {
            Some(next) => {
                seen.push(next);
                None
            }
            None => {
                listing.items = std::mem::take(seen);
                Some(listing)
            }
        }
    }

    /// An agent with a cache is told of tokens alone, and remembers the rest; another one knows nothing.
    fn survey(&self, at: usize, listing: Listing) -> Reply {
        let memory = &self.actors[at].memory;
        if !memory.caches() {
            return Reply::Listed(listing);
        }
        let blocks = listing.items.into_iter().filter_map(|item| match item.key {
            Key::Block(id) => {
                let seen = memory.seen(&id);
                Some(Surveyed::of(id, item.token, seen.as_ref()))
            }
            _ => None,
        });
        Reply::Surveyed(blocks.collect())
    }

    /// What the world answers to `op`, now.
    pub(super) fn perform(&mut self, op: &Op) -> Reply {
        match op {
            Op::Pod(name) => Reply::Pod(self.pods.get(name).cloned()),
            Op::Sandbox { container, .. } => {
                let gone = self.ended.contains(container);
                if gone {
                    // Whoever is said to be gone may not be added any more (rule 15).
                    self.gone.insert(container.clone());
                }
                Reply::Sandbox(if gone { SandboxState::Gone } else { SandboxState::Alive })
            }
            Op::Create(key @ Key::Block(_), _)
            | Op::Update(key @ Key::Block(_), ..)
            | Op::Delete(key @ Key::Block(_), _) => {
                let before = self.store.get(key);
                let reply = self.store.perform(op).unwrap();
                self.watch(before, self.store.get(key));
                reply
            }
            op => self.store.perform(op).unwrap(),
        }
    }
}
