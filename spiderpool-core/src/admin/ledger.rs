//! The records of Subnets as one process writes them: all changes that wait for one Subnet go into its next write.
//!
//! Whoever gets the Subnet's turn reads and writes for all who wait. Dropped in the middle, it hands them to the next
//! one, who does them over: a claim that is in the record already is not added twice.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use futures_util::future::{Either, select};
use parking_lot::Mutex;

use super::{AdminError, claim::Change, edit::BUDGET};
use crate::{
    alloc::{Allocator, AsyncMutex, until, yield_now},
    model::Subnet,
    name::ObjectName,
    store::{Key, StoreError},
    time::Moment,
};

/// What became of a change.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// The claim is written (in a dry run: could be).
    Made,
    /// The Subnet has other addresses by now, or is going.
    Moved,
    /// There is no such Subnet.
    NoSubnet,
    /// The Subnet, with its record as it stands.
    Stands(Arc<Subnet>),
}

pub(super) type Answered = Result<Answer, AdminError>;

#[derive(Debug)]
enum Place {
    /// In the queue, or with a batch; whoever waits for it, once he was asked.
    Waiting(Option<Waker>),
    Done(Option<Answered>),
}

#[derive(Debug)]
struct Ticket {
    change: Change,
    place: Mutex<Place>,
}

impl Ticket {
    fn poll(&self, context: &mut Context<'_>) -> Poll<Answered> {
        match &mut *self.place.lock() {
            Place::Done(answer) => answer.take().map_or(Poll::Pending, Poll::Ready),
            Place::Waiting(waker) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    fn done(&self) -> Option<Answered> {
        match &mut *self.place.lock() {
            Place::Done(answer) => answer.take(),
            Place::Waiting(_) => None,
        }
    }

    fn answer(&self, answer: Answered) {
        let before = std::mem::replace(&mut *self.place.lock(), Place::Done(Some(answer)));
        if let Place::Waiting(Some(waker)) = before {
            waker.wake();
        }
    }
}

#[derive(Debug, Default)]
struct Lane {
    queue: Mutex<Vec<Arc<Ticket>>>,
    turn: AsyncMutex<()>,
}

/// The Subnets whose records are being written.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<BTreeMap<ObjectName, Arc<Lane>>>);

impl Ledger {
    fn enter(&self, subnet: &ObjectName, change: Change) -> Waiter<'_> {
        let ticket = Arc::new(Ticket { change, place: Mutex::new(Place::Waiting(None)) });
        let lane = self.0.lock().entry(subnet.clone()).or_default().clone();
        lane.queue.lock().push(ticket.clone());
        Waiter { ledger: self, subnet: subnet.clone(), lane, ticket }
    }
}

/// A change's place at a lane. Dropped in the middle, it takes the change back unless that is being written.
struct Waiter<'a> {
    ledger: &'a Ledger,
    subnet: ObjectName,
    lane: Arc<Lane>,
    ticket: Arc<Ticket>,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.lane.queue.lock().retain(|ticket| !Arc::ptr_eq(ticket, &self.ticket));
        let mut lanes = self.ledger.0.lock();
        // The map's and this one's.
        if Arc::strong_count(&self.lane) == 2 {
            lanes.remove(&self.subnet);
        }
    }
}

/// Changes that are being written together. What has no answer when this is dropped waits again.
struct Batch<'a> {
    lane: &'a Lane,
    tickets: Vec<Arc<Ticket>>,
}

impl<'a> Batch<'a> {
    fn of(lane: &'a Lane) -> Self {
        let tickets = std::mem::take(&mut *lane.queue.lock());
        Self { lane, tickets }
    }

    fn answer(&mut self, answers: Vec<Answered>) {
        for (ticket, answer) in self.tickets.drain(..).zip(answers) {
            ticket.answer(answer);
        }
    }

