//! The plainest thing that holds as many records.

use std::{collections::HashMap, hint::black_box, sync::Arc};

use spiderpool_core::{
    model::{Attachment, Binding, Record, Slot},
    name::{InterfaceName, NodeName, OwnerUid, Uid},
    time::Timestamp,
};

use crate::{
    Numbers,
    bed::{EXPECT, container, owner},
};

/// Records by their owners' uids, and nothing else: no block, no fence, no store.
#[derive(Debug)]
pub struct RecordMap {
    records: HashMap<OwnerUid, Arc<Record>>,
    held: Vec<u64>,
    next: u64,
    numbers: Numbers,
}

impl RecordMap {
    /// With `held` records.
    #[must_use]
    pub fn filled(held: u64) -> Self {
        let records = (0..held).map(record).map(|record| (record.owner.uid.clone(), record)).collect();
        Self { records, held: (0..held).collect(), next: held, numbers: Numbers::from(7) }
    }

    /// A random record is taken out and dropped, and another put in; what `time` says of the former.
    pub fn turn_timed<T>(&mut self, time: impl Fn(&mut dyn FnMut()) -> T) -> T {
        let Self { records, held, next, numbers } = self;
        let leaving = numbers.below(held.len());
        let uid = owner(held[leaving]).uid;
        let taken = time(&mut || drop(records.remove(black_box(&uid)).expect("it is there")));
        let coming = record(*next);
        held[leaving] = *next;
        *next += 1;
        records.insert(coming.owner.uid.clone(), coming);
        taken
    }
}

/// As long as those that requests of the bed leave behind.
fn record(pod: u64) -> Arc<Record> {
    let eth0 = InterfaceName::new("eth0").expect(EXPECT);
    Arc::new(Record {
        pool: Uid::new("pool").expect(EXPECT),
        owner: owner(pod),
        controller: None,
        slot: Slot::Named(eth0.clone()),
        interface: Some(eth0),
        network: None,
        attachment: Attachment::Container(container(pod)),
        node: NodeName::new("node-1").expect(EXPECT),
        binding: Binding::Stateless,
        since: Timestamp::from_millis(0),
    })
}
