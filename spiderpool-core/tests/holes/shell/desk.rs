//! A store whose every operation waits until the exploration performs it.

use std::{
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Poll, Waker},
};

use async_trait::async_trait;
use parking_lot::Mutex;
use spiderpool_core::{
    model::BlockBits,
    protocol::{Failure, Op, Reply},
    store::{
        Capabilities, Document, Key, Listing, Position, Selector, Store, StoreError, Token, Versioned, Watch,
    },
};

use super::super::store::ModelStore;

/// An operation that waits.
struct Ticket {
    number: u64,
    agent: usize,
    op: Op,
    reply: Option<Reply>,
    waker: Option<Waker>,
}

#[derive(Default)]
struct Inside {
    store: ModelStore,
    /// Whether everything is performed at once.
    open: bool,
    tickets: Vec<Ticket>,
    last: u64,
}

/// Where operations wait.
#[derive(Default)]
pub(crate) struct Desk(Mutex<Inside>);

/// What can be done with an operation that waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// It is performed and answered.
    Done,
    /// It is performed, and the answer is lost.
    Lost,
    /// The answer is lost, and it may be performed later.
    Late,
}

impl Desk {
    pub(crate) fn new(store: ModelStore) -> Self {
        Self(Mutex::new(Inside { store, open: true, ..Inside::default() }))
    }

    pub(crate) fn open(&self, open: bool) {
        self.0.lock().open = open;
    }

    pub(crate) fn store(&self) -> ModelStore {
        self.0.lock().store.clone()
    }

    /// The operations that wait: their numbers, agents and what they do.
    pub(crate) fn waiting(&self) -> Vec<(u64, usize, Op)> {
        let inside = self.0.lock();
        let waiting = inside.tickets.iter().filter(|ticket| ticket.reply.is_none());
        waiting.map(|ticket| (ticket.number, ticket.agent, ticket.op.clone())).collect()
    }

    /// Performs one that waits. The operation, if it is to be performed later, and what was answered.
    pub(crate) fn settle(&self, number: u64, fate: Fate) -> (Option<Op>, Reply) {
        let mut inside = self.0.lock();
        let Inside { store, tickets, .. } = &mut *inside;
        let ticket = tickets.iter_mut().find(|ticket| ticket.number == number).unwrap();
        let reply = match fate {
            Fate::Done => store.perform(&ticket.op).unwrap(),
            Fate::Lost => {
                store.perform(&ticket.op);
                Reply::Failed(Failure::Unknown)
            }
            Fate::Late => Reply::Failed(Failure::Unknown),
        };
        ticket.reply = Some(reply.clone());
        if let Some(waker) = ticket.waker.take() {
            waker.wake();
        }
        ((fate == Fate::Late).then(|| ticket.op.clone()), reply)
    }

    /// A late one lands.
    pub(crate) fn land(&self, op: &Op) {
        self.0.lock().store.perform(op);
    }

    async fn ask(&self, agent: usize, op: Op) -> Reply {
        let number = {
            let mut inside = self.0.lock();
            if inside.open {
                return inside.store.perform(&op).unwrap();
            }
            inside.last += 1;
            let number = inside.last;
            inside.tickets.push(Ticket { number, agent, op, reply: None, waker: None });
            number
        };
        let _leave = Leave(self, number);
        poll_fn(|context| {
            let mut inside = self.0.lock();
            let ticket = inside.tickets.iter_mut().find(|ticket| ticket.number == number).unwrap();
            match ticket.reply.take() {
                Some(reply) => Poll::Ready(reply),
                None => {
                    ticket.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

/// A request that is cut off takes its operation back.
struct Leave<'a>(&'a Desk, u64);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.0.lock().tickets.retain(|ticket| ticket.number != self.1);
    }
}

/// One agent's way to the desk.
pub(crate) struct GatedStore {
    pub(crate) desk: Arc<Desk>,
    pub(crate) agent: usize,
    pub(crate) bits: BlockBits,
}

impl fmt::Debug for GatedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GatedStore({})", self.agent)
    }
}

fn error(key: &Key, reply: Reply) -> StoreError {
    let key = key.clone();
    match reply {
        Reply::Failed(Failure::Conflict) => StoreError::Conflict { key },
        Reply::Failed(Failure::Exists) => StoreError::AlreadyExists { key },
        Reply::Failed(Failure::Missing) => StoreError::NotFound { key },
        _ => StoreError::unknown("the reply was lost"),
    }
}

#[async_trait]
impl Store for GatedStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: "desk".into(),
            snapshot_list: true,
            durable: true,
            watch: false,
            shared: true,
            own_resources: true,
            draws_uids: false,
            max_document_bytes: None,
            default_block_bits: self.bits,
        }
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        match self.desk.ask(self.agent, Op::Get(key.clone())).await {
            Reply::Got(found) => Ok(found),
            reply => Err(error(key, reply)),
        }
    }

    async fn list(&self, selector: &Selector) -> Result<Listing, StoreError> {
        match self.desk.ask(self.agent, Op::List(selector.clone())).await {
            Reply::Listed(listing) => Ok(listing),
            _ => Err(StoreError::unavailable("not listed")),
        }
    }

    async fn tokens(&self, selector: &Selector) -> Result<Vec<(Key, Token)>, StoreError> {
        Ok(self.list(selector).await?.items.into_iter().map(|item| (item.key, item.token)).collect())
    }

    async fn create(&self, key: &Key, document: Document) -> Result<Token, StoreError> {
        match self.desk.ask(self.agent, Op::Create(key.clone(), document)).await {
            Reply::Written(token) => Ok(token),
            reply => Err(error(key, reply)),
        }
    }

    async fn update(&self, key: &Key, token: &Token, document: Document) -> Result<Token, StoreError> {
        match self.desk.ask(self.agent, Op::Update(key.clone(), token.clone(), document)).await {
            Reply::Written(token) => Ok(token),
            reply => Err(error(key, reply)),
        }
    }

    async fn delete(&self, key: &Key, token: &Token) -> Result<(), StoreError> {
        match self.desk.ask(self.agent, Op::Delete(key.clone(), token.clone())).await {
            Reply::Deleted => Ok(()),
            reply => Err(error(key, reply)),
        }
    }

    async fn watch(&self, _: &Selector, _: &Position) -> Result<Box<dyn Watch>, StoreError> {
        Err(StoreError::Unsupported { what: "watching a desk" })
    }
}
