//! What can be seen from outside: who holds what, what the written objects offer, and whether that may be. Worked out
//! without the code that is tested.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use spiderpool_core::{
    addr::{Address, Family},
    model::{Attachment, Binding, Record, Slot},
    name::{ContainerId, NamespacedName, OwnerUid, Uid},
    store::{Document, Key},
};

use super::store::ModelStore;

/// Containers that were answered and run, with their owner and addresses.
pub(crate) type Running = BTreeMap<ContainerId, (OwnerUid, Vec<Address>)>;

/// The place of an address of these worlds in a mask.
pub(crate) fn bit(address: Address) -> u64 {
    let n = (address.value() & 0x1f) as u32;
    1 << if address.family() == Family::V4 { n } else { 32 + n }
}

thread_local! {
    /// The masks of objects that were looked at, which are few; each is kept, so that its place stays its own.
    static KNOWN: RefCell<HashMap<usize, (Document, u64)>> = RefCell::default();
}

/// What `ips` of the written object at `place` name.
fn mask_of(place: usize, document: &Document, ips: &[String]) -> u64 {
    KNOWN.with_borrow_mut(|known| known.entry(place).or_insert_with(|| (document.clone(), mask(ips))).1)
}

/// The addresses that `ips` of a written object name, one each or from one to another.
fn mask(ips: &[String]) -> u64 {
    let range = |text: &String| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (bit(first.parse().unwrap()), bit(last.parse().unwrap()));
        (last - first) | last
    };
    ips.iter().map(range).fold(0, |all, range| all | range)
}

/// What the persisted pool `uid` offers; none if there is no such pool.
pub(crate) fn offers(store: &ModelStore, uid: &Uid) -> Option<u64> {
    store.documents().find_map(|(_, document)| {
        let pool = document.as_pool()?;
        let is = pool.metadata.uid.as_deref() == Some(uid.as_str());
        is.then(|| mask_of(Arc::as_ptr(pool).addr(), document, &pool.spec.ips))
    })
}

/// What the persisted reservations take away.
pub(crate) fn reserved(store: &ModelStore, counts: impl Fn(&Key) -> bool) -> u64 {
    let mut all = 0;
    for (key, document) in store.documents() {
        if let Document::Reservation(reservation) = document
            && counts(key)
        {
            all |= mask_of(Arc::as_ptr(reservation).addr(), document, &reservation.spec.ips);
        }
    }
    all
}

/// All records.
pub(crate) fn records(store: &ModelStore) -> Vec<(Address, Arc<Record>)> {
    let mut all = Vec::new();
    for (_, document) in store.documents() {
        if let Document::Block(block) = document {
            all.extend(block.records().map(|(offset, record)| (block.address(offset), record.clone())));
        }
    }
    all
}

/// The addresses that are held.
pub(crate) fn held(store: &ModelStore) -> u64 {
    records(store).into_iter().fold(0, |all, (address, _)| all | bit(address))
}

/// Whose an address is, and the address.
type Held<'a> = (&'a Option<NamespacedName>, Option<&'a OwnerUid>, &'a Slot, Address);

/// What must hold of every record: it is within its pool, not reserved (by a reservation that `counts`), and, with
/// `unique`, the only one of its key.
pub(crate) fn check_records(
    store: &ModelStore,
    counts: impl Fn(&Key) -> bool,
    unique: bool,
) -> Result<(), String> {
    let records = records(store);
    let reserved = reserved(store, counts);
    let mut keys: Vec<Held<'_>> = Vec::new();
    for (address, record) in &records {
        let Some(offered) = offers(store, &record.pool) else {
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
    let same = |a: &Held<'_>, b: &Held<'_>| (a.0, a.1, a.2, a.3.family()) == (b.0, b.1, b.2, b.3.family());
    for (at, key) in keys.iter().enumerate() {
        if let Some(other) = keys[..at].iter().find(|other| same(other, key))
            && unique
        {
            return Err(format!("one owner has {} and {} (rule 7, I13)", other.3, key.3));
        }
    }
    Ok(())
}

/// What a running container was answered is recorded as its own.
pub(crate) fn check_running(store: &ModelStore, running: &Running) -> Result<(), String> {
    let records = records(store);
    for (container, (uid, addresses)) in running {
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
