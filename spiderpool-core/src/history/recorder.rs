//! Notes calls while clients make them.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::{Action, History, Holder, Operation, Point};
use crate::addr::Address;

/// Notes the calls of any number of clients, from any thread. One short lock per call.
#[derive(Debug, Default)]
pub struct Recorder {
    point: AtomicU64,
    operations: Mutex<Vec<Operation>>,
}

/// A call that is about to be sent. Forgetting it says that it was never sent.
#[derive(Debug)]
#[must_use = "say how the call ended"]
pub struct Call {
    called: Point,
}

impl Recorder {
    fn next(&self) -> Point {
        // Whoever reads a higher number comes later in the one order of all of them.
        self.point.fetch_add(1, Ordering::SeqCst)
    }

    fn note(&self, call: &Call, returned: Option<Point>, action: Action) {
        self.operations.lock().push(Operation { called: call.called, returned, action });
    }

    /// To be asked for right before a call is sent.
    pub fn call(&self) -> Call {
        Call { called: self.next() }
    }

    /// It granted `address`, or answered that the holder has it already.
    pub fn granted(&self, call: Call, holder: impl Into<Holder>, address: Address) {
        let returned = Some(self.next());
        self.note(&call, returned, Action::Grant { holder: holder.into(), address: Some(address) });
    }

    /// It was refused because all addresses are held.
    pub fn exhausted(&self, call: Call) {
        let returned = Some(self.next());
        self.note(&call, returned, Action::Exhausted);
    }

    /// A grant that may have happened or may yet happen: its answer was lost, or says that it is not known.
    pub fn grant_lost(&self, call: Call, holder: impl Into<Holder>) {
        self.note(&call, None, Action::Grant { holder: holder.into(), address: None });
    }

    /// What the holder had is free.
    pub fn released(&self, call: Call, holder: impl Into<Holder>) {
        let returned = Some(self.next());
        self.note(&call, returned, Action::Release { holder: holder.into() });
    }

    /// A release that may have happened or may yet happen.
    pub fn release_lost(&self, call: Call, holder: impl Into<Holder>) {
        self.note(&call, None, Action::Release { holder: holder.into() });
    }

    /// Whoever looked saw these holders; `call` stands for all of them.
    pub fn read(&self, call: Call, seen: impl IntoIterator<Item = (Address, Option<Holder>)>) {
        let returned = Some(self.next());
        for (address, holder) in seen {
            self.note(&call, returned, Action::Read { address, holder });
        }
    }

    /// What was noted so far. Calls under way are not part of it: take it when all clients have ended.
    #[must_use]
    pub fn history(&self) -> History {
        self.operations.lock().iter().cloned().collect()
    }
}
