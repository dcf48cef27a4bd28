//! What may go wrong in a world.

use std::sync::Arc;

use super::{World, actor::Current};

/// How much may go wrong.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Faults {
    /// Writes that take effect and whose reply is lost.
    pub(crate) lost: u8,
    /// Writes that take effect at some later time, or never.
    pub(crate) late: u8,
    /// Actors that forget everything but the log of rule 7.
    pub(crate) crash: u8,
    /// Actors that forget the log too, and read their records from the blocks.
    pub(crate) loss: u8,
    /// Edits that were admitted and are never persisted.
    pub(crate) dead: u8,
}

impl World {
    /// The actor dies in the middle of what it is at, and begins anew with its next task.
    pub(super) fn crash(&mut self, at: usize) {
        let actor = Arc::make_mut(&mut self.actors[at]);
        if let Some(Current::Del(..)) = actor.current {
            // The kubelet sends it again.
            actor.tasks.extend(actor.last.clone());
        }
        actor.current = None;
        actor.listed.clear();
        actor.memory.restart();
    }

    pub(super) fn lose(&mut self, at: usize) {
        self.crash(at);
        self.lost_log = true;
        let node = self.actors[at].node;
        let records = self.records().into_iter().filter(|(_, record)| record.node.as_str() == node);
        let records = records.map(|(address, record)| (record.key(address.family()), address));
        Arc::make_mut(&mut self.actors[at]).memory.lose(records);
    }
}
