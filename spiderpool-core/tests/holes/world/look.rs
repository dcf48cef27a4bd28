//! What the world itself sees: which addresses are free, which pools are full, what rests. Worked out from the
//! written objects and the blocks, without the code that is tested.

use std::{collections::BTreeMap, sync::Arc};

use spiderpool_core::{
    addr::{Address, Family},
    api::SpiderIPPool,
    model::Record,
    name::Uid,
    store::{Document, Versioned},
};

use super::{World, actor::Current};

/// The place of an address of these worlds in a mask.
pub(crate) fn bit(address: Address) -> u64 {
    let n = (address.value() & 0x1f) as u32;
    1 << if address.family() == Family::V4 { n } else { 32 + n }
}

/// The addresses that `ips` of a written object name, one each.
fn mask(ips: &[String]) -> u64 {
    ips.iter().map(|ip| bit(ip.parse().unwrap())).fold(0, |all, bit| all | bit)
}

impl World {
    pub(crate) fn persisted(&self, uid: &Uid) -> Option<&SpiderIPPool> {
        self.store.documents().find_map(|(_, document)| {
            let pool = document.as_pool()?;
            (pool.metadata.uid.as_deref() == Some(uid.as_str())).then_some(pool.as_ref())
        })
    }

    /// What a persisted pool offers.
    pub(crate) fn offers(&self, uid: &Uid) -> Option<u64> {
        self.persisted(uid).map(|pool| mask(&pool.spec.ips))
    }

    /// What the persisted reservations take away; of the clean ones only, or of all.
    pub(crate) fn reserved(&self, clean_only: bool) -> u64 {
        let mut all = 0;
        for (key, document) in self.store.documents() {
            if let Document::Reservation(reservation) = document
                && (!clean_only || self.clean.contains(key))
            {
                all |= mask(&reservation.spec.ips);
            }
        }
        all
    }

    fn held(&self) -> u64 {
        let mut all = 0;
        for (_, document) in self.store.documents() {
            if let Document::Block(block) = document {
                all |= block.records().fold(0, |all, (offset, _)| all | bit(block.address(offset)));
            }
        }
        all
    }

    /// Notes which pools are full at this instant, for the requests under way.
    pub(super) fn look(&mut self) {
        let mut taken = None;
        for at in 0..self.actors.len() {
            let Some(Current::Add(_, ask)) = &self.actors[at].current else { continue };
            let taken = *taken.get_or_insert_with(|| {
                let resting = self.resting.iter().filter(|(_, until)| **until > self.now);
                self.held() | self.reserved(false) | resting.fold(0, |all, (address, _)| all | bit(*address))
            });
            let pools = ask.parts.iter().flat_map(|(_, pools)| pools);
            let full = |uid: &Uid| self.offers(uid).unwrap_or(0) & !taken == 0;
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