    /// The write failed. An engine that does not answer does not answer to anybody; everything else may be the fault
    /// of one change, and each finds its own by trying alone.
    fn failed(&mut self, own: &Arc<Ticket>, error: AdminError) {
        let shared = match &error {
            AdminError::Store(error @ StoreError::Unavailable { .. }) => Some(error.to_string()),
            _ => None,
        };
        for ticket in &self.tickets {
            if let Some(message) = shared.as_ref().filter(|_| !Arc::ptr_eq(ticket, own)) {
                ticket.answer(Err(StoreError::unavailable(message.clone()).into()));
            }
        }
        own.answer(Err(error));
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for ticket in self.tickets.drain(..) {
            let waits = matches!(*ticket.place.lock(), Place::Waiting(_));
            // Nobody but this batch knows those whose edits were dropped.
            if waits && Arc::strong_count(&ticket) > 1 {
                self.lane.queue.lock().push(ticket);
            }
        }
    }
}

impl Allocator {
    /// Hands `change` to the record of `subnet`, and waits for what becomes of it.
    pub(super) async fn record(&self, subnet: &ObjectName, change: Change) -> Answered {
        let deadline: Moment = self.env().clock.monotonic().after(BUDGET);
        let waiter = self.ledger().enter(subnet, change);
        let Waiter { lane, ticket, .. } = &waiter;
        loop {
            // Answers do not wait for the turn: those who have theirs are to be in time for the next write.
            let turn = {
                let answered = pin!(poll_fn(|context| ticket.poll(context)));
                let turn = pin!(lane.turn.lock());
                match until(self.env(), deadline, select(answered, turn)).await {
                    Some(Either::Left((answer, _))) => return answer,
                    Some(Either::Right((turn, _))) => turn,
                    None => return Err(AdminError::Contended { object: Key::Subnet(subnet.clone()) }),
                }
            };
            if let Some(answer) = ticket.done() {
                return answer;
            }
            // Those who were woken together come together.
            yield_now().await;
            let mut batch = Batch::of(lane);
            let tickets = batch.tickets.clone();
            let changes: Vec<_> = tickets.iter().map(|ticket| &ticket.change).collect();
            let written = self.write_record(subnet, &changes, deadline).await;
            drop(changes);
            drop(tickets);
            match written {
                Ok(answers) => batch.answer(answers),
                Err(error) => batch.failed(ticket, error),
            }
            drop(turn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change() -> Change {
        Change::Reconcile { without: None }
    }

    #[test]
    fn what_a_dropped_write_leaves_is_done_by_the_next_unless_nobody_waits_for_it() {
        let (ledger, subnet) = (Ledger::default(), ObjectName::new("s").unwrap());
        let [one, two, gone] = std::array::from_fn(|_| ledger.enter(&subnet, change()));
        let batch = Batch::of(&one.lane);
        assert!(one.lane.queue.lock().is_empty());
        drop(gone);
        drop(batch);
        assert_eq!(one.lane.queue.lock().len(), 2);
        let mut batch = Batch::of(&one.lane);
        batch.answer(vec![Ok(Answer::Made), Ok(Answer::Moved)]);
        drop(batch);
        assert!(one.lane.queue.lock().is_empty());
        assert!(matches!(one.ticket.done(), Some(Ok(Answer::Made))));
        assert!(matches!(two.ticket.done(), Some(Ok(Answer::Moved))));
        drop((one, two));
        assert!(ledger.0.lock().is_empty(), "a lane that nobody uses goes");
    }

    #[test]
    fn an_engine_that_does_not_answer_fails_all_and_anything_else_only_who_met_it() {
        let (ledger, subnet) = (Ledger::default(), ObjectName::new("s").unwrap());
        let [one, two] = std::array::from_fn(|_| ledger.enter(&subnet, change()));
        let mut batch = Batch::of(&one.lane);
        batch.failed(&one.ticket, AdminError::NotFound { object: Key::Subnet(subnet.clone()) });
        drop(batch);
        assert!(matches!(one.ticket.done(), Some(Err(AdminError::NotFound { .. }))));
        assert!(two.ticket.done().is_none());
        let mut batch = Batch::of(&two.lane);
        assert_eq!(batch.tickets.len(), 1, "it waits again");
        batch.failed(&one.ticket, StoreError::unavailable("away").into());
        assert!(matches!(two.ticket.done(), Some(Err(AdminError::Store(_)))));
    }
}
