//! What a state machine of the protocol looks like from outside.
//!
//! A machine never waits and never reads a clock: it is fed the reply to its last operation together with the
//! time, and says what to do next. The async driver ([`crate::alloc`]), a simulation and an exhaustive search run
//! the same machines; that is why their state is `Clone`, `Eq` and `Hash`.

use std::{fmt, hash::Hash, sync::Arc, time::Duration};

use super::{
    intent::{Intent, Outcome, PoolRef},
    survey::Surveyed,
};
use crate::{
    model::{BlockId, GrantKey, PlanId},
    name::{ContainerId, NamespacedName, NodeName, OwnerUid},
    store::{Document, Key, Listing, Selector, StoreError, Token, Versioned},
    time::{Moment, Timestamp},
};

/// What a machine asks its driver to do.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Op {
    /// Read a document, linearizably. → [`Reply::Got`]
    Get(Key),
    /// Read two documents at once, each linearizably, in no order. → [`Reply::GotBoth`]
    GetBoth([Key; 2]),
    /// List documents. → [`Reply::Listed`]
    List(Selector),
    /// List blocks as of one instant, or as near to one as the store's listings come; those that this process knows may be
    /// told by their tokens alone. → [`Reply::Surveyed`], or [`Reply::Listed`] where it knows few
    Survey(Selector),
    /// Read these blocks, each linearizably, in no order. → [`Reply::GotAll`]
    GetAll(Vec<BlockId>),
    /// Create a document. → [`Reply::Written`]
    Create(Key, Document),
    /// Replace a document. → [`Reply::Written`]
    Update(Key, Token, Document),
    /// Delete a document. → [`Reply::Deleted`]
    Delete(Key, Token),
    /// The uid of the pod of this name now, by a linearizable read. → [`Reply::Pod`]
    Pod(NamespacedName),
    /// Whether a container's sandbox is gone: the second source of rule 15. → [`Reply::Sandbox`]
    Sandbox {
        /// The node the record names.
        node: NodeName,
        /// The container the record names.
        container: ContainerId,
    },
    /// Write these to the intent log, which outlives the process, before going on. → [`Reply::Logged`]
    Log(LogWrite),
    /// Hand intents to their blocks; each block merges what waits for it into its next write.
    /// → [`Reply::Committed`], outcomes in the same order.
    Commit(Vec<(BlockId, Intent)>),
    /// Which block to try for this pool. Any answer is safe; a bad one costs time. → [`Reply::Hint`], or
    /// [`Reply::Exhausted`] where that was proven a moment ago.
    Hint {
        /// The pool.
        pool: Arc<PoolRef>,
        /// What the last hint turned out to be.
        spent: Option<(BlockId, Spent)>,
    },
    /// This plan is missing and has to be settled: one request of a process does it for all. → [`Reply::Noted`], or
    /// [`Reply::Slept`] where another one is at it: look again.
    MaySettle(PlanId),
    /// The pool has room in these blocks. → [`Reply::Noted`]
    Roomy {
        /// The pool.
        pool: Arc<PoolRef>,
        /// The blocks.
        blocks: Vec<BlockId>,
    },
    /// The pool was proven to be without a free address. → [`Reply::Noted`]
    Exhausted {
        /// The pool.
        pool: Arc<PoolRef>,
        /// When the first cooling address is ready, if there is one.
        cooling: Option<Timestamp>,
    },
    /// Wait about this long; the driver adds jitter. → [`Reply::Slept`]
    Sleep(Duration),
}

/// What became of a block that was tried.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Spent {
    /// It has no free address for the pool.
    Full,
    /// Its free addresses are cooling until then.
    Cooling(Timestamp),
}

/// A change of the intent log.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct LogWrite {
    /// Grants about to be written: key, block and the token that the write carries.
    pub put: Vec<(GrantKey, BlockId, Token)>,
    /// Keys that hold nothing, by a definite reply.
    pub remove: Vec<GrantKey>,
}

/// What the driver says.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// Nothing yet: the first step.
    Start,
    /// The document, if there is one.
    Got(Option<Versioned>),
    /// The documents, in the order they were asked for.
    GotBoth([Option<Versioned>; 2]),
    /// The documents.
    Listed(Listing),
    /// The blocks, ascending.
    Surveyed(Vec<Surveyed>),
    /// The blocks, in the order they were asked for.
    GotAll(Vec<Option<Versioned>>),
    /// Written, with its new token.
    Written(Token),
    /// Deleted.
    Deleted,
    /// The operation failed.
    Failed(Failure),
    /// The uid of the pod; none if there is no such pod.
    Pod(Option<OwnerUid>),
    /// What the second source says.
    Sandbox(SandboxState),
    /// The log is written.
    Logged,
    /// What became of the intents.
    Committed(Vec<Outcome>),
    /// The block to try; none if every block is known to be without room.
    Hint(Option<BlockId>),
    /// The pool was proven to be without a free address less than a second ago, and nothing was released here since.
    Exhausted(Option<Timestamp>),
    /// Noted.
    Noted,
    /// Time has passed.
    Slept,
}

/// What the second source of rule 15 says of a sandbox.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SandboxState {
    /// Its network namespace is there, or nobody knows better.
    Alive,
    /// Its namespace is gone and no request of it runs; or its node is gone.
    Gone,
}

/// A failed store operation, told apart by what the protocol does next.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Failure {
    /// Another token stands there.
    Conflict,
    /// Something to be created is there.
    Exists,
    /// Something to be changed is not there.
    Missing,
    /// Nothing was done; later may do.
    Unavailable(Arc<str>),
    /// Done or not, or still to be done.
    Unknown,
    /// Retrying will not help.
    Fatal(Arc<str>),
}

impl From<&StoreError> for Failure {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Conflict { .. } => Self::Conflict,
            StoreError::AlreadyExists { .. } => Self::Exists,
            StoreError::NotFound { .. } => Self::Missing,
            StoreError::UnknownOutcome { .. } => Self::Unknown,
            StoreError::Unavailable { .. } | StoreError::Expired => {
                Self::Unavailable(error.to_string().into())
            }
            _ => Self::Fatal(error.to_string().into()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict => f.write_str("somebody else changed it"),
            Self::Exists => f.write_str("it exists already"),
            Self::Missing => f.write_str("it does not exist"),
            Self::Unknown => f.write_str("the store did not say whether the write took effect"),
            Self::Unavailable(message) | Self::Fatal(message) => f.write_str(message),
        }
    }
}

/// The input of a step.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Input {
    /// The wall clock.
    pub now: Timestamp,
    /// The monotonic clock.
    pub moment: Moment,
    /// The reply to the last operation.
    pub reply: Reply,
}

/// The output of a step.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Step<T> {
    /// Do this and come back with the reply.
    Do(Op),
    /// Finished.
    Done(T),
}

/// A state machine of the protocol.
pub trait Machine: Clone + Eq + Hash + fmt::Debug {
    /// What it ends with.
    type Output;

    /// Takes the reply to the last operation ([`Reply::Start`] first) and says what comes next. A reply that does
    /// not fit the last operation counts as a lost one.
    fn step(&mut self, input: Input) -> Step<Self::Output>;
}
