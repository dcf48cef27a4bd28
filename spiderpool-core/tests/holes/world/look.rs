//! What the world itself sees happen: which pools are full, what rests, what the sweep frees.

use std::{collections::BTreeMap, sync::Arc};

use spiderpool_core::{addr::Address, model::Record, name::Uid, store::Versioned};

use super::{
    super::sight::{self, bit},
    World,
    actor::Current,
};

impl World {
    /// Notes which pools are full at this instant, for the requests under way.
    pub(super) fn look(&mut self) {
        let mut taken = None;
        for at in 0..self.actors.len() {
            let Some(Current::Add(_, ask)) = &self.actors[at].current else { continue };
            let taken = *taken.get_or_insert_with(|| {
                let resting = self.resting.iter().filter(|(_, until)| **until > self.now);
                sight::held(&self.store)
                    | sight::reserved(&self.store, |_| true)
                    | resting.fold(0, |all, (address, _)| all | bit(*address))
            });
            let pools = ask.parts.iter().flat_map(|(_, pools)| pools);
            let full = |uid: &Uid| sight::offers(&self.store, uid).unwrap_or(0) & !taken == 0;
            let new: Vec<Uid> = pools
                .map(|pool| &pool.uid)
                .filter(|uid| !self.actors[at].full.contains(*uid) && full(uid))
                .cloned()
                .collect();
            if !new.is_empty() {
                Arc::make_mut(&mut self.actors[at]).full.extend(new);
            }
        }
    }

    /// A block was written: what was in use and is free now rests, and must not be taken before its time (I3); what
    /// the sweep frees is nobody's that lives (I6).
    pub(super) fn watch(&mut self, before: Option<Versioned>, after: Option<Versioned>) {
        let held = |found: &Option<Versioned>| -> BTreeMap<Address, Arc<Record>> {
            let block = found.as_ref().and_then(|found| found.document.as_block().cloned());
            block.map_or_else(BTreeMap::new, |block| {
                block.records().map(|(offset, record)| (block.address(offset), record.clone())).collect()
            })
        };
        let (before, after) = (held(&before), held(&after));
        for (address, record) in &before {
            if after.contains_key(address) {
                continue;
            }
            let pod = record.owner.pod.as_ref().and_then(|pod| self.pods.get(pod));
            if self.judging && pod == Some(&record.owner.uid) {
                self.violation = Some(format!("the sweep freed {address}, whose pod lives (I6)"));
            }
            if self.answered.remove(address) && !self.cooldown.is_zero() {
                self.resting.insert(*address, self.now.after(self.cooldown));
            }
        }
        for address in after.keys() {
            if !before.contains_key(address)
                && let Some(until) = self.resting.remove(address)
                && until > self.now
            {
                self.violation = Some(format!("{address} was granted while it rested (I3)"));
            }
        }
    }
}
